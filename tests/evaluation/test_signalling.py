"""The figures of signals, each worked by hand."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from tests.service.signals_told import breach_signal

from tsfm_runner.config import SignalsConfig
from tsfm_runner.domain.signals import BreachSignal, FollowThrough
from tsfm_runner.domain.task import MarketFacts
from tsfm_runner.evaluation.signalling import SignalFigures, figures_of, onsets
from tsfm_runner.service.warming import History

STEP_S = 300
FIRST = 1_000


def history(
    market_id: str, prices: list[float], *, event: str | None = None
) -> History:
    return History(market_id, FIRST, np.array(prices), MarketFacts(event_id=event))


def opened(market_id: str, at: int, **changes: Any) -> BreachSignal:  # noqa: ANN401 - any field
    """Return a breach of a band with the median 0.5, opened so many steps in."""
    moment_s = float((FIRST + at) * STEP_S)
    signal = breach_signal(at, market_id=market_id, dedupe_key=f"{market_id}-{at}")
    return replace(
        signal, opened_at_s=moment_s, ts_s=moment_s, opened_price=0.65, **changes
    )


def judged(histories: list[History], signals: list[BreachSignal]) -> SignalFigures:
    return figures_of(histories, signals, step_s=STEP_S, config=SignalsConfig())


LEAP = [0.5] * 20 + [0.65] * 20


def test_a_move_begins_once_an_hour() -> None:
    prices = np.array([0.5] * 13 + [0.6, 0.7] + [0.7] * 25 + [0.6])

    assert onsets(prices, 12) == [13, 40]


def test_nothing_begins_in_a_market_younger_than_an_hour() -> None:
    assert onsets(np.array([0.1, 0.9]), 12) == []


@pytest.mark.parametrize(
    ("at", "n_signalled"), [(7, 0), (8, 1), (20, 1), (22, 1), (23, 0)]
)
def test_a_move_is_signalled_from_an_hour_before_to_two_steps_after(
    at: int, n_signalled: int
) -> None:
    closed_s = float((FIRST + at + 1) * STEP_S)
    signals = [opened("m", at), opened("m", at, phase="closed", closed_at_s=closed_s)]

    figures = judged([history("m", LEAP)], signals)

    assert figures.moves_signalled[:2] == (n_signalled, 1)


def test_a_breach_that_is_open_when_a_move_begins_signals_it() -> None:
    assert judged([history("m", LEAP)], [opened("m", 2)]).moves_signalled.part == 1


def test_moves_of_a_market_that_has_closed_are_left_out() -> None:
    def closing_at(step: int) -> History:
        closes_at = datetime.fromtimestamp((FIRST + step) * STEP_S, UTC)
        part = history("m", LEAP)
        return replace(part, facts=replace(part.facts, closes_at=closes_at))

    moves = [judged([closing_at(at)], []).moves_signalled.whole for at in (20, 21)]

    assert moves == [0, 1]


def test_a_price_back_at_the_median_after_an_hour_was_a_false_alarm() -> None:
    back = history("back", [0.5] * 20 + [0.65] * 12 + [0.52] * 8)
    stays, ends = history("stays", LEAP), history("ends", LEAP[:31])
    signals = [opened(name, 20) for name in ("back", "stays", "ends")]

    figures = judged([back, stays, ends], signals)

    assert figures.false[:3] == (1, 2, 0.5)


def test_the_newest_of_each_breach_counts() -> None:
    came = FollowThrough(has_followed=True, largest_move=0.04, decided_at_s=0.0)
    unknown = FollowThrough(has_followed=None, largest_move=0.0, decided_at_s=0.0)
    signals = [
        opened("m", 20),
        opened("m", 20, phase="escalated", severity="extreme"),
        opened("m", 20, phase="followed", severity="extreme", follow_through=came),
        opened("m", 30, phase="followed", follow_through=unknown),
    ]

    figures = judged([history("m", LEAP)], signals)

    assert figures.by_severity == {"moderate": 1, "severe": 0, "extreme": 1}
    assert figures.followed[:2] == (1, 1)
    assert figures.per_market_day.value == pytest.approx(2 / (40 * STEP_S / 86_400))


def test_quiet_markets_and_the_cycles_with_a_breach_among_them() -> None:
    quiet = [history(name, [0.5, 0.59] * 20, event="e") for name in ("a", "b")]
    signals = [opened("a", 5), opened("b", 5), opened("a", 9), opened("loud", 11)]

    figures = judged([*quiet, history("loud", LEAP)], signals)

    assert (figures.n_markets, figures.n_events, figures.n_steps) == (3, 2, 120)
    assert figures.n_quiet_markets == 2
    assert figures.quiet_per_market_day.part == 3
    assert figures.quiet_cycles[:2] == (2, 40)


def test_intervals_are_over_events() -> None:
    markets = [history(f"m{n}", LEAP, event=f"e{n // 2}") for n in range(12)]
    signals = [opened(f"m{n}", 20) for n in range(8)]

    share = judged(markets, signals).moves_signalled

    assert share.value == pytest.approx(8 / 12)
    assert share.low is not None
    assert share.high is not None
    assert 0 <= share.low < 8 / 12 < share.high <= 1


def test_what_is_not_known_has_no_value() -> None:
    figures = judged([history("m", [0.5] * 30, event="e")], [])

    assert figures.followed == (0, 0, None, None, None)
    assert figures.per_market_day[2:] == (0, None, None)
