"""Every market is asked the same question, and one that cannot be is skipped."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tsfm_runner.adapters.files.series import KnownMarket, MarketSeries, SkippedMarket
from tsfm_runner.adapters.files.tasks import (
    Question,
    ask_each,
    is_coarse,
    with_overrides,
)
from tsfm_runner.config import TaskConfig
from tsfm_runner.domain.task import (
    MAX_POINTS,
    ForecastTask,
    MarketFacts,
    ModelChoice,
)
from tsfm_runner.errors import InvalidTaskError

START = datetime(2026, 2, 20, tzinfo=UTC)


def _market(
    prices: list[float], *, gap_s: float = 300, known: KnownMarket | None = None
) -> MarketSeries:
    times_s = START.timestamp() + gap_s * np.arange(len(prices), dtype=np.float64)
    return MarketSeries("rain", times_s, np.array(prices), known or KnownMarket())


def _question(
    freq: str = "5m", *, as_of: datetime | None = None, horizon: int = 12
) -> Question:
    return Question.from_config(TaskConfig(freq=freq, horizon=horizon), as_of=as_of)


def _task(market: MarketSeries, question: Question) -> ForecastTask:
    (task,) = ask_each([market], question)
    assert isinstance(task, ForecastTask)
    return task


def test_a_market_becomes_a_task_from_its_last_point() -> None:
    config = TaskConfig(freq="5m", horizon=3, quantile_levels=(0.9, 0.1))
    model = ModelChoice(provider="baseline", name="har")

    task = _task(_market([0.1, np.nan, 0.3]), Question.from_config(config, model=model))

    assert task.market_id == "rain"
    assert task.cutoff == START + timedelta(minutes=10)
    assert task.freq.text == "5m"
    assert task.horizon == 3
    assert task.quantile_levels == (0.1, 0.9)
    assert task.model == model
    assert task.times_s is not None
    assert task.times_s[-1] == task.cutoff.timestamp()
    assert np.isnan(task.context[1])


@pytest.mark.parametrize(
    ("gap_s", "text"),
    [
        (1, "1m"),
        (89, "1m"),
        (91, "2m"),
        (301, "5m"),
        (3_599, "1h"),
        (5_400, "90m"),
        (90_000, "24h"),
    ],
)
def test_native_frequency_is_the_usual_gap_in_whole_minutes(
    gap_s: float, text: str
) -> None:
    task = _task(_market([0.1, 0.2, 0.3], gap_s=gap_s), _question("native"))

    assert task.freq.text == text


def test_native_frequency_is_the_stated_cadence_where_there_is_one() -> None:
    market = _market([0.1, 0.2], gap_s=300, known=KnownMarket(cadence_s=3_600.0))

    assert _task(market, _question("native")).freq.text == "1h"


def test_points_after_the_moment_asked_about_are_unseen() -> None:
    as_of = START + timedelta(minutes=5)

    task = _task(_market([0.1, 0.2, 0.3, 0.4]), _question(as_of=as_of))

    assert task.context.tolist() == [0.1, 0.2]
    assert task.cutoff == as_of


def test_a_series_that_ended_before_the_moment_shows_how_old_it_is() -> None:
    as_of = START + timedelta(hours=2)

    task = _task(_market([0.1, 0.2]), _question(as_of=as_of))

    assert task.cutoff == as_of
    assert task.context[:2].tolist() == [0.1, 0.2]
    assert np.isnan(task.context[2])


def test_only_the_latest_points_are_taken() -> None:
    prices = np.linspace(0, 1, MAX_POINTS + 5).tolist()

    task = _task(_market(prices, gap_s=60), _question("1m"))

    assert task.context.size == MAX_POINTS
    assert task.context[-1] == 1


@pytest.mark.parametrize(("days", "is_ahead"), [(1, True), (-1, False)])
def test_an_end_counts_only_while_it_lies_ahead(days: int, *, is_ahead: bool) -> None:
    end = START + timedelta(days=days)
    known = KnownMarket(MarketFacts(category="weather"), end_s=end.timestamp())

    facts = _task(_market([0.1, 0.2], known=known), _question()).facts

    assert facts.closes_at == (end if is_ahead else None)
    assert facts.category == "weather"


@pytest.mark.parametrize(
    ("market", "told"),
    [
        (_market([0.5]), "^price: must have at least 2 points$"),
        (_market([0.5, -1]), r"^price: must lie in \[0, 1\] \(found -1\)$"),
        (_market([0.5, 101]), r"^price: must lie in \[0, 1\] \(found 101\)$"),
        (_market([0.5, 60, np.nan]), r"; divide percent or cents by 100 \(found 60\)"),
        (_market([np.nan, np.nan]), "^price: must have at least one value"),
        (
            _market([0.1, 0.2], gap_s=0),
            r"^ts: two points have the same time \(2026-02-20T00:00:00Z\)$",
        ),
        (_market([0.1, 0.2], gap_s=1e18), "no time in epoch seconds"),
    ],
)
def test_a_faulty_market_is_skipped_and_the_next_one_asked(
    market: MarketSeries, told: str
) -> None:
    skipped, task = ask_each([market, _market([0.1, 0.2])], _question())

    assert isinstance(skipped, SkippedMarket)
    assert skipped.market_id == "rain"
    with pytest.raises(AssertionError, match=told):
        raise AssertionError(skipped.told)
    assert isinstance(task, ForecastTask)


def test_a_market_with_no_point_before_the_moment_is_skipped() -> None:
    question = _question(as_of=START - timedelta(days=1))

    (skipped,) = ask_each([_market([0.1, 0.2])], question)

    rule = "as_of: no point lies at or before 2026-02-19T00:00:00Z"
    assert skipped == SkippedMarket("rain", rule)


def test_a_moment_long_ago_may_be_asked_about() -> None:
    early = datetime(1980, 1, 1, tzinfo=UTC)

    assert _question(as_of=early).as_of == early


@pytest.mark.parametrize(
    ("freq", "gap_s", "expected"),
    [
        ("5m", 600, False),
        ("5m", 601, True),
        ("5m", 86_400, True),
        ("1h", 300, False),
        ("native", 86_400, False),
        ("native", 7 * 86_400, False),
    ],
)
def test_a_step_is_too_short_when_points_lie_more_than_two_apart(
    freq: str, gap_s: float, *, expected: bool
) -> None:
    task = _task(_market([0.1, 0.2, 0.3, 0.4], gap_s=gap_s), _question(freq))

    assert is_coarse(task) == expected


def test_a_made_up_time_that_cannot_be_written_is_told_as_a_number() -> None:
    times_s = np.array([-1e18, -1e18, START.timestamp()])
    market = MarketSeries("rain", times_s, np.array([0.1, 0.2, 0.3]))

    (skipped,) = ask_each([market], _question())

    assert isinstance(skipped, SkippedMarket)
    assert skipped.found == "-1e+18 epoch seconds"


def test_what_was_skipped_before_stays_skipped() -> None:
    skipped = SkippedMarket("a", "no time")

    assert list(ask_each([skipped], _question())) == [skipped]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"freq": "soon"}, "freq"),
        ({"horizon": 289}, "horizon"),
        ({"quantile_levels": (0.5, 0.5)}, "quantile_levels"),
        ({"quantile_levels": (0.0001,)}, "quantile_levels"),
    ],
)
def test_a_question_that_no_market_could_answer_is_refused_at_once(
    changes: dict[str, object], field: str
) -> None:
    config = TaskConfig().model_copy(update=changes)

    with pytest.raises(InvalidTaskError) as caught:
        Question.from_config(config)

    assert caught.value.field == field


def test_a_moment_that_no_task_may_have_is_refused_by_its_name() -> None:
    with pytest.raises(InvalidTaskError, match="as_of: must lie in the years"):
        _question(as_of=datetime(1960, 1, 1, tzinfo=UTC))


def test_a_moment_without_a_time_zone_is_refused() -> None:
    with pytest.raises(InvalidTaskError, match="as_of: must carry a time zone"):
        _question(as_of=START.replace(tzinfo=None))


def test_only_what_was_given_overrides_the_settings() -> None:
    config = TaskConfig(freq="1h", horizon=6, quantile_levels=(0.5,))

    changed = with_overrides(config, freq=None, horizon=3, quantile_levels=[0.2, 0.8])

    assert changed.freq == "1h"
    assert changed.horizon == 3
    assert changed.quantile_levels == (0.2, 0.8)
    assert changed.space == config.space
