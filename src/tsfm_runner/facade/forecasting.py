"""The whole service as one function call, for scripts and notebooks."""

import asyncio
import os
import warnings
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any, get_args, overload

import numpy as np
import numpy.typing as npt
from narwhals.typing import IntoDataFrameT

from tsfm_runner.adapters.files.bands import bands_frame
from tsfm_runner.adapters.files.series import (
    MarketSeries,
    SkippedMarket,
    split_markets,
)
from tsfm_runner.adapters.files.tasks import (
    Question,
    ask_each,
    is_coarse,
    with_overrides,
)
from tsfm_runner.adapters.frames import like, points_of
from tsfm_runner.adapters.settings import load_settings
from tsfm_runner.bootstrap import open_backend
from tsfm_runner.config import BaselineMethod, Settings
from tsfm_runner.domain.forecast import Provenance, ServedForecast
from tsfm_runner.domain.frequency import Frequency
from tsfm_runner.domain.task import FloatArray, ForecastTask, ModelChoice, Provider
from tsfm_runner.errors import InvalidTaskError
from tsfm_runner.service.forecasting import Outcome

BATCH_SIZE = 256

_TOLD_AT_MOST = 5


@dataclass(frozen=True, slots=True, eq=False)
class Bands:
    """The band of one market.

    ``values`` has shape ``(horizon, n_levels)``: prices in [0, 1], ascending over
    ``quantile_levels``; ``times`` names the time of each step.
    """

    times: tuple[datetime, ...]
    quantile_levels: tuple[float, ...]
    values: FloatArray
    provenance: Provenance


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What became of some markets: bands, or why there are none."""

    served: tuple[ServedForecast, ...]
    skipped: tuple[SkippedMarket, ...]


@overload
def forecast(
    data: Mapping[str, npt.ArrayLike],
    *,
    freq: str | None = ...,
    horizon: int | None = ...,
    quantile_levels: Sequence[float] | None = ...,
    model: str | None = ...,
    as_of: datetime | None = ...,
    settings: Settings | None = ...,
) -> dict[str, Bands]: ...


@overload
def forecast(
    data: IntoDataFrameT,
    *,
    freq: str | None = ...,
    horizon: int | None = ...,
    quantile_levels: Sequence[float] | None = ...,
    model: str | None = ...,
    as_of: datetime | None = ...,
    settings: Settings | None = ...,
) -> IntoDataFrameT: ...


def forecast(  # noqa: PLR0913 - one keyword for each thing that can be asked
    data: Any,
    *,
    freq: str | None = None,
    horizon: int | None = None,
    quantile_levels: Sequence[float] | None = None,
    model: str | None = None,
    as_of: datetime | None = None,
    settings: Settings | None = None,
) -> Any:
    """Return quantile bands for every market in the data.

    Parameters
    ----------
    data : data frame, or mapping of market name to 1-d array
        A frame of pandas, polars or pyarrow with the columns market_id (or
        unique_id), ts (or ds; times without a zone are UTC) and price (or y), one
        row a point. Arrays are oldest first, points one step apart, NaN where
        missing. Prices lie in [0, 1].
    freq : str, optional
        Step, such as ``5m`` or ``1h``; ``native`` is each market's own cadence.
    horizon : int, optional
        Steps to forecast.
    quantile_levels : sequence of float, optional
        Distinct levels in [0.001, 0.999].
    model : str, optional
        ``NAME`` or ``PROVIDER:NAME``; unset is the configured ladder.
    as_of : datetime, optional
        Moment to forecast from: later points are left out. Unset, it is the last
        point of each market in a frame, and now for arrays.
    settings : Settings, optional
        Unset, they are loaded as the command line does; they hold the defaults.

    Returns
    -------
    data frame or dict
        For a frame, one of the same library with a row a market and step:
        market_id, as_of_ts and ts (UTC), step (from 1), ``q<level>`` (prices in
        [0, 1]), runtime, model_name, fallback_reason and warnings. For arrays, the
        ``Bands`` of each market. Markets that nothing can be said about are left
        out with a Python warning; another one tells of a step far too short.

    Raises
    ------
    UnreadableInputError
        When the data hold no series.
    InvalidTaskError
        When no market could answer the question, or there was none.
    ConfigurationError
        When the settings cannot be used.

    """
    settings = settings or default_settings()
    config = with_overrides(
        settings.task, freq=freq, horizon=horizon, quantile_levels=quantile_levels
    )
    question = Question.from_config(config, model=parse_model(model), as_of=as_of)
    if isinstance(data, Mapping):
        tasks = _ask_arrays(data, question, as_of or datetime.now(UTC))
        return {item.task.market_id: _bands(item) for item in _run(settings, tasks)}
    tasks = ask_each(split_markets(points_of(data, settings.preparation)), question)
    return like(data, bands_frame(_run(settings, tasks)))


def parse_model(text: str | None) -> ModelChoice:
    """Read ``NAME`` or ``PROVIDER:NAME``; None leaves the choice to the ladder.

    Raises ``InvalidTaskError`` for a provider or a baseline that does not exist.
    """
    if text is None:
        return ModelChoice()
    provider, colon, name = text.partition(":")
    if not colon:
        return ModelChoice(name=text)
    methods = get_args(BaselineMethod)
    if provider == "baseline" and name and name not in methods:
        rule = f"must name one of {', '.join(methods)} after baseline:"
        raise InvalidTaskError("model", rule)
    for known in get_args(Provider):
        if provider == known:
            return ModelChoice(provider=known, name=name or None)
    rule = f"must be NAME or one of {', '.join(get_args(Provider))} before a colon"
    raise InvalidTaskError("model", rule)


async def answer_all(
    settings: Settings, tasks: Iterable[ForecastTask | SkippedMarket]
) -> AsyncIterator[Answers]:
    """Answer tasks batch by batch, as they come; refused ones are skipped markets."""
    waiting = iter(tasks)
    async with open_backend(settings) as backend:
        while batch := list(islice(waiting, BATCH_SIZE)):
            asked = [task for task in batch if isinstance(task, ForecastTask)]
            skipped = [task for task in batch if isinstance(task, SkippedMarket)]
            results = await backend.forecasts.forecast_many(
                asked, deadline_s=settings.resilience.batch_deadline_s
            )
            yield answers_of(asked, results, skipped)


def answers_of(
    tasks: Sequence[ForecastTask],
    outcomes: Sequence[Outcome],
    skipped: Sequence[SkippedMarket],
) -> Answers:
    """Put the outcome of each task with the markets that were skipped before."""
    pairs = list(zip(tasks, outcomes, strict=True))
    return Answers(
        tuple(outcome for _, outcome in pairs if isinstance(outcome, ServedForecast)),
        (
            *skipped,
            *(
                SkippedMarket(task.market_id, str(outcome))
                for task, outcome in pairs
                if not isinstance(outcome, ServedForecast)
            ),
        ),
    )


def default_settings() -> Settings:
    """Return the settings as the command line loads them."""
    return load_settings(config_file=None, environ=os.environ, flags={}).settings


def _ask_arrays(
    arrays: Mapping[str, npt.ArrayLike], question: Question, as_of: datetime
) -> Iterator[ForecastTask | SkippedMarket]:
    """Yield the task of each array, its last point at ``as_of``."""
    if question.freq is None:
        raise InvalidTaskError("freq", "must be a step; plain arrays have no cadence")
    for task in ask_each(_series(arrays, question.freq, as_of), question):
        # The points stand exactly one step apart: there is nothing to resample.
        if isinstance(task, ForecastTask):
            yield replace(task, times_s=None, cutoff=as_of)
        else:
            yield task


def _series(
    arrays: Mapping[str, npt.ArrayLike], freq: Frequency, as_of: datetime
) -> Iterator[MarketSeries | SkippedMarket]:
    for market_id, values in arrays.items():
        try:
            prices = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError):
            yield SkippedMarket(market_id, "a price is not a number")
            continue
        if prices.ndim != 1:
            yield SkippedMarket(market_id, "prices must be one-dimensional")
            continue
        ages_s = freq.step_s * np.arange(prices.size, dtype=np.float64)[::-1]
        times_s = np.float64(as_of.timestamp()) - ages_s
        yield MarketSeries(market_id, times_s=times_s, prices=prices)


def _run(
    settings: Settings, tasks: Iterable[ForecastTask | SkippedMarket]
) -> list[ServedForecast]:
    """Run the service in a thread of its own: a notebook's loop is already running."""

    async def collect() -> list[Answers]:
        return [answers async for answers in answer_all(settings, tasks)]

    with ThreadPoolExecutor(max_workers=1) as threads:
        parts = threads.submit(asyncio.run, collect()).result()
    served = [answer for part in parts for answer in part.served]
    _tell_skipped([market for part in parts for market in part.skipped], served)
    _tell_coarse(served)
    return served


def _tell_skipped(
    skipped: Sequence[SkippedMarket], served: Sequence[ServedForecast]
) -> None:
    reasons = "; ".join(
        f"{market.market_id}: {market.told}" for market in skipped[:_TOLD_AT_MOST]
    )
    if not served:
        raise InvalidTaskError("data", reasons or "must hold at least one market")
    if skipped:
        text = f"{len(skipped)} of {len(skipped) + len(served)} markets have no bands"
        warnings.warn(f"{text}: {reasons}", UserWarning, stacklevel=4)


def _tell_coarse(served: Sequence[ServedForecast]) -> None:
    coarse = [answer.task.market_id for answer in served if is_coarse(answer.task)]
    if coarse:
        names = ", ".join(coarse[:_TOLD_AT_MOST])
        text = (
            f"{len(coarse)} of {len(served)} markets have points more than two steps "
            f"apart ({names}): their bands mean little; try freq='native'"
        )
        warnings.warn(text, UserWarning, stacklevel=4)


def _bands(answer: ServedForecast) -> Bands:
    return Bands(
        times=tuple(answer.task.step_times),
        quantile_levels=answer.task.quantile_levels,
        values=answer.values,
        provenance=answer.provenance,
    )
