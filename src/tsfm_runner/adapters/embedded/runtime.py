"""Models of signature `tsfm-1` behind our port."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Self

import numpy as np

from tsfm_runner.adapters.embedded.model import EmbeddedModel, Shown, is_finite
from tsfm_runner.adapters.onnx_session import OnnxError
from tsfm_runner.core.foundation.signature import CONTEXT_STEPS
from tsfm_runner.domain.forecast import ModelCall, ModelSeries, QuantileForecast
from tsfm_runner.domain.model import RuntimeModel
from tsfm_runner.errors import (
    ForecastRuntimeError,
    ModelNotInstalledError,
    RuntimeOutputError,
    RuntimeProtocolError,
    RuntimeTimeoutError,
)

_SECONDS_PER_MINUTE = 60


class EmbeddedRuntime:
    """A ``ForecastRuntime``: one batch a call, one call at a time, in its own thread.

    The event loop goes on meanwhile. A call that is given up while it waits for the
    thread is never computed.
    """

    def __init__(self, models: Mapping[str, EmbeddedModel]) -> None:
        """Take the models by name; each was opened and has answered once."""
        self._models = dict(models)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="embedded")

    def __enter__(self) -> Self:
        """Return the runtime itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let the thread end: with the call that it computes, and no further one."""
        self._thread.shutdown(cancel_futures=True)

    async def predict(
        self, call: ModelCall, *, timeout_s: float
    ) -> list[QuantileForecast | ForecastRuntimeError]:
        """Forecast every series together, in order, at the model's own levels."""
        model = self._models.get(call.model_name)
        if model is None:
            raise ModelNotInstalledError(f"no file of {call.model_name} is stored here")
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout_s):
                return await loop.run_in_executor(self._thread, _answers, model, call)
        except TimeoutError:
            raise RuntimeTimeoutError(f"no answer within {timeout_s:g} s") from None

    async def list_models(self, *, timeout_s: float) -> list[RuntimeModel]:
        """Return every model, in order of their names."""
        del timeout_s
        told = (self._models[name].manifest for name in sorted(self._models))
        return [
            RuntimeModel(one.name, one.revision, one.license_name, is_installed=True)
            for one in told
        ]

    async def check_health(self, *, timeout_s: float) -> None:
        """Return: what was opened stays well."""


def _answers(
    model: EmbeddedModel, call: ModelCall
) -> list[QuantileForecast | ForecastRuntimeError]:
    try:
        values = model.quantiles(shown_of(call), horizon=call.horizon)
    except OnnxError as exc:
        raise RuntimeProtocolError(f"{call.model_name} cannot be run: {exc}") from exc
    is_sound = is_finite(values).tolist()
    levels = model.manifest.quantile_levels
    warnings = ("params_not_sent",) if call.params else ()
    return [
        QuantileForecast(levels, row, warnings)
        if sound
        else RuntimeOutputError(f"{call.model_name} answered numbers without an end")
        for row, sound in zip(values, is_sound, strict=True)
    ]


def shown_of(call: ModelCall) -> Shown:
    """Return what a model is shown of each series: its newest steps."""
    n_series = len(call.series)
    prices = np.zeros((n_series, CONTEXT_STEPS))
    is_observed = np.ones((n_series, CONTEXT_STEPS), dtype=np.bool_)
    lengths = np.empty(n_series, dtype=np.int64)
    for place, series in enumerate(call.series):
        context = series.context[-CONTEXT_STEPS:]
        lengths[place] = context.size
        prices[place, CONTEXT_STEPS - context.size :] = context
        if series.is_observed is not None:
            observed = series.is_observed[-CONTEXT_STEPS:]
            is_observed[place, CONTEXT_STEPS - observed.size :] = observed
    minutes = np.full(n_series, call.step_s / _SECONDS_PER_MINUTE)
    to_close = _steps_to_close(call.series, call.step_s)
    return Shown(prices, lengths, is_observed, minutes, np.array(to_close))


def _steps_to_close(series: Sequence[ModelSeries], step_s: int) -> list[float]:
    """Return how many steps are left; NaN where unknown, not positive where over."""
    return [
        np.nan
        if one.closes_at is None
        else (one.closes_at - one.cutoff).total_seconds() / step_s
        for one in series
    ]
