"""The verdict says what the numbers say."""

import re
from typing import Any

from tests.evaluation.documents import copied, study, without_numbers

from tsfm_runner.evaluation.report.choosing import (
    badness,
    best_entry,
    chief_cells,
    chief_ratios,
    chief_segments,
    few_steps,
    freqs_of,
    main_coverage,
)
from tsfm_runner.evaluation.report.words import alarms, subject, verdict

STUDY = study(models=("ewma", "har"), horizon=3, n_segments=3)


def told(entry: str, *, closed: float, inside: float, closed_high: float = 1.0) -> Any:  # noqa: ANN401
    """Return a study whose best entry has the given coverage at 80 %."""
    document = copied(STUDY)
    cells: Any = chief_cells(document)
    for cell in cells:
        for interval in cell["intervals"]:
            interval["interval_score"] = 0.02 if cell["entry"] == entry else 0.03
            if interval["coverage"] == 0.8:
                interval.update(closed=closed, open=inside, width=0.0312)
                interval.update(closed_high=closed_high)
    return document


def test_the_best_entry_is_praised_with_its_score_and_width() -> None:
    first, *_ = verdict(told("har/raw", closed=0.82, inside=0.7))

    assert first == (
        "har/raw has the lowest interval score at 80 %, 0.0200, "
        "with bands 3.12 points wide on average."
    )


def test_a_promise_is_kept_where_the_target_lies_between_both_coverages() -> None:
    kept = verdict(told("har/raw", closed=0.82, inside=0.7))[1]
    missed = verdict(told("har/raw", closed=0.79, inside=0.7, closed_high=0.81))[1]
    broken = verdict(told("har/raw", closed=0.79, inside=0.7, closed_high=0.795))[1]

    assert kept.startswith("It keeps its promise of 80 %: 82.0 % of outcomes")
    assert missed.startswith(
        "It misses its promise of 80 %, though not beyond its 95 % interval: 79.0 %"
    )
    assert broken.startswith("It breaks its promise of 80 %: 79.0 % of outcomes")
    assert broken.endswith("Mind this before you serve har/raw.")


def test_the_hardest_rival_is_named() -> None:
    document = copied(STUDY)
    best = best_entry(document) or ""
    ratios: Any = chief_ratios(document, best)
    hardest, *others = ratios
    hardest.update(ratio=0.98, low=0.95, high=1.01, is_significant=False)
    for one in others:
        one.update(ratio=0.9, low=0.89, high=0.91, is_significant=True)

    text = " ".join(verdict(document))

    assert (
        f"Against its hardest rival, {hardest['against']}, the score is 0.980" in text
    )
    assert "95 % interval [0.950, 1.010]: not significant." in text
    assert f"better than {len(others)} of {len(others) + 1} others" in text


def test_nothing_scored_has_no_verdict() -> None:
    document = without_numbers(STUDY)

    assert verdict(document) == ["Nothing could be scored, so there is no verdict."]
    assert best_entry(document) is None


def test_wis_decides_where_no_interval_was_scored() -> None:
    document = copied(STUDY)
    for cell in document["overall"]:
        cell["intervals"] = []
        cell["wis"] = 0.01 if cell["entry"] == "har/calibrated" else 0.02

    assert best_entry(document) == "har/calibrated"
    assert verdict(document)[0] == (
        "har/calibrated has the lowest weighted interval score, 0.0100."
    )


def test_unknown_coverage_is_not_judged() -> None:
    document = copied(STUDY)
    for cell in (*document["overall"], *document["segments"]):
        for interval in cell["intervals"]:
            interval.update(closed=None, open=None)

    assert not any("promise" in one or "right" in one for one in verdict(document))


def test_the_subject_counts_markets_groups_prices_and_effort() -> None:
    text = subject(STUDY)

    assert "4 entries on 3,072 markets of 622 independent groups" in text
    assert "3 steps ahead at 5m, 1h" in text
    assert "1,032,117 origins in 3.5 min and 1.8 GiB of memory" in text


def test_a_short_run_is_told_in_seconds_and_an_unmeasured_one_not_at_all() -> None:
    short, unmeasured = copied(STUDY), copied(STUDY)
    short["timing"]["elapsed_s"] = 7.25
    short["horizon"] = 1
    unmeasured["timing"].update(elapsed_s=None, peak_memory_mb=None)

    assert "one step ahead" in subject(short)
    assert "origins in 7.2 s and" in subject(short)
    assert subject(unmeasured).endswith("1,032,117 origins.")

    del unmeasured["timing"]
    assert subject(unmeasured).endswith("split “time”.")


def test_only_failed_checks_are_alarms() -> None:
    document = copied(STUDY)
    document["leakage_checks"][1]["passed"] = False

    assert alarms(STUDY) == []
    assert alarms(document) == ["future shuffled: 0 bands differ"]


def test_the_main_coverage_is_080_or_the_one_in_the_middle() -> None:
    document = copied(STUDY)
    assert main_coverage(document) == 0.8

    document["coverages"] = [0.95, 0.5, 0.6]
    assert main_coverage(document) == 0.6

    document["coverages"] = []
    assert main_coverage(document) == 0.8


def test_all_frequencies_together_come_first() -> None:
    document = study(models=("ewma",), freqs=("1h", "all"), horizon=1, n_segments=1)

    assert freqs_of(document) == ["all", "1h"]


def test_few_steps_are_all_the_first_the_middle_and_the_last() -> None:
    thirteen, twelve, one = copied(STUDY), copied(STUDY), copied(STUDY)
    thirteen["horizon"], twelve["horizon"], one["horizon"] = 13, 12, 1

    assert few_steps(thirteen) == [0, 1, 7, 13]
    assert few_steps(twelve) == [0, 1, 6, 12]
    assert few_steps(one) == [0, 1]


def test_badness_is_the_distance_from_the_target_with_doubt_and_without() -> None:
    wide = {"coverage": 0.8, "open": 0.9, "closed": 0.95}

    def bad(low: float | None, high: float | None) -> tuple[float, float]:
        return badness({**wide, "open_low": low, "closed_high": high}, n_groups=5)

    assert bad(0.85, 0.97) == (0.85 - 0.8, 0.9 - 0.8)
    assert bad(0.7, 0.97) == (0.0, 0.9 - 0.8)
    assert bad(None, None) == (0.9 - 0.8, 0.9 - 0.8)


def test_few_groups_are_sure_of_nothing() -> None:
    off = {"coverage": 0.8, "open": 0.1, "closed": 0.2}
    sure = {**off, "open_low": 0.1, "closed_high": 0.2}

    assert badness(sure, n_groups=4) == (0.0, 0.8 - 0.2)


def test_the_segments_of_the_best_entry_are_counted() -> None:
    document = copied(STUDY)
    for place, cell in enumerate(document["segments"]):
        cell["n_groups"] = 9
        for interval in cell["intervals"]:
            closed = 0.5 if place % 3 == 0 else 0.9
            interval.update(open=0.3, closed=closed, open_low=0.2, closed_high=0.95)
            if place == 0:
                interval["closed_high"] = 0.6

    last = verdict(document)[-1]

    assert re.search(r"is right in \d of 3 segments and surely wrong", last)


def test_segments_of_all_frequencies_count_where_none_has_all_together() -> None:
    document = copied(STUDY)
    document["segments"] = [
        cell for cell in document["segments"] if cell["freq"] != "all"
    ]

    assert len(chief_segments(STUDY, "har/raw")) == 3
    assert len(chief_segments(document, "har/raw")) == 6
