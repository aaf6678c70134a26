"""Each call goes to the runtime that has the model, and to no other."""

import pytest
from tests.adapters.embedded.stored import call
from tests.fakes import FakeRuntime

from tsfm_runner.adapters.embedded import InProcessRuntime
from tsfm_runner.domain.model import RuntimeModel
from tsfm_runner.errors import ModelNotInstalledError, RuntimeUnavailableError

MINE = RuntimeModel("mine", "1", "mit", is_installed=True)
BOLT = RuntimeModel("bolt", "2", "apache-2.0", is_installed=True)


async def test_the_name_of_the_model_tells_who_is_asked() -> None:
    own, other = FakeRuntime(), FakeRuntime()
    both = InProcessRuntime({"mine": own, "yours": own, "bolt": other})

    answers = await both.predict(call(model_name="yours"), timeout_s=1.5)

    assert len(answers) == 1
    assert [one.model_name for one in own.calls] == ["yours"]
    assert own.timeouts_s == [1.5]
    assert other.calls == []


async def test_a_model_that_nobody_has_is_told() -> None:
    with pytest.raises(ModelNotInstalledError, match="mine"):
        await InProcessRuntime({}).predict(call(model_name="mine"), timeout_s=1)


async def test_the_models_are_those_of_all() -> None:
    own, other = FakeRuntime(models=[MINE]), FakeRuntime(models=[BOLT])
    both = InProcessRuntime({"mine": own, "yours": own, "bolt": other})

    assert await both.list_models(timeout_s=1) == [MINE, BOLT]


async def test_all_must_be_well() -> None:
    well = FakeRuntime()
    ill = FakeRuntime(health_error=RuntimeUnavailableError("no memory"))

    await InProcessRuntime({"mine": well}).check_health(timeout_s=1)
    with pytest.raises(RuntimeUnavailableError, match="no memory"):
        await InProcessRuntime({"mine": well, "bolt": ill}).check_health(timeout_s=1)
