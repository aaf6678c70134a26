from tests.fakes import FakeRuntime
from tests.service.builders import registry, revision

from tsfm_runner.domain.model import ModelRegistry, RuntimeModel
from tsfm_runner.errors import RuntimeUnavailableError
from tsfm_runner.service.catalogue import Catalogue
from tsfm_runner.service.licensing import find_mismatches

CHRONOS = RuntimeModel("chronos2", "main", "Apache-2.0", is_installed=True)


def catalogue(
    runtime: FakeRuntime | None = None, *, models: ModelRegistry | None = None
) -> Catalogue:
    runtimes = {} if runtime is None else {"tollama": runtime}
    return Catalogue(models or registry(revision("moirai")), runtimes, 2.0)  # type: ignore[arg-type]


async def test_each_model_tells_whether_it_is_installed() -> None:
    entries = await catalogue(FakeRuntime(models=[CHRONOS])).entries()

    told = {entry.model.name: entry.is_installed for entry in entries}
    assert told["chronos2"] is True
    assert told["moirai"] is None
    assert told["ewma"] is True


async def test_each_model_tells_whether_it_may_be_served() -> None:
    models = registry(revision("moirai"), environment="prod")

    entries = await catalogue(models=models).entries()

    told = {entry.model.name: entry.is_allowed for entry in entries}
    assert told == {
        "ewma": True,
        "kalman": True,
        "rolling_quantile": True,
        "har": True,
        "chronos2": True,
        "moirai": False,
    }


async def test_a_runtime_that_lists_nothing_leaves_it_open() -> None:
    runtime = FakeRuntime(models_error=RuntimeUnavailableError("down"))

    entries = await catalogue(runtime).entries()

    assert {e.is_installed for e in entries if e.model.provider == "tollama"} == {None}


async def test_local_models_are_those_that_run_in_here_and_may_be_served() -> None:
    own = [revision(name, provider="embedded") for name in ("there", "away", "other")]
    models = registry(*own, environment="prod", allowed=("chronos2", "there", "away"))
    embedded = FakeRuntime(
        models=[
            RuntimeModel("there", "main", None, is_installed=True),
            RuntimeModel("away", "main", None, is_installed=False),
            RuntimeModel("other", "main", None, is_installed=True),
        ]
    )
    tollama = FakeRuntime(models=[CHRONOS])
    both = Catalogue(models, {"tollama": tollama, "embedded": embedded}, 2.0)

    entries = await both.local_entries()

    names = {entry.model.name for entry in entries}
    assert names == {"there", "ewma", "kalman", "rolling_quantile", "har"}
    assert tollama.timeouts_s == []  # nobody else is asked


async def test_a_runtime_that_is_well_has_no_error() -> None:
    [status] = await catalogue(FakeRuntime(models=[CHRONOS])).statuses()

    assert (status.rung, status.error, status.mismatches) == ("tollama", None, ())


async def test_a_runtime_that_is_down_says_why() -> None:
    runtime = FakeRuntime(health_error=RuntimeUnavailableError("refused"))

    [status] = await catalogue(runtime).statuses()

    assert status.error == "refused"


async def test_a_runtime_that_cannot_list_its_models_says_why() -> None:
    runtime = FakeRuntime(models_error=RuntimeUnavailableError("overloaded"))

    [status] = await catalogue(runtime).statuses()

    assert status.error == "overloaded"


def test_a_licence_that_differs_is_a_mismatch() -> None:
    theirs = RuntimeModel("chronos2", "main", "cc-by-nc-4.0", is_installed=True)

    assert find_mismatches(registry(), [theirs]) == [
        "chronos2: runtime says cc-by-nc-4.0, registry apache-2.0"
    ]


def test_a_revision_that_differs_is_a_mismatch() -> None:
    theirs = RuntimeModel("chronos2", "2027", None, is_installed=True)

    assert find_mismatches(registry(), [theirs]) == [
        "chronos2: runtime has 2027, registry main"
    ]


def test_an_installed_model_that_nobody_knows_is_a_mismatch() -> None:
    theirs = RuntimeModel("mystery", None, None, is_installed=True)

    assert find_mismatches(registry(), [theirs]) == [
        "mystery is installed but stands in no registry"
    ]


def test_models_that_are_not_installed_are_no_mismatch() -> None:
    theirs = RuntimeModel("mystery", None, None, is_installed=False)

    assert find_mismatches(registry(), [theirs, CHRONOS]) == []
