"""Many runtimes of this process behind one: the name of the model tells which."""

from collections.abc import Mapping

from tsfm_runner.domain.forecast import ModelCall, QuantileForecast
from tsfm_runner.domain.model import RuntimeModel
from tsfm_runner.errors import ForecastRuntimeError, ModelNotInstalledError
from tsfm_runner.ports import ForecastRuntime


class InProcessRuntime:
    """A ``ForecastRuntime`` that hands each call to the one that has the model."""

    def __init__(self, by_model: Mapping[str, ForecastRuntime]) -> None:
        """Take the runtime of each model, by the name of the model."""
        self._by_model = dict(by_model)
        self._runtimes = list(dict.fromkeys(by_model.values()))

    async def predict(
        self, call: ModelCall, *, timeout_s: float
    ) -> list[QuantileForecast | ForecastRuntimeError]:
        """Forecast every series where the model runs."""
        runtime = self._by_model.get(call.model_name)
        if runtime is None:
            raise ModelNotInstalledError(f"{call.model_name} does not run in here")
        return await runtime.predict(call, timeout_s=timeout_s)

    async def list_models(self, *, timeout_s: float) -> list[RuntimeModel]:
        """Return the models of every runtime."""
        return [
            model
            for runtime in self._runtimes
            for model in await runtime.list_models(timeout_s=timeout_s)
        ]

    async def check_health(self, *, timeout_s: float) -> None:
        """Return if every runtime is well; raise what the first that is not raises."""
        for runtime in self._runtimes:
            await runtime.check_health(timeout_s=timeout_s)
