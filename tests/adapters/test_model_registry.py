"""The registry is whole, and no licence slips into production."""

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from tsfm_runner.adapters.model_registry import PACKAGED_REGISTRY, load_registry
from tsfm_runner.config import BaselineMethod, Settings
from tsfm_runner.domain.model import Capabilities, Environment, ModelRevision
from tsfm_runner.errors import ConfigurationError

Document = dict[str, Any]

LEVELS = ("models", "mock", "capabilities", "quantile_levels")


def _shipped() -> Document:
    content: Document = yaml.safe_load(PACKAGED_REGISTRY.read_text(encoding="utf-8"))
    return content


def _written(folder: Path, document: Document) -> Path:
    path = folder / "models.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


def test_the_shipped_registry_allows_production_no_research_weights() -> None:
    registry = load_registry(None, "prod")

    tags = {registry.models[name].license_tag for name in registry.allowed}
    assert tags == {"commercial_ok"}
    assert registry.models["moirai-2.0-R-small"].license_tag == "research_only"


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_research_weights_in_the_production_list_are_refused_everywhere(
    tmp_path: Path, environment: Environment
) -> None:
    document = _shipped()
    document["environments"]["prod"]["allowed_models"].append("moirai-2.0-R-small")
    path = _written(tmp_path, document)

    with pytest.raises(ConfigurationError, match=r"research_only \(cc-by-nc-4.0\)"):
        load_registry(path, environment)


def test_an_unknown_model_in_the_production_list_is_refused(tmp_path: Path) -> None:
    document = _shipped()
    document["environments"]["prod"]["allowed_models"].append("gpt")
    path = _written(tmp_path, document)

    with pytest.raises(ConfigurationError, match="'gpt', no known model"):
        load_registry(path, "dev")


def test_the_shipped_registry_knows_the_default_model_and_every_baseline() -> None:
    registry = load_registry(None, "prod")

    registry.require_allowed(Settings().tollama.model)
    for method in get_args(BaselineMethod):
        assert registry.models[method].provider == "baseline"
        registry.require_allowed(method)


def test_capabilities_are_those_of_the_file() -> None:
    models = load_registry(None, "dev").models

    assert models["granite-ttm-r2"].revision == "512-96-ft-l1-r2.1"
    assert models["granite-ttm-r2"].capabilities == Capabilities(
        quantile_levels="none",
        max_context=512,
        max_horizon=96,
        past_covariates=True,
        future_covariates=True,
        max_series_per_call=1,
    )
    deciles = models["timesfm-2.5-200m"].capabilities.quantile_levels
    assert deciles == (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def test_dev_allows_every_model() -> None:
    registry = load_registry(None, "dev")

    assert registry.allowed == set(registry.models)


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (("models", "mock", "licence"), "mit", "models.mock.licence: Extra inputs"),
        (("models", "mock", "license_tag"), "free", "models.mock.license_tag"),
        (("models", "mock", "license_tag"), "unknown", "models.mock.license_tag"),
        (("models", "mock", "revision"), "", "models.mock.revision"),
        (LEVELS, [0.5, 1.5], "less than or equal to 0.999"),
        (LEVELS, [0.0005, 0.5], "greater than or equal to 0.001"),
        (LEVELS, [0.5], "at least 2"),
        (LEVELS, [0.9, 0.5, 0.1], "must ascend"),
        (LEVELS, [0.1, 0.33333], "at most 4 digits"),
        (("models", "mock", "capabilities", "max_context"), 0, "max_context"),
        (("models", "ewma", "provider"), "tollama", "must name the baseline ewma"),
        (("environments", "staging"), {}, "environments.staging: Extra inputs"),
    ],
)
def test_a_wrong_entry_is_named(
    tmp_path: Path, place: tuple[str, ...], value: object, told: str
) -> None:
    document = _shipped()
    *parents, key = place
    entry = document
    for parent in parents:
        entry = entry[parent]
    entry[key] = value
    path = _written(tmp_path, document)

    with pytest.raises(ConfigurationError) as caught:
        load_registry(path, "dev")

    assert told in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_registry_without_a_baseline_is_refused(tmp_path: Path) -> None:
    document = _shipped()
    del document["models"]["har"]
    document["environments"]["prod"]["allowed_models"].remove("har")
    path = _written(tmp_path, document)

    with pytest.raises(ConfigurationError, match="must name the baseline har"):
        load_registry(path, "dev")


def own_model(name: str, **fields: Any) -> ModelRevision:  # noqa: ANN401
    """Return a model of our own process, some of its fields replaced."""
    model = load_registry(None, "dev").models["tsfm-mini"]
    return replace(model, **{"name": name, "license_name": "mine", **fields})


def test_a_model_of_the_process_is_known_beside_those_of_the_file() -> None:
    own = own_model("mine", license_tag="unknown")

    dev, prod = load_registry(None, "dev", [own]), load_registry(None, "prod", [own])

    assert dev.models["mine"] == own
    assert dev.is_allowed("mine")
    assert not prod.is_allowed("mine")


def test_the_file_has_the_last_word_on_the_licence_of_a_revision() -> None:
    capabilities = Capabilities(quantile_levels=(0.2, 0.8))
    own = own_model("tsfm-mini", license_tag="unknown", capabilities=capabilities)
    other = replace(own, revision="2")

    listed = load_registry(None, "prod", [own]).models["tsfm-mini"]
    unlisted = load_registry(None, "dev", [other]).models["tsfm-mini"]

    assert (listed.license_tag, listed.license_name) == ("commercial_ok", "apache-2.0")
    assert listed.capabilities == capabilities
    assert unlisted == other
    with pytest.raises(ConfigurationError, match="names 'tsfm-mini', which is unknown"):
        load_registry(None, "prod", [other])


def test_the_file_calls_no_model_commercial_that_says_otherwise_itself() -> None:
    own = own_model("tsfm-mini", license_tag="research_only")

    with pytest.raises(ConfigurationError, match="its file says research_only"):
        load_registry(None, "dev", [own])


def test_a_model_of_the_process_may_be_on_the_production_list(tmp_path: Path) -> None:
    document = _shipped()
    document["environments"]["prod"]["allowed_models"] = ["mine"]
    path = _written(tmp_path, document)

    registry = load_registry(path, "prod", [own_model("mine")])

    assert registry.is_allowed("mine", "1")
    with pytest.raises(ConfigurationError, match="no known model"):
        load_registry(path, "prod")
    with pytest.raises(ConfigurationError, match="'mine', which is unknown"):
        load_registry(path, "dev", [own_model("mine", license_tag="unknown")])


def test_two_models_of_one_name_are_told_apart_by_nobody() -> None:
    with pytest.raises(ConfigurationError, match="chronos2 is a model of tollama"):
        load_registry(None, "dev", [own_model("chronos2")])


def test_a_model_may_have_a_space_of_its_own() -> None:
    models = load_registry(None, "dev").models

    assert models["tsfm-mini"].capabilities.space == "identity"
    assert models["chronos2"].capabilities.space is None
