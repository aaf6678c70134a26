"""One call of a loaded model: series in batches, quantiles out."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from tsfm_runner.domain.forecast import ModelCall, ModelSeries, QuantileForecast
from tsfm_runner.domain.task import FloatArray
from tsfm_runner.errors import (
    ForecastRuntimeError,
    RuntimeOutputError,
    RuntimeProtocolError,
    RuntimeRefusedError,
    RuntimeTimeoutError,
    RuntimeUnavailableError,
)

Answer: TypeAlias = QuantileForecast | ForecastRuntimeError
Column: TypeAlias = npt.NDArray[np.float32]


class Pipeline(Protocol):
    """The part of a pipeline of chronos-forecasting that is called."""

    def predict_quantiles(
        self,
        inputs: Sequence[Any],
        prediction_length: int | None = None,
        quantile_levels: list[float] = ...,
        **options: Any,  # noqa: ANN401 - each pipeline has its own
    ) -> tuple[Any, Any]:
        """Return quantiles of each input by step and level, and the medians."""
        ...


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model in memory. ``as_input`` makes what its pipeline takes for a series."""

    pipeline: Pipeline
    quantile_levels: tuple[float, ...]
    trained_horizon: int
    options: Mapping[str, Any]
    as_input: Callable[[ModelSeries], Any]


def context_of(series: ModelSeries) -> Column:
    """Return the context as a model sees it: NaN where the market said nothing.

    Both kinds of model take a missing step for what it is, and measure the scale of
    a series by what is known of it; a price filled forward would look like calm.
    """
    context = series.context.astype(np.float32)
    known = series.is_observed
    if known is not None and known.any():
        context[~known] = np.nan
    return context


def with_covariates(series: ModelSeries) -> dict[str, Any]:
    """Return a series with its covariates, as Chronos-2 takes them."""
    columns = {
        "past_covariates": series.past_covariates,
        "future_covariates": series.future_covariates,
    }
    return {"target": context_of(series)} | {
        key: {name: column.astype(np.float32) for name, column in named.items()}
        for key, named in columns.items()
        if named
    }


def answer_call(
    model: LoadedModel,
    call: ModelCall,
    *,
    batch_size: int,
    is_over: Callable[[], bool],
) -> list[Answer]:
    """Return a forecast or an error for each series of the call, in order.

    Between batches it is looked up whether the call ``is_over``, because nobody waits
    for it any more; what is left of it is then not computed.
    """
    if not set(call.quantile_levels) <= set(model.quantile_levels):
        reason = f"{call.model_name} has no such levels: {call.quantile_levels}"
        raise RuntimeRefusedError(reason, is_input=False)
    answers: dict[int, Answer] = {}
    for places in _batches(call.series, batch_size):
        if is_over():
            raise RuntimeTimeoutError("nobody waits for the call any more")
        inputs = [model.as_input(call.series[place]) for place in places]
        with _translated_errors():
            quantiles, _ = model.pipeline.predict_quantiles(
                inputs,
                prediction_length=call.horizon,
                quantile_levels=list(call.quantile_levels),
                **model.options,
            )
        for place, table in zip(places, _tables(quantiles, len(places)), strict=True):
            answers[place] = _read(table, model, call)
    return [answers[place] for place in range(len(call.series))]


def _batches(series: Sequence[ModelSeries], batch_size: int) -> Iterator[list[int]]:
    """Yield places of series that share the names of their covariates."""
    alike: dict[tuple[tuple[str, ...], ...], list[int]] = {}
    for place, one in enumerate(series):
        names = (
            tuple(sorted(one.past_covariates)),
            tuple(sorted(one.future_covariates)),
        )
        alike.setdefault(names, []).append(place)
    for (past, _), places in alike.items():
        size = max(1, batch_size // (1 + len(past)))
        for start in range(0, len(places), size):
            yield places[start : start + size]


def _tables(quantiles: Iterable[Any], n_series: int) -> list[FloatArray]:
    try:
        tables = [np.asarray(table, dtype=np.float64) for table in quantiles]
    except (TypeError, ValueError) as exc:
        raise RuntimeProtocolError("chronos answered no numbers") from exc
    if len(tables) != n_series:
        raise RuntimeProtocolError("chronos answered another number of series")
    return tables


def _read(table: FloatArray, model: LoadedModel, call: ModelCall) -> Answer:
    shape = (call.horizon, len(call.quantile_levels))
    # Chronos-2 puts the series that it forecast together first: one, here.
    if table.shape not in (shape, (1, *shape)):
        return RuntimeProtocolError(f"chronos answered numbers of shape {table.shape}")
    if not np.isfinite(table).all():
        return RuntimeOutputError("chronos answered numbers that are not finite")
    told = (
        ("params_not_sent", bool(call.params)),
        ("horizon_beyond_training", call.horizon > model.trained_horizon),
    )
    warnings = tuple(text for text, is_true in told if is_true)
    return QuantileForecast(call.quantile_levels, table.reshape(shape), warnings)


@contextmanager
def _translated_errors() -> Generator[None]:
    """Turn every error of the library into one of ours, by its kind only."""
    try:
        yield
    except ValueError as exc:
        raise RuntimeRefusedError("chronos refused the series", is_input=True) from exc
    except (MemoryError, OSError, RuntimeError) as exc:  # out of GPU memory, too
        msg = f"chronos could not compute: {type(exc).__name__}"
        raise RuntimeUnavailableError(msg) from exc
    except (ArithmeticError, AssertionError, AttributeError, LookupError) as exc:
        msg = f"chronos failed: {type(exc).__name__}"
        raise RuntimeProtocolError(msg) from exc
    except TypeError as exc:
        raise RuntimeProtocolError("chronos takes other arguments") from exc
