"""Chronos models in our own process behind our port."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from threading import Event
from typing import TypeVar

from tsfm_runner.adapters.chronos.inference import Answer, LoadedModel, answer_call
from tsfm_runner.adapters.chronos.loading import load_models
from tsfm_runner.config import ChronosConfig
from tsfm_runner.domain.forecast import ModelCall
from tsfm_runner.domain.model import ModelRevision, RuntimeModel
from tsfm_runner.errors import (
    ModelNotInstalledError,
    RuntimeTimeoutError,
    RuntimeUnavailableError,
)

_Result = TypeVar("_Result")


@asynccontextmanager
async def open_chronos(config: ChronosConfig) -> AsyncGenerator["ChronosRuntime"]:
    """Yield the runtime with every model of the settings loaded and warm.

    They are loaded in the thread that computes, while the event loop goes on.
    Raises ``ConfigurationError`` where one of them cannot be.
    """
    executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="chronos")
    try:
        loop = asyncio.get_running_loop()
        models = await loop.run_in_executor(executor, load_models, config)
        runtime = ChronosRuntime(models, executor, batch_size=config.batch_size)
        try:
            yield runtime
        finally:
            runtime.close()
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


class ChronosRuntime:
    """A ``ForecastRuntime``: models in memory, and one thread that computes."""

    def __init__(
        self,
        models: Mapping[str, tuple[ModelRevision, LoadedModel]],
        executor: ThreadPoolExecutor,
        *,
        batch_size: int,
    ) -> None:
        """Take models by name, and the thread, which is closed by who made it."""
        self._models = models
        self._executor = executor
        self._batch_size = batch_size
        self._is_closed = Event()

    async def predict(self, call: ModelCall, *, timeout_s: float) -> list[Answer]:
        """Forecast every series, in order; past the time, the rest is let be."""
        if call.model_name not in self._models:
            raise ModelNotInstalledError(f"chronos.models has no {call.model_name}")
        _, model = self._models[call.model_name]
        is_over = Event()
        work = partial(
            answer_call,
            model,
            call,
            batch_size=self._batch_size,
            is_over=lambda: is_over.is_set() or self._is_closed.is_set(),
        )
        try:
            return await self._done(work, timeout_s=timeout_s)
        finally:
            is_over.set()

    async def list_models(self, *, timeout_s: float) -> list[RuntimeModel]:  # noqa: ARG002 - they are known
        """Return every model; all of them are in memory."""
        return [
            RuntimeModel(known.name, known.revision, known.license_name, True)
            for known, _ in self._models.values()
        ]

    async def check_health(self, *, timeout_s: float) -> None:
        """Return if the thread takes work within the time."""
        await self._done(lambda: None, timeout_s=timeout_s)

    def close(self) -> None:
        """Take no more calls, and leave those under way after their batch."""
        self._is_closed.set()

    async def _done(self, work: Callable[[], _Result], *, timeout_s: float) -> _Result:
        if self._is_closed.is_set():
            raise RuntimeUnavailableError("chronos is closed")
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout_s):
                return await loop.run_in_executor(self._executor, work)
        except TimeoutError as exc:
            raise RuntimeTimeoutError("chronos did not answer in time") from exc
