"""The runtime of our own process: one call is one batch, in a thread of its own."""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from tests.adapters.embedded.stored import CUTOFF, call, moving, store_model
from tests.adapters.models.graphs import LEVELS, Flaw

from tsfm_runner.adapters.embedded import EmbeddedModel, EmbeddedRuntime, open_model
from tsfm_runner.adapters.embedded.model import Session
from tsfm_runner.adapters.embedded.runtime import shown_of
from tsfm_runner.adapters.onnx_session import OnnxError
from tsfm_runner.core.arrays import Float32Array
from tsfm_runner.domain.forecast import QuantileForecast
from tsfm_runner.domain.model import RuntimeModel
from tsfm_runner.errors import (
    ModelNotInstalledError,
    RuntimeOutputError,
    RuntimeProtocolError,
    RuntimeTimeoutError,
)


class WatchedSession:
    """A session that remembers how much it computed, and in which thread.

    With a gate, it waits until the test opens it; with a failure, it fails.
    """

    def __init__(
        self,
        session: Session,
        gate: threading.Event | None = None,
        failure: OnnxError | None = None,
    ) -> None:
        self._session = session
        self._gate = gate
        self._failure = failure
        self.sizes: list[int] = []
        self.threads: list[threading.Thread] = []

    def run(self, output: str, inputs: Mapping[str, Float32Array]) -> Float32Array:
        self.sizes.append(len(inputs["features"]))
        self.threads.append(threading.current_thread())
        if self._gate is not None:
            assert self._gate.wait(10)
        if self._failure is not None:
            raise self._failure
        return self._session.run(output, inputs)


@pytest.fixture
def model(tmp_path: Path) -> EmbeddedModel:
    return open_model(store_model(tmp_path), threads=1)


@pytest.fixture
def runtime(model: EmbeddedModel) -> Iterator[EmbeddedRuntime]:
    with EmbeddedRuntime({"tiny": model}) as opened:
        yield opened


async def test_each_series_gets_the_levels_of_the_model(
    runtime: EmbeddedRuntime,
) -> None:
    answers = await runtime.predict(call(moving("a"), moving("b")), timeout_s=10)

    for answer in answers:
        assert isinstance(answer, QuantileForecast)
        assert answer.quantile_levels == LEVELS
        assert answer.values.shape == (3, len(LEVELS))
        assert answer.warnings == ()


async def test_the_same_call_is_always_answered_alike(runtime: EmbeddedRuntime) -> None:
    [first] = await runtime.predict(call(), timeout_s=10)
    [again] = await runtime.predict(call(), timeout_s=10)

    assert isinstance(first, QuantileForecast)
    assert isinstance(again, QuantileForecast)
    assert first.values.tobytes() == again.values.tobytes()


async def test_a_call_is_one_batch_off_the_event_loop(model: EmbeddedModel) -> None:
    session = WatchedSession(model.session)

    with EmbeddedRuntime({"tiny": replace(model, session=session)}) as runtime:
        await runtime.predict(call(*(moving(str(n)) for n in range(50))), timeout_s=10)
        await runtime.predict(call(), timeout_s=10)

    assert session.sizes == [100, 2]  # each market, and its opposite
    assert session.threads[0] is session.threads[1]
    assert session.threads[0] is not threading.current_thread()
    assert not session.threads[0].is_alive()


def test_a_model_is_shown_the_newest_steps_and_what_is_known_of_them() -> None:
    long = moving(n_points=300, closes_at=CUTOFF + timedelta(hours=1))
    holey = moving(n_points=3, is_observed=np.array([True, False, True]))
    closed = moving(closes_at=CUTOFF - timedelta(minutes=5))

    shown = shown_of(call(long, holey, closed, step_s=900))

    assert shown.lengths.tolist() == [288, 3, 60]
    assert shown.prices[0].tolist() == long.context[-288:].tolist()
    assert shown.prices[1, -3:].tolist() == holey.context.tolist()
    assert shown.is_observed[0].all()
    assert shown.is_observed[1, -3:].tolist() == [True, False, True]
    assert shown.step_minutes.tolist() == [15, 15, 15]
    assert shown.steps_to_close[[0, 2]].tolist() == [4, -1 / 3]
    assert np.isnan(shown.steps_to_close[1])


@pytest.mark.parametrize("flaw", ["infinite", "not_a_number"])
async def test_numbers_that_nobody_can_use_are_the_fault_of_one_series(
    tmp_path: Path, flaw: Flaw
) -> None:
    bad = open_model(store_model(tmp_path, flaw), threads=1)

    with EmbeddedRuntime({"tiny": bad}) as runtime:
        answers = await runtime.predict(call(moving(), moving()), timeout_s=10)

    assert [type(answer) for answer in answers] == [RuntimeOutputError] * 2


async def test_a_model_that_cannot_be_run_fails_the_call(model: EmbeddedModel) -> None:
    session = WatchedSession(model.session, failure=OnnxError("no memory"))
    broken = replace(model, session=session)

    with (
        EmbeddedRuntime({"tiny": broken}) as runtime,
        pytest.raises(RuntimeProtocolError, match="tiny cannot be run: no memory"),
    ):
        await runtime.predict(call(), timeout_s=10)


async def test_a_model_that_is_not_there_is_told(runtime: EmbeddedRuntime) -> None:
    with pytest.raises(ModelNotInstalledError, match="huge"):
        await runtime.predict(call(model_name="huge"), timeout_s=10)


async def test_params_are_not_used_and_that_is_told(runtime: EmbeddedRuntime) -> None:
    [answer] = await runtime.predict(call(params={"seed": 1}), timeout_s=10)

    assert isinstance(answer, QuantileForecast)
    assert answer.warnings == ("params_not_sent",)


async def test_a_call_that_takes_too_long_is_given_up(model: EmbeddedModel) -> None:
    gate = threading.Event()
    slow = WatchedSession(model.session, gate)

    with EmbeddedRuntime({"tiny": replace(model, session=slow)}) as runtime:
        with pytest.raises(RuntimeTimeoutError, match=r"no answer within 0\.01 s"):
            await runtime.predict(call(), timeout_s=0.01)
        # This one waits for the thread in vain, and so is never computed.
        with pytest.raises(RuntimeTimeoutError):
            await runtime.predict(call(), timeout_s=0.01)
        gate.set()
        await runtime.predict(call(moving(), moving()), timeout_s=10)

    assert slow.sizes == [2, 4]


async def test_the_loop_goes_on_while_a_call_is_computed(model: EmbeddedModel) -> None:
    gate = threading.Event()

    slow = replace(model, session=WatchedSession(model.session, gate))

    with EmbeddedRuntime({"tiny": slow}) as runtime:
        asking = asyncio.create_task(runtime.predict(call(), timeout_s=10))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not asking.done()
        gate.set()
        answers = await asking

    assert len(answers) == 1


async def test_a_runtime_tells_its_models_and_is_well(model: EmbeddedModel) -> None:
    with EmbeddedRuntime({"tiny": model}) as runtime:
        await runtime.check_health(timeout_s=1)
        listed = await runtime.list_models(timeout_s=1)

    assert listed == [RuntimeModel("tiny", "1", "apache-2.0", is_installed=True)]
