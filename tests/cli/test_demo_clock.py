import pytest

from tsfm_runner.cli.demo_clock import DemoClock


class HandClock:
    """Real seconds, set by hand."""

    def __init__(self) -> None:
        self.now_s = 50.0

    def __call__(self) -> float:
        return self.now_s


def test_it_stands_where_it_is_put_until_it_runs() -> None:
    real = HandClock()
    clock = DemoClock(1_000.0, rate=150.0, clock=real)

    clock.stand_at(1_300.0)
    real.now_s += 7

    assert clock() == 1_300.0


def test_it_runs_faster_and_knows_how_long_a_moment_is_away() -> None:
    real = HandClock()
    clock = DemoClock(1_000.0, rate=150.0, clock=real)

    clock.run()
    real.now_s += 2

    assert clock() == pytest.approx(1_300.0)
    assert clock.wait_s(1_600.0) == pytest.approx(2.0)
    assert clock.wait_s(1_299.0) == 0.0


def test_running_on_loses_no_time() -> None:
    real = HandClock()
    clock = DemoClock(0.0, rate=10.0, clock=real)
    clock.run()
    real.now_s += 3

    clock.run()
    real.now_s += 1

    assert clock() == pytest.approx(40.0)
