"""What is written is what is read, and reading finds what a start needs."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tests.adapters.ledger.entries import (
    START_S,
    STEP_S,
    facts,
    forecast,
    open_at,
    outcome,
    score,
    state,
)

from tsfm_runner.domain.ledger import ForecastEntry, ScoreEntry, SegmentRow, StateEntry

# Each example opens a ledger, and that makes its tables.
few = settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow]
)
seconds = st.floats(0, 1e11)
ids = st.integers(1, 2**62)
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
prices = st.floats(0, 1)
narrow = st.floats(-(2.0**100), 2.0**100, width=32)
whole_counts = st.integers(0, 2**62)


@st.composite
def forecasts(draw: st.DrawFn) -> ForecastEntry:
    horizon, n_scoring = draw(st.integers(1, 6)), draw(st.integers(0, 4))
    levels = draw(
        st.lists(st.floats(0.001, 0.999), min_size=1, max_size=5, unique=True)
    )

    def bands(width: int) -> np.ndarray:
        return draw(hnp.arrays(np.float64, (horizon, width), elements=prices))

    scoring = draw(hnp.arrays(np.float32, (horizon, n_scoring), elements=narrow))
    return ForecastEntry(
        id=draw(ids),
        forecast_id=draw(words),
        market_id=draw(words),
        event_id=draw(st.none() | words),
        cutoff_s=draw(seconds),
        step_s=draw(st.integers(1, 86_400)),
        closes_at_s=draw(st.none() | seconds),
        model_name=draw(words),
        model_version=draw(words),
        runtime=draw(words),
        is_shadow=draw(st.booleans()),
        fallback_reason=draw(st.none() | words),
        segment=draw(words),
        status=draw(words),
        state_version=draw(st.integers(0, 2**62)),
        recorded_at_s=draw(seconds),
        quantile_levels=tuple(sorted(levels)),
        raw=bands(len(levels)),
        published=bands(len(levels)),
        target=bands(2),
        scoring=scoring if n_scoring else np.empty((0, 0), np.float32),
    )


@st.composite
def scores(draw: st.DrawFn) -> ScoreEntry:
    pairs = draw(st.lists(st.tuples(ids, st.integers(1, 288)), max_size=8))
    return ScoreEntry(
        id=draw(ids),
        market_id=draw(words),
        ts_s=draw(seconds),
        y=draw(prices),
        forecast_ids=np.array([each[0] for each in pairs], dtype=np.int64),
        steps=np.array([each[1] for each in pairs], dtype=np.int16),
    )


segment_rows = st.builds(
    SegmentRow,
    model_name=words,
    model_version=words,
    step_s=st.integers(1, 86_400),
    is_shadow=st.booleans(),
    segment=words,
    step=st.integers(1, 288),
    n=whole_counts,
    n_closed=whole_counts,
    n_open=whole_counts,
    mean_width=prices,
    mean_interval_score=st.floats(0, 1e6),
)


def key(row: SegmentRow) -> tuple[object, ...]:
    names = (row.model_name, row.model_version, row.segment)
    return (*names, row.step_s, row.is_shadow, row.step)


states = st.builds(
    StateEntry,
    applied_score_id=whole_counts,
    updated_at_s=seconds,
    blob=st.binary(max_size=64),
    segments=st.lists(segment_rows, max_size=4, unique_by=key).map(tuple),
)


@given(entry=forecasts())
@few
async def test_a_forecast_comes_back_as_it_was(entry: ForecastEntry) -> None:
    with open_at(None) as ledger:
        ledger.append([entry])
        await ledger.commit()

        [found] = ledger.read(awaited_after_s=-1).forecasts

    bands = ("raw", "published", "target")
    exact = {name: value for name, value in facts(entry).items() if name not in bands}
    assert {name: facts(found)[name] for name in exact} == exact
    for name in bands:
        before, after = getattr(entry, name), getattr(found, name)
        np.testing.assert_allclose(after, before, rtol=0, atol=1e-7)


@given(ticks=st.lists(st.integers(0, 10_000), min_size=2, max_size=2))
@few
async def test_a_price_on_a_tick_comes_back_whole(ticks: list[int]) -> None:
    entry = forecast(1, horizon=1)
    entry.target[0] = np.array(ticks) / 10_000

    with open_at(None) as ledger:
        ledger.append([entry])
        await ledger.commit()

        [found] = ledger.read(awaited_after_s=0).forecasts

    assert found.target.tolist() == [[tick / 10_000 for tick in ticks]]


@given(entry=scores())
@few
async def test_a_score_comes_back_as_it_was(entry: ScoreEntry) -> None:
    with open_at(None) as ledger:
        ledger.append([entry])
        await ledger.commit()

        [found] = ledger.read(awaited_after_s=0).scores

    assert facts(found) == facts(entry)


@given(entry=states)
@few
async def test_a_state_comes_back_as_it_was(entry: StateEntry) -> None:
    with open_at(None) as ledger:
        ledger.append([entry])
        await ledger.commit()

        found = ledger.read(awaited_after_s=0).state

    assert found is not None
    assert found.blob == entry.blob
    assert found.applied_score_id == entry.applied_score_id
    assert found.updated_at_s == entry.updated_at_s
    assert sorted(found.segments, key=key) == sorted(entry.segments, key=key)


async def test_a_new_ledger_is_empty(tmp_path: Path) -> None:
    with open_at(tmp_path / "new" / "ledger.db") as ledger:
        contents = ledger.read(awaited_after_s=0)

    assert contents.state is None
    assert not contents.forecasts
    assert not contents.scores
    assert not contents.ended
    assert (contents.next_forecast_id, contents.next_score_id) == (1, 1)


async def test_a_start_reads_what_is_open_and_what_was_scored_since(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ledger.db"
    served = [
        forecast(number, recorded_at_s=START_S + number) for number in range(1, 6)
    ]
    with open_at(path) as ledger:
        ledger.append(served)
        ledger.append([score(1, [(1, 1)], ts_s=START_S + 2 * STEP_S)])
        ledger.append([state(0), state(1)])
        ledger.append([score(2, [(1, 2), (2, 1)], ts_s=START_S + 3 * STEP_S)])
        ledger.append([score(3, [(4, 1)], ts_s=START_S + 5 * STEP_S)])

    with open_at(path) as ledger:
        contents = ledger.read(awaited_after_s=served[2].awaited_until_s)

    assert contents.state is not None
    assert contents.state.applied_score_id == 1
    assert [each.id for each in contents.scores] == [2, 3]
    assert [each.id for each in contents.forecasts] == [1, 2, 4, 5]
    assert contents.ended == {(4, 1)}
    assert (contents.next_forecast_id, contents.next_score_id) == (6, 4)


async def test_forecasts_of_a_market_come_newest_first_without_shadows(
    tmp_path: Path,
) -> None:
    entries = [forecast(number, is_shadow=number % 2 == 0) for number in range(1, 12)]
    with open_at(tmp_path / "ledger.db") as ledger:
        ledger.append([*entries, forecast(12, market_id="other")])
        ledger.append([score(1, [(5, 2), (7, 1)], ts_s=START_S + 7 * STEP_S, y=0.75)])

        found = await ledger.forecasts(
            "m", since_s=START_S + 3 * STEP_S, before_id=9, limit=2
        )
        rest = await ledger.forecasts(
            "m", since_s=START_S + 3 * STEP_S, before_id=5, limit=2
        )

    assert [each.entry.id for each in found] == [7, 5]
    assert [each.entry.id for each in rest] == [3]
    np.testing.assert_array_equal(found[0].outcomes, [0.75, np.nan, np.nan])
    np.testing.assert_array_equal(found[1].outcomes, [np.nan, 0.75, np.nan])


@pytest.mark.parametrize("is_in_memory", [True, False])
async def test_the_first_word_on_a_price_counts(
    tmp_path: Path, *, is_in_memory: bool
) -> None:
    path = None if is_in_memory else tmp_path / "ledger.db"
    with open_at(path) as ledger:
        ledger.append([outcome(1, y=0.25), outcome(1, y=0.5)])
        await ledger.commit()
        ledger.append([outcome(1, y=0.75), outcome(2, y=1.0)])
        await ledger.commit()

        with ledger.database.reading() as connection:
            found = connection.exec_driver_sql(
                "SELECT y FROM outcomes ORDER BY ts_s"
            ).all()

    assert [y for (y,) in found] == [0.25, 1.0]


async def test_only_the_newest_states_are_kept(tmp_path: Path) -> None:
    with open_at(tmp_path / "ledger.db") as ledger:
        for applied in range(1, 6):
            ledger.append([state(applied)])
            await ledger.commit()

        with ledger.database.reading() as connection:
            kept = connection.exec_driver_sql(
                "SELECT applied_score_id FROM calibration_states"
            ).all()
            segments = connection.exec_driver_sql("SELECT n FROM segments").all()

    assert [each for (each,) in kept] == [3, 4, 5]
    assert [each for (each,) in segments] == [5]
