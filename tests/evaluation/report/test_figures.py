"""What is drawn is small, and the worst of what there is."""

from typing import Any

from tests.evaluation.documents import copied, study

from tsfm_runner.evaluation.report.figures import (
    SHOWN_MARKETS,
    SHOWN_POINTS,
    SHOWN_SEGMENTS,
    packed,
    plot_data,
)

STUDY = study(models=("ewma",), freqs=("5m",), horizon=4, n_segments=40)
DRAWN = plot_data(STUDY)


def rows(columns: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of a packed table again."""
    read = {
        name: [column["names"][code] for code in column["codes"]]
        if isinstance(column, dict)
        else column
        for name, column in columns.items()
    }
    return [
        dict(zip(read, row, strict=True)) for row in zip(*read.values(), strict=True)
    ]


def test_a_packed_table_holds_its_rows() -> None:
    table = [{"a": "x", "b": 1, "c": None}, {"a": "y", "b": 2, "c": 0.25}]

    assert rows(packed(table)) == table
    assert packed([]) == {}


def test_every_interval_of_every_cell_is_drawn() -> None:
    drawn = rows(DRAWN["intervals"])

    assert len(drawn) == 3 * len(STUDY["overall"])
    assert {row["step"] for row in drawn} == {0, 1, 2, 3, 4}
    assert drawn[0]["closed"] == float(
        f"{STUDY['overall'][0]['intervals'][0]['closed']:.4g}"
    )


def test_the_segments_shown_are_those_most_surely_wrong() -> None:
    document = copied(STUDY)
    chosen = [
        cell
        for cell in document["segments"]
        if (cell["entry"], cell["step"]) == ("ewma/raw", None)
    ]
    for cell in chosen:
        cell["n_groups"] = 9
        for interval in cell["intervals"]:
            interval.update(open=0.4, closed=0.95, open_low=0.3, closed_high=0.97)
    [bad] = [one for one in chosen[-1]["intervals"] if one["coverage"] == 0.8]
    bad.update(open=0.3, closed=0.5, open_low=0.2, closed_high=0.6)

    data = plot_data(document)
    key = {"entry": "ewma/raw", "step": 0, "coverage": 0.8}
    shown = [r for r in rows(data["segments"]) if key.items() <= r.items()]
    [count] = [r for r in rows(data["segment_counts"]) if key.items() <= r.items()]

    assert len(shown) == SHOWN_SEGMENTS
    assert shown[0]["segment"] == chosen[-1]["segment"]
    assert (count["n"], count["n_right"], count["n_off"]) == (40, 39, 1)


def test_segments_of_unknown_coverage_are_not_counted() -> None:
    document = copied(STUDY)
    for cell in document["segments"]:
        for interval in cell["intervals"]:
            interval["open"] = None

    assert plot_data(document)["segment_counts"] == {}


def test_few_markets_and_their_last_points_are_drawn() -> None:
    document = copied(STUDY)
    long = document["markets"][0]
    n = len(long["times"])
    for name in ("times", "prices", "median"):
        long[name] *= 3
    for band in long["bands"]:
        band["lower"] *= 3
        band["upper"] *= 3
    document["markets"] = [long] * 5

    drawn = plot_data(document)["markets"]

    assert len(drawn) == SHOWN_MARKETS
    assert drawn[0]["n_points"] == 3 * n
    assert {len(drawn[0][name]) for name in ("times", "prices", "median")} == {
        SHOWN_POINTS
    }
    assert len(drawn[0]["bands"][0]["upper"]) == SHOWN_POINTS
    assert drawn[0]["times"][-1] == 1771545600 + 300 * (n - 1)


def test_the_first_choices_are_the_best_entry_and_its_hardest_rival() -> None:
    assert DRAWN["best"] in {"ewma/raw", "ewma/calibrated"}
    assert DRAWN["rival"] in {"ewma/raw", "ewma/calibrated"} - {DRAWN["best"]}
