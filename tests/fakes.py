"""Fakes of our ports, for tests of everything above them."""

from collections.abc import Callable, Sequence

import numpy as np

from tsfm_runner.domain.forecast import ModelCall, QuantileForecast
from tsfm_runner.domain.model import RuntimeModel
from tsfm_runner.errors import ForecastRuntimeError

Answers = list[QuantileForecast | ForecastRuntimeError]


class FakeClock:
    """Seconds that move only when told to."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class FakeRuntime:
    """A runtime that answers as scripted and remembers what it was asked."""

    def __init__(
        self,
        answers: Callable[[ModelCall], Answers] | None = None,
        *,
        models: Sequence[RuntimeModel] = (),
        health_error: ForecastRuntimeError | None = None,
        models_error: ForecastRuntimeError | None = None,
    ) -> None:
        self._answers = answers or flat_answers
        self._models = list(models)
        self._health_error = health_error
        self._models_error = models_error
        self.calls: list[ModelCall] = []
        self.timeouts_s: list[float] = []

    async def predict(self, call: ModelCall, *, timeout_s: float) -> Answers:
        self.calls.append(call)
        self.timeouts_s.append(timeout_s)
        return self._answers(call)

    async def list_models(self, *, timeout_s: float) -> list[RuntimeModel]:
        self.timeouts_s.append(timeout_s)
        if self._models_error is not None:
            raise self._models_error
        return self._models

    async def check_health(self, *, timeout_s: float) -> None:
        self.timeouts_s.append(timeout_s)
        if self._health_error is not None:
            raise self._health_error


def flat_answers(call: ModelCall) -> Answers:
    """Return, for each series, its last value, a little wider with the level."""
    spread = 0.2 * (np.array(call.quantile_levels) - 0.5)
    return [
        QuantileForecast(
            call.quantile_levels,
            np.repeat((series.context[-1] + spread)[None], call.horizon, axis=0),
        )
        for series in call.series
    ]
