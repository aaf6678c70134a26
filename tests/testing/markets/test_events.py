"""Events have as many markets as were asked for, and stages of their own length."""

from dataclasses import replace

import numpy as np
import pytest
from tests.testing.markets.market_samples import LIVELY

from tsfm_runner.testing.markets.events import draw_events
from tsfm_runner.testing.markets.profiles import Profile, Range, Shape
from tsfm_runner.testing.markets.traits import EventTraits


def drawn(profile: Profile, *, step_s: int = 300, n_steps: int = 100) -> EventTraits:
    return draw_events(
        200,
        profiles=(profile,),
        n_steps=n_steps,
        step_s=step_s,
        rng=np.random.default_rng(51),
    )


@pytest.mark.parametrize(("step_s", "steps"), [(60, 120), (300, 24), (3_600, 2)])
def test_a_timed_stage_takes_its_time_however_often_one_looks(
    step_s: int, steps: float
) -> None:
    pace = replace(LIVELY.pace, timed_share=1.0, stage_minutes=Range(120, 120))

    events = drawn(replace(LIVELY, pace=pace), step_s=step_s)

    assert events.stage_steps == pytest.approx(steps)


@pytest.mark.parametrize("step_s", [60, 3_600])
def test_other_stages_take_their_share_of_the_recording(step_s: int) -> None:
    pace = replace(LIVELY.pace, stage_share=Range(0.25, 0.25))

    events = drawn(replace(LIVELY, pace=pace), step_s=step_s)

    assert events.stage_steps == pytest.approx(25)


def test_some_events_have_no_stage() -> None:
    events = drawn(replace(LIVELY, pace=replace(LIVELY.pace, stage_chance=0.5)))

    assert np.mean(events.stage_steps == 0) == pytest.approx(0.5, abs=0.15)


def test_events_end_where_they_are_said_to() -> None:
    ended = replace(LIVELY, ended_share=0.5, ended_at=Range(0.25, 0.5))

    closes = drawn(ended).steps_to_close

    within = closes[closes < 100]
    assert within.size / closes.size == pytest.approx(0.5, abs=0.15)
    assert 25 <= within.min() < within.max() <= 50


def test_events_that_go_on_close_after_the_recording() -> None:
    assert (drawn(LIVELY).steps_to_close >= 100).all()


@pytest.mark.parametrize(("step_s", "steps"), [(300, 60), (3_600, 5)])
def test_a_timed_life_takes_its_time_however_often_one_looks(
    step_s: int, steps: float
) -> None:
    brief = replace(LIVELY, timed_life_share=1.0, life_hours=Range(5, 5))

    assert drawn(brief, step_s=step_s).steps_to_close == pytest.approx(steps)


def test_a_life_longer_than_the_recording_is_seen_from_some_moment_on() -> None:
    long = replace(LIVELY, timed_life_share=1.0, life_hours=Range(50, 50))

    closes = drawn(long).steps_to_close  # 600 steps, of which 100 are recorded

    assert 10 <= closes.min() < 60
    assert 500 < closes.max() <= 600
    assert closes.mean() == pytest.approx(305, rel=0.15)


@pytest.mark.parametrize(("shape", "least"), [("bands", 3), ("ladder", 3)])
def test_events_of_many_markets_have_a_few(shape: Shape, least: int) -> None:
    events = drawn(replace(LIVELY, shape=shape))

    assert events.n_markets.sum() == 200
    assert events.n_markets[:-1].min() == least  # the last one is cut off
    assert events.n_markets.max() == 9


@pytest.mark.parametrize("shape", ["single", "generic"])
def test_other_events_have_one(shape: Shape) -> None:
    assert drawn(replace(LIVELY, shape=shape)).n_markets.tolist() == [1] * 200
