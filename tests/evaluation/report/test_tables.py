"""The tables of a report hold every entry, the best one first."""

from tests.evaluation.documents import copied, study, without_numbers

from tsfm_runner.evaluation.report import tables

STUDY = study(models=("ewma", "har"), freqs=("all",), horizon=2, n_segments=1)


def test_the_headline_begins_with_the_best_score() -> None:
    document = copied(STUDY)
    for cell in document["overall"]:
        for interval in cell["intervals"]:
            interval["interval_score"] = 0.01 if cell["entry"] == "har/raw" else 0.02

    page = tables.headline_table(document)

    assert page.index("har/raw") < page.index("ewma/raw")
    assert "0.0100 [" in page


def test_what_is_right_and_what_is_wrong_is_marked() -> None:
    document = copied(STUDY)
    for cell in document["overall"]:
        for interval in cell["intervals"]:
            is_raw = cell["entry"].endswith("raw")
            interval.update(open=0.3, closed=0.31 if is_raw else 0.99)

    page = tables.headline_table(document)

    assert '<td class="right">30.0 to 99.0 % ✓</td>' in page
    assert '<td class="off">30.0 to 31.0 % ✗</td>' in page


def test_unknown_numbers_have_a_dash() -> None:
    page = tables.headline_table(without_numbers(STUDY))

    assert "None" not in page
    assert "—" in page


def test_a_cell_without_the_coverage_has_dashes() -> None:
    document = copied(STUDY)
    for cell in document["overall"]:
        cell["intervals"] = []

    assert "—" in tables.headline_table(document)


def test_90_percent_has_no_column_where_it_was_not_asked_for() -> None:
    document = copied(STUDY)
    document["coverages"] = [0.8]

    assert "90 %" in tables.headline_table(STUDY)
    assert "90 %" not in tables.headline_table(document)


def test_nothing_missing_is_a_sentence() -> None:
    document = copied(STUDY)
    document.update(skipped=[], left_out={}, fallbacks=[])

    assert tables.skipped_tables(document) == "<p>Every market was studied.</p>"
    assert tables.fallbacks_table(document).startswith("<p>Every forecast came from")


def test_many_skipped_markets_are_counted_and_the_first_are_named() -> None:
    document = copied(STUDY)
    document["skipped"] = [
        {"market_id": f"market-{k}", "reason": "no prices"} for k in range(700)
    ]

    page = tables.skipped_tables(document)

    assert "<td>700</td>" in page
    assert "the first 500; 200 more" in page
    assert "market-499" in page
    assert "market-500" not in page


def test_the_manifest_is_told_to_its_last_leaf() -> None:
    page = tables.manifest_table(STUDY)

    assert '<th scope="row">settings.calibration.aim</th><td>0.9</td>' in page
    assert '<th scope="row">split.cuts.kalshi</th><td>2025-12-24T12:00:00Z</td>' in page
    assert "<td>0.05, 0.1, 0.25" in page
