"""The tables of a study fit a terminal and say what was found."""

import io
import re

from rich.console import Console
from tests.evaluation.documents import copied, study, without_numbers

from tsfm_runner.cli.evaluate_tables import study_tables
from tsfm_runner.evaluation.schema import Document

STUDY = study(models=("ewma", "rolling_quantile", "chronos2"))


def printed(document: Document, *, width: int = 80) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width).print(study_tables(document))
    return stream.getvalue()


def test_no_number_is_broken_at_80_columns() -> None:
    narrow, wide = printed(STUDY).split(), printed(STUDY, width=200).split()

    def numbers(words: list[str]) -> list[str]:
        return [word for word in words if word[:1].isdigit() or word[:1] == "."]

    assert numbers(narrow) == numbers(wide)
    assert "…" not in printed(STUDY)


def test_every_entry_stands_at_the_first_middle_and_last_step() -> None:
    text = printed(STUDY)

    for told in ("all steps", "step 1", "step 6", "step 12"):
        assert f"80 % band, {told} (shares and widths in points)" in text
    assert text.count("rolling_quantile  cal.") == 4


def test_the_lowest_score_stands_first() -> None:
    document = copied(STUDY)
    for cell in document["overall"]:
        for interval in cell["intervals"]:
            interval["interval_score"] = 0.01 if cell["entry"] == "ewma/raw" else 0.02

    [first, *_] = [line for line in printed(document).splitlines() if " .0100" in line]

    assert first.split()[:2] == ["ewma", "raw"]


def test_every_entry_is_compared_with_every_baseline() -> None:
    text = printed(STUDY, width=100)

    assert text.count("Ratio to") == 4
    assert "Ratio to chronos2" not in text
    assert text.count("chronos2/calibrated") == 4


def test_significance_is_marked() -> None:
    document = copied(STUDY)
    chosen = [
        one
        for one in document["ratios"]
        if (one["entry"], one["against"]) == ("chronos2/raw", "ewma/raw")
    ]

    def marked(ratio: float | None, *, is_significant: bool) -> str:
        for one in chosen:
            one.update(ratio=ratio, is_significant=is_significant)
        text = printed(document, width=100)
        _, _, table = text.partition("Ratio to ewma/raw")
        [line] = [line for line in table.splitlines() if "chronos2/raw" in line]
        return line

    assert marked(0.9, is_significant=True).rstrip().endswith("better")
    assert marked(1.1, is_significant=True).rstrip().endswith("worse")
    assert marked(0.9, is_significant=False).rstrip().endswith("not told apart")
    assert marked(None, is_significant=True).rstrip().endswith("not told apart")


def test_the_worst_segments_are_named() -> None:
    document = copied(STUDY)
    for cell in document["segments"]:
        cell.update(segment="category=rain,moving=<0.03", n_groups=9)
        for interval in cell["intervals"]:
            interval.update(open=0.2, closed=0.7, open_low=0.1, closed_high=0.75)

    text = printed(document, width=100)

    assert "the 10 worst of 24 segments, 80 % band, all steps" in " ".join(text.split())
    [line, *_] = [line for line in text.splitlines() if "rain moving=<0.03" in line]
    assert line.split()[2:7] == ["20.0", "70.0", "✗", "10.0", "5.0"]


def test_segments_of_several_frequencies_are_told_apart() -> None:
    document = copied(STUDY)
    document["segments"] = [
        cell for cell in document["segments"] if cell["freq"] != "all"
    ]

    text = printed(document, width=120)

    assert "the 10 worst of 48 segments" in text
    assert re.search(r"^ (5m|1h) \w+ moving=", text, re.MULTILINE)


def test_skipped_markets_are_named_with_their_reasons() -> None:
    document = copied(STUDY)
    document["skipped"] = [
        {"market_id": f"[red]m{k}", "reason": "no [prices]"} for k in range(13)
    ]

    text = printed(document)

    assert "skipped [red]m9" in text
    assert "no [prices]" in text
    assert "3 more" in text
    assert "left out: fewer than 30 prices" in text


def test_nothing_left_out_has_no_table() -> None:
    document = copied(STUDY)
    document.update(skipped=[], left_out={})

    assert "Markets not in the study" not in printed(document)


def test_a_failed_leakage_check_stands_first() -> None:
    document = copied(STUDY)
    document["leakage_checks"][0]["passed"] = False

    assert printed(document).startswith("LEAKAGE: groups apart")


def test_unknown_numbers_are_dashes() -> None:
    text = printed(without_numbers(STUDY))

    assert "nan" not in text
    assert "None" not in text
    assert "Nothing could be scored" in text
    assert "—" in text


def test_a_study_without_intervals_is_printed() -> None:
    document = copied(STUDY)
    for cell in document["overall"]:
        cell["intervals"] = []

    assert "80 % band, all steps" in printed(document)
