"""The board shows the newest of each market, and works nothing out before."""

import math
from datetime import timedelta

import numpy as np
import pytest
from tests.fakes import FakeClock
from tests.service.board.boards import CUTOFF_S, PRICES, STEP_S, answer, told
from tests.service.builders import CUTOFF, a_board, service, task
from tests.service.signals_told import breach_signal

from tsfm_runner.config import Settings
from tsfm_runner.domain.forecast import ServedForecast
from tsfm_runner.domain.frequency import Frequency
from tsfm_runner.domain.signals import BreachSignal, Judgement
from tsfm_runner.domain.task import MarketFacts
from tsfm_runner.service.board.board import Board
from tsfm_runner.service.board.market import MarketStanding
from tsfm_runner.service.feed import Feed

HOUR_S = 3_600


class FakeSignals:
    """Say what they are told to say, and count how often they are asked."""

    def __init__(self) -> None:
        self.breach: BreachSignal | None = None
        self.judged: Judgement | None = None
        self.n_judgements = 0

    def judgement(self, market_id: str) -> Judgement | None:
        del market_id
        self.n_judgements += 1
        return self.judged

    def standing(self, market_id: str) -> BreachSignal | None:
        del market_id
        return self.breach


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(CUTOFF_S)


@pytest.fixture
def signals() -> FakeSignals:
    return FakeSignals()


@pytest.fixture
def board(clock: FakeClock, signals: FakeSignals) -> Board:
    return a_board(wall_clock=clock, signals=signals)


def shown(board: Board, market_id: str = "rain") -> MarketStanding:
    standing = board.standing(market_id)
    assert standing is not None
    return standing


def limited(**pages: int) -> Board:
    return a_board(Settings.model_validate({"pages": pages}))


def test_a_market_that_was_never_forecast_is_unknown(board: Board) -> None:
    board.observed(told((0, 0.5)))

    assert board.standing("rain") is None
    assert board.history("rain") is None
    assert not board.market_ids()


def test_the_newest_price_is_held_against_the_band_from_before_it(board: Board) -> None:
    board.answered(answer(lower=[0.43, 0.2, 0.1], upper=[0.45, 0.9, 0.9]))
    board.answered(answer(step=1, prices=[*PRICES, 0.5]))

    standing = shown(board)

    assert (standing.ts_s, standing.price) == (CUTOFF_S + STEP_S, 0.5)
    assert standing.current is not None
    assert standing.current.issued_at_s == CUTOFF_S
    assert (standing.current.step, standing.current.upper) == (1, 0.45)
    assert standing.ahead.ts_s == CUTOFF_S + 4 * STEP_S


def test_the_first_answer_has_no_band_from_before(board: Board) -> None:
    board.answered(answer())

    assert shown(board).current is None


def test_a_band_from_after_the_newest_price_does_not_judge_it(board: Board) -> None:
    board.answered(answer())
    board.answered(answer(step=1, prices=[*PRICES, 0.5]))
    board.answered(answer(step=2, prices=[*PRICES, 0.5, math.nan]))

    standing = shown(board)

    assert (standing.ts_s, standing.price) == (CUTOFF_S + STEP_S, 0.5)
    assert standing.current is not None
    assert standing.current.issued_at_s == CUTOFF_S


def test_few_bands_are_kept_of_a_market(board: Board) -> None:
    for step in range(30):
        gap = [math.nan] * step
        board.answered(answer(step=step, prices=[*PRICES, *gap]))

    assert shown(board).current is None
    board.observed(told((29.5, 0.5)))
    assert shown(board).current is None  # half a step ahead of the clock at most
    board.answered(answer(step=30, prices=[*PRICES, 0.5]))
    current = shown(board).current
    assert current is not None
    assert current.issued_at_s == CUTOFF_S + 29 * STEP_S


def test_an_answer_that_comes_late_changes_nothing(board: Board) -> None:
    board.answered(answer(step=1))
    before = shown(board)

    board.answered(answer())

    assert shown(board) is before


def test_of_two_answers_from_one_cutoff_the_later_one_is_shown(board: Board) -> None:
    board.answered(answer())
    board.answered(answer(step=1, freq=Frequency.parse("5m")))
    board.answered(answer(step=1, freq=Frequency.parse("1h")))

    standing = shown(board)

    assert standing.served.task.freq.text == "1h"
    assert standing.current is not None
    assert standing.current.issued_at_s == CUTOFF_S


def test_an_answer_from_far_ahead_does_not_stand_for_ever(board: Board) -> None:
    board.answered(answer(step=1_000))

    board.answered(answer())

    assert shown(board).ts_s == CUTOFF_S


def test_an_observation_moves_the_price_and_not_the_band(
    board: Board, clock: FakeClock
) -> None:
    board.answered(answer())
    clock.now_s += 2 * STEP_S

    board.observed(told((1, 0.5), (2, 0.7)))

    standing = shown(board)
    assert (standing.ts_s, standing.price) == (CUTOFF_S + 2 * STEP_S, 0.7)
    assert standing.recent.tolist() == [*PRICES, 0.5, 0.7]
    assert standing.current is not None
    assert (standing.current.issued_at_s, standing.current.step) == (CUTOFF_S, 2)
    assert standing.updated_at_s == CUTOFF_S + 2 * STEP_S


@pytest.mark.parametrize("step", [-1, 0, 10_000])
def test_an_observation_that_is_old_or_far_ahead_is_no_news(
    board: Board, step: int
) -> None:
    board.answered(answer())
    before = shown(board)

    board.observed(told((step, 0.9)))

    assert shown(board) is before


def test_a_newer_answer_takes_the_place_of_what_was_told_before(board: Board) -> None:
    board.answered(answer())
    board.observed(told((1, 0.5), (2, 0.55)))

    board.answered(answer(step=1, prices=[*PRICES, 0.5]))

    assert shown(board).recent.tolist() == [*PRICES, 0.5, 0.55]
    history = board.history("rain")
    assert history is not None
    assert history.values.tolist() == [*PRICES, 0.5, 0.55]
    assert np.diff(history.times_s).tolist() == [STEP_S] * 4
    assert history.times_s[-1] == CUTOFF_S + 2 * STEP_S


def test_the_last_48_prices_are_recent_and_all_are_history(board: Board) -> None:
    prices = np.linspace(0.2, 0.8, 100)
    board.answered(answer(prices=[*prices, math.nan]))

    history = board.history("rain")

    assert shown(board).recent.tolist() == prices[-48:].tolist()
    assert history is not None
    assert history.values.tolist() == prices.tolist()
    assert history.times_s[-1] == CUTOFF_S - STEP_S


def test_times_of_the_caller_are_kept(board: Board) -> None:
    times_s = CUTOFF_S + np.array([-700.0, -10.0, 0.0])
    board.answered(answer(prices=[0.1, 0.2, math.nan], times_s=times_s))

    history = board.history("rain")

    assert shown(board).ts_s == CUTOFF_S - 10
    assert history is not None
    assert history.times_s.tolist() == times_s[:2].tolist()


def test_a_price_is_stale_after_some_steps_and_one(
    board: Board, clock: FakeClock
) -> None:
    board.answered(answer())
    fresh = shown(board)
    assert fresh.stale_after_s == CUTOFF_S + 3 * STEP_S

    clock.now_s = fresh.stale_after_s

    assert not fresh.is_stale
    assert shown(board).is_stale


def test_a_market_says_that_it_has_closed_and_leaves_an_hour_later(
    board: Board, clock: FakeClock
) -> None:
    closes = MarketFacts(closes_at=CUTOFF + timedelta(seconds=10))
    board.answered(answer(facts=closes))
    assert not shown(board).is_closed

    clock.now_s += 10
    assert shown(board).is_closed
    assert list(board.market_ids()) == ["rain"]
    clock.now_s += HOUR_S + 1

    assert not board.market_ids()
    assert board.standing("rain") is None


def test_nothing_is_worked_out_before_somebody_asks_nor_twice(
    board: Board, signals: FakeSignals
) -> None:
    board.answered(answer())
    board.answered(answer(step=1))
    assert signals.n_judgements == 0

    assert shown(board) is shown(board)

    assert signals.n_judgements == 1


def test_a_breach_is_shown_when_it_opens_and_no_longer_when_it_is_over(
    board: Board, signals: FakeSignals
) -> None:
    board.answered(answer())
    assert shown(board).breach is None
    signals.breach = breach_signal(1)
    assert shown(board).breach == breach_signal(1)

    signals.breach = None

    assert shown(board).breach is None


def test_how_unusual_a_price_is_counts_for_that_price_only(
    board: Board, signals: FakeSignals
) -> None:
    signals.judged = Judgement("rain", CUTOFF_S, 0.44, 0.03, 1, breach_signal(1).band)
    board.answered(answer())
    assert shown(board).p_value == 0.03

    board.answered(answer(step=1))

    assert shown(board).p_value is None


def test_the_market_not_forecast_for_longest_leaves_first() -> None:
    board = limited(max_markets=2)
    for name in ("a", "b", "a", "c"):
        board.answered(answer(name))

    assert list(board.market_ids()) == ["a", "c"]
    assert board.standing("b") is None


def test_series_and_bands_take_no_more_than_their_share_of_memory() -> None:
    board = limited(max_bytes=100_000)
    long = [0.5] * 5_000
    for name in ("a", "b", "c"):
        board.answered(answer(name, prices=long))
    assert list(board.market_ids()) == ["b", "c"]

    columns = dict.fromkeys("wxyz", np.array(long))
    board.answered(answer("huge", prices=long, past_covariates=columns))

    assert list(board.market_ids()) == ["huge"]


async def test_who_listens_hears_which_markets_changed(clock: FakeClock) -> None:
    feed = Feed()
    board = a_board(feed=feed, wall_clock=clock)
    with feed.listen() as listener:
        board.answered(answer("a"))
        board.answered(answer("b", step=1))
        board.answered(answer("b"))
        board.observed(told((1, 0.5), market_id="a"))
        board.observed(told((0, 0.5), market_id="a"))

        events = await listener.next_events(timeout_s=0)

    assert events is not None
    assert events.market_ids == {"a", "b"}


async def test_an_answer_that_was_computed_is_shown_and_one_that_was_kept_is_not() -> (
    None
):
    board = a_board()
    serving = service(board=board)
    [first] = await serving.forecast_many([task()], deadline_s=1)
    assert shown(board, "m").served is first
    board.answered(answer("m", step=0.5))

    [again] = await serving.forecast_many([task()], deadline_s=1)

    assert isinstance(again, ServedForecast)
    assert again.cache is not None
    assert shown(board, "m").served.provenance.forecast_id == "m 0.5"
