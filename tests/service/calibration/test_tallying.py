"""Counts of how bands did: exact, against a loop over the ledger."""

import numpy as np
import pytest
from tests.service.calibration.desk import SOON, Desk, up_to, walks

from tsfm_runner.core.conformal.cells import cell_of, last_step_of
from tsfm_runner.core.conformal.coverage import ClusterSums, coverage_interval
from tsfm_runner.domain.calibration import IntervalRecord
from tsfm_runner.domain.ledger import ForecastEntry
from tsfm_runner.domain.task import MarketFacts
from tsfm_runner.service.calibration.rows import Rows
from tsfm_runner.service.calibration.tallying import Tallies, kept

PRICES = walks(8, 90, seed=20260801)
N_EVENTS = 3


@pytest.fixture(scope="module")
def desk() -> Desk:
    """A desk that asked about markets of three events, two of one category each."""
    one = Desk(calibration=SOON)
    for step in range(30, 75):
        for place, (name, row) in enumerate(up_to(PRICES, step).items()):
            facts = MarketFacts(
                category="ab"[place % 2], event_id=f"e{place % N_EVENTS}"
            )
            one.ask(step, {name: row}, horizon=14, facts=facts)
    return one


def ended(desk: Desk) -> list[tuple[ForecastEntry, int, float]]:
    """Return each band and step, from 0, that was scored, with its outcome."""
    bands = {one.id: one for one in desk.ledger.bands}
    return [
        (bands[number], step - 1, one.y)
        for one in desk.ledger.scores
        for number, step in zip(
            one.forecast_ids.tolist(), one.steps.tolist(), strict=True
        )
    ]


def record_of(pairs: list[tuple[np.ndarray, float]], miss: float) -> IntervalRecord:
    """Follow the definition of a record one outcome at a time."""
    closed = inside = 0
    widths, scores = [], []
    for (low, high), y in pairs:
        closed += low - 1e-6 <= y <= high + 1e-6
        inside += low + 1e-6 < y < high - 1e-6
        outside = max(low - y, 0) + max(y - high, 0)
        widths.append(high - low)
        scores.append(high - low + 2 / miss * outside)
    return IntervalRecord(
        closed, inside, float(np.mean(widths)), float(np.mean(scores))
    )


def test_counts_are_those_of_a_loop_over_the_ledger(desk: Desk) -> None:
    groups: dict[tuple[str, int], list[tuple[ForecastEntry, int, float]]] = {}
    for band, step, y in ended(desk):
        [cell] = cell_of(np.array([step + 1])).tolist()
        groups.setdefault((band.segment, last_step_of(cell)), []).append(
            (band, step, y)
        )

    records = {(one.segment, one.step): one for one in desk.calibrator.state.records()}

    assert records.keys() == groups.keys()
    for key, members in groups.items():
        record = records[key]
        assert record.n == len(members)
        for told, kind, miss in (
            ("served", "published", 0.2),
            ("raw", "raw", 0.2),
            ("target", "target", 0.1),
        ):
            # Rows are kept in single precision.
            pairs = [
                (getattr(band, kind)[step, [0, -1]].astype(np.float32), y)
                for band, step, y in members
            ]
            expected = record_of(pairs, miss)
            ours = getattr(record, told)
            assert ours[:2] == expected[:2]
            assert ours[2:] == pytest.approx(expected[2:], rel=1e-5)


def test_an_interval_takes_outcomes_of_an_event_together(desk: Desk) -> None:
    answers = desk.ask(
        75,
        {"m0": PRICES["m0"][27:75]},
        facts=MarketFacts(category="a", event_id="e0"),
    )
    segment = answers[0].certificate.segment
    by_event: dict[str | None, list[bool]] = {}
    for band, step, y in ended(desk):
        if band.segment == segment:
            low, high = band.target[step].astype(np.float32).tolist()
            by_event.setdefault(band.event_id, []).append(
                bool(low - 1e-6 <= y <= high + 1e-6)
            )
    n = np.array([len(hits) for hits in by_event.values()], float)
    h = np.array([sum(hits) for hits in by_event.values()], float)
    sums = ClusterSums(n.size, n.sum(), h.sum(), n @ n, n @ h, h @ h)

    certificate = answers[0].certificate

    assert len(by_event) == N_EVENTS
    assert certificate.n == n.sum()
    assert certificate.empirical_coverage == pytest.approx(h.sum() / n.sum())
    assert certificate.coverage_interval == pytest.approx(
        coverage_interval(sums, z=1.959963984540054)
    )


def test_an_outcome_on_an_edge_is_inside_with_edges_and_not_without() -> None:
    edges = np.tile([0.3, 0.5], (5, 1))

    told = kept(edges, np.array([0.3, 0.5, 0.4, 0.2, 0.6]), miss=0.2)

    assert told.is_closed.tolist() == [True, True, True, False, False]
    assert told.is_open.tolist() == [False, False, True, False, False]
    assert told.width == pytest.approx(np.full(5, 0.2))
    assert told.score == pytest.approx([0.2, 0.2, 0.2, 1.2, 1.2])


def test_a_segment_that_was_never_counted_has_no_sums() -> None:
    assert Tallies().of_segment(3) == ClusterSums(0, 0, 0, 0, 0, 0)


def test_records_may_be_asked_for_by_stream_and_segment(desk: Desk) -> None:
    wanted = next(desk.calibrator.state.records()).segment

    some = list(desk.calibrator.state.records(lambda _, name: name == wanted))
    none = list(desk.calibrator.state.records(lambda key, _: key.model_name == "x"))

    assert {one.segment for one in some} == {wanted}
    assert none == []


def count(tallies: Tallies, events: list[str], y: float) -> None:
    """Count outcomes of a band from 0.3 to 0.5, one for each event."""
    n = len(events)
    edges, nothing = np.tile([0.3, 0.5], (n, 1)), np.zeros(n)
    places = np.zeros(n, dtype=np.int64)
    tallies.add(
        Rows(nothing, nothing, nothing, edges, edges, edges, edges, edges, edges),
        np.full(n, y),
        target_miss=0.1,
        shadows=places,
        segments=places,
        cells=places,
        events=events,
    )


def test_an_event_that_was_forgotten_counts_as_new_when_it_comes_back() -> None:
    tallies = Tallies()
    tallies.grow(1, 1)
    count(tallies, [f"e{number}" for number in range(20_001)], 0.4)
    before = tallies.of_segment(0)

    count(tallies, ["e0", "e0"], 0.6)

    after = tallies.of_segment(0)
    assert len(tallies.events) == 20_000
    assert before == ClusterSums(20_001, 20_001, 20_001, 20_001, 20_001, 20_001)
    # e0 is an event of its own now, with two misses.
    assert after == ClusterSums(20_002, 20_003, 20_001, 20_005, 20_001, 20_001)


def test_an_event_that_goes_on_is_one_cluster() -> None:
    tallies = Tallies()
    tallies.grow(1, 1)

    count(tallies, ["e", "e", "other"], 0.4)
    count(tallies, ["e"], 0.6)

    assert tallies.of_segment(0) == ClusterSums(2, 4, 3, 10, 7, 5)
