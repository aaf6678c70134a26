"""What a checkpoint is stands in its files, and a revision changes with any of them."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tsfm_runner.adapters.chronos.checkpoint import (
    find_checkpoints,
    is_hub_name,
    read_checkpoint,
    require_extra,
)
from tsfm_runner.config import ChronosConfig
from tsfm_runner.errors import ConfigurationError

LEVELS = [0.1, 0.5, 0.9]


def _content(**changes: object) -> dict[str, Any]:
    forecasting = {"context_length": 2048, "quantiles": LEVELS, "use_reg_token": True}
    return {
        "chronos_pipeline_class": "ChronosBoltPipeline",
        "chronos_config": forecasting | changes,
        "model_type": "t5",
    }


def _written(folder: Path, content: dict[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(content), encoding="utf-8")
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def test_a_checkpoint_says_what_it_is(tmp_path: Path) -> None:
    found = read_checkpoint("mine", _written(tmp_path, _content()))

    assert found.name == "mine"
    assert found.folder == tmp_path
    assert found.kind == "ChronosBoltPipeline"
    assert found.context_length == 2048
    assert found.quantile_levels == (0.1, 0.5, 0.9)


def test_the_revision_is_that_of_the_content_wherever_it_lies(tmp_path: Path) -> None:
    first = read_checkpoint("a", _written(tmp_path / "a", _content()))
    second = read_checkpoint("b", _written(tmp_path / "b", _content()))

    assert first.revision == second.revision
    assert len(first.revision) == 12


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_another_word_or_weight_is_another_revision(tmp_path: Path, name: str) -> None:
    before = read_checkpoint("mine", _written(tmp_path, _content()))

    (tmp_path / name).write_bytes((tmp_path / name).read_bytes() + b" ")

    assert read_checkpoint("mine", tmp_path).revision != before.revision


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (_content() | {"chronos_pipeline_class": "ChronosPipeline"}, "pipeline_class"),
        ({"model_type": "t5"}, "chronos_pipeline_class: Field required"),
        (_content(context_length=0), "chronos_config.context_length"),
        (_content(quantiles=[0.5]), "chronos_config.quantiles"),
        (_content(quantiles=[0.9, 0.5]), "must ascend"),
        (_content(quantiles=[0.1, 0.9]), "must hold 0.5"),
        (_content(quantiles=[0.5, 1.0]), "chronos_config.quantiles.1"),
    ],
)
def test_what_is_no_checkpoint_of_the_two_kinds_is_refused(
    tmp_path: Path, content: dict[str, Any], told: str
) -> None:
    folder = _written(tmp_path, content)

    with pytest.raises(ConfigurationError, match=told) as failure:
        read_checkpoint("mine", folder)

    assert str(failure.value).startswith("chronos.models.mine: ")


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    (_written(tmp_path, _content()) / "model.safetensors").unlink()

    with pytest.raises(ConfigurationError, match=r"has no \*.safetensors"):
        read_checkpoint("mine", tmp_path)


def test_a_folder_without_a_description_is_refused(tmp_path: Path) -> None:
    (_written(tmp_path, _content()) / "config.json").unlink()

    with pytest.raises(ConfigurationError, match=r"config.json cannot be read"):
        read_checkpoint("mine", tmp_path)


def test_a_description_that_is_no_json_is_refused(tmp_path: Path) -> None:
    (_written(tmp_path, _content()) / "config.json").write_text("{", encoding="utf-8")

    with pytest.raises(ConfigurationError, match="is not of Chronos-2"):
        read_checkpoint("mine", tmp_path)


def test_an_adapter_is_refused_as_it_may_name_a_model_elsewhere(tmp_path: Path) -> None:
    (_written(tmp_path, _content()) / "adapter_config.json").touch()

    with pytest.raises(ConfigurationError, match="merge it with its model first"):
        read_checkpoint("mine", tmp_path)


@pytest.mark.parametrize(
    ("source", "is_name"),
    [
        ("amazon/chronos-2", True),
        ("amazon/chronos-bolt-small", True),
        ("chronos-2", False),
        ("./chronos-2", False),
        ("../amazon/chronos-2", False),
        ("a/b/c", False),
        ("s3://bucket/chronos", False),
    ],
)
def test_a_hub_name_is_an_owner_and_a_name(source: str, *, is_name: bool) -> None:
    assert is_hub_name(source) is is_name


def test_a_folder_is_no_hub_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "amazon" / "chronos-2").mkdir(parents=True)

    assert not is_hub_name("amazon/chronos-2")


def test_no_model_needs_no_extra() -> None:
    assert find_checkpoints(ChronosConfig()) == []


def test_a_missing_extra_is_told_with_how_to_get_it() -> None:
    told = r"chronos.models needs no_such_module: pip install 'tsfm-runner\[chronos\]'"
    with pytest.raises(ConfigurationError, match=told):
        require_extra("no_such_module")


@pytest.mark.skipif(find_spec("chronos") is not None, reason="the extra is installed")
def test_a_model_without_the_extra_stops_the_start(tmp_path: Path) -> None:
    config = ChronosConfig.model_validate({"models": {"mine": str(tmp_path)}})

    with pytest.raises(ConfigurationError, match="pip install 'tsfm-runner"):
        find_checkpoints(config)
