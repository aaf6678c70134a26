"""The last drifts are kept, newest first, and told to whoever wants to know."""

from dataclasses import replace

from tests.fakes import FakeClock

from tsfm_runner.domain.calibration import Drift, StreamKey
from tsfm_runner.service.calibration.drifts import Drifts

DRIFT = Drift(StreamKey("ewma", "1", 300), "category=none", 3, 0.4, 0.6)


def test_the_newest_drift_stands_first_with_its_time() -> None:
    clock = FakeClock(10.0)
    drifts = Drifts(clock)
    drifts.add(DRIFT)
    clock.now_s = 20.0
    drifts.add(replace(DRIFT, step=1))

    assert [(one.drift.step, one.at_s) for one in drifts] == [(1, 20.0), (3, 10.0)]


def test_the_oldest_of_more_than_200_leaves() -> None:
    drifts = Drifts(FakeClock())
    for step in range(201):
        drifts.add(replace(DRIFT, step=step))

    steps = [one.drift.step for one in drifts]

    assert (len(steps), steps[0], steps[-1]) == (200, 200, 1)


def test_each_drift_is_told_at_once() -> None:
    heard: list[tuple[Drift, float]] = []
    drifts = Drifts(FakeClock(7.0))
    drifts.when_found(lambda drift, at_s: heard.append((drift, at_s)))

    drifts.add(DRIFT)

    assert heard == [(DRIFT, 7.0)]
