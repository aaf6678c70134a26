"""The registry is whole, and no licence slips into production."""

from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from tsfm_runner.adapters.model_registry import PACKAGED_REGISTRY, load_registry
from tsfm_runner.config import BaselineMethod, Settings
from tsfm_runner.domain.model import Capabilities, Environment
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
