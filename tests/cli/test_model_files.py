"""Files of models are added, looked at and removed from the command line."""

import json
from pathlib import Path

import pytest
from tests.adapters.models.graphs import N_PARAMETERS, Flaw, model_bytes
from tests.adapters.models.samples import candidate
from tests.cli.command_line import run

from tsfm_runner.adapters.model_registry import PACKAGED_REGISTRY
from tsfm_runner.adapters.models import ModelStore, model_store
from tsfm_runner.adapters.models.adding import write_model
from tsfm_runner.adapters.models.store import SHIPPED_MODELS
from tsfm_runner.cli.exit_codes import ExitCode


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my.onnx"
    path.write_bytes(model_bytes())
    return path


@pytest.fixture
def store() -> ModelStore:
    return model_store(None)


def labels(store: ModelStore) -> list[str]:
    return [one.label for one in store.all() if not one.is_shipped]


def test_a_model_is_added_and_it_says_how_it_is_used(
    file: Path, store: ModelStore
) -> None:
    result = run("models", "add", file)

    assert result.exit_code == ExitCode.OK, result.stderr
    assert labels(store) == ["tiny@1"]
    what, where, how = result.stdout.splitlines()
    assert what.endswith("43 parameters, 722 bytes, licence apache-2.0 (commercial_ok)")
    assert where == f"stored in {store.own_dir / 'tiny' / '1'}"
    assert how.endswith("embedded.model to tiny: export TSFM_EMBEDDED__MODEL=tiny")
    assert result.stderr == ""


def test_what_was_added_is_told_as_json(file: Path, store: ModelStore) -> None:
    told = json.loads(run("models", "add", file, "--json").stdout)

    [model] = (one for one in store.all() if not one.is_shipped)
    assert told["path"] == str(model.path)
    assert told["sha256"] == model.manifest.sha256
    assert told["n_parameters"] == N_PARAMETERS
    assert told["source"] == "my.onnx"


def test_options_stand_in_the_place_of_what_a_model_says(
    file: Path, store: ModelStore
) -> None:
    naming = ("--name", "mine", "--revision", "7")
    licence = ("--license", "theirs", "--license-tag", "research_only")

    result = run("models", "add", file, *naming, *licence)

    manifest = store.find("mine", "7").manifest
    assert (manifest.license_name, manifest.license_tag) == ("theirs", "research_only")
    assert "environment prod does not serve it" in result.stderr


def test_a_registry_may_name_a_model_before_it_is_there(
    file: Path, tmp_path: Path, store: ModelStore
) -> None:
    registry = tmp_path / "models.yaml"
    text = PACKAGED_REGISTRY.read_text(encoding="utf-8")
    named = text.replace("allowed_models:", "allowed_models:\n      - tiny")
    registry.write_text(named, encoding="utf-8")
    environ = {"TSFM_ENVIRONMENT": "prod", "TSFM_MODELS_FILE": str(registry)}

    result = run("models", "add", file, environ=environ)

    assert result.exit_code == ExitCode.OK, result.stderr
    assert "environments.prod.allowed_models of models_file names it" in result.stderr
    assert labels(store) == ["tiny@1"]
    environ["TSFM_EMBEDDED__ENABLED"] = "true"
    listed = json.loads(run("models", "--json", environ=environ).stdout)
    assert ("tiny", True) in {(one["name"], one["is_allowed"]) for one in listed}


def test_the_name_of_a_chronos_model_is_not_taken(file: Path) -> None:
    environ = {"TSFM_CHRONOS__MODELS": '{"tiny": "somewhere"}'}

    result = run("models", "add", file, environ=environ)

    assert result.exit_code == ExitCode.USAGE
    assert "'tiny' is another model's" in result.stderr


def test_a_folder_is_added_with_what_it_is_known_to_answer(
    tmp_path: Path, store: ModelStore
) -> None:
    write_model(candidate(name="folder", added_at=None), tmp_path / "export")

    assert run("models", "add", tmp_path / "export").exit_code == ExitCode.OK
    assert labels(store) == ["folder@1"]


def test_models_lie_where_the_settings_say(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"

    run("models", "add", file, environ={"TSFM_EMBEDDED__MODELS_DIR": str(folder)})

    assert labels(ModelStore((folder,))) == ["tiny@1"]


def test_the_same_revision_is_replaced_only_when_asked(
    file: Path, store: ModelStore
) -> None:
    run("models", "add", file)
    file.write_bytes(model_bytes(slope=0.25))

    refused = run("models", "add", file)
    assert refused.exit_code == ExitCode.USAGE
    assert "tiny@1 is stored already; say --replace" in refused.stderr
    assert store.find("tiny").read_bytes_checked() == model_bytes()

    assert run("models", "add", file, "--replace").exit_code == ExitCode.OK
    assert store.find("tiny").read_bytes_checked() == model_bytes(slope=0.25)


@pytest.mark.parametrize("name", ["chronos2", "ewma", "EWMA"])
def test_names_of_the_registry_are_not_taken(
    file: Path, store: ModelStore, name: str
) -> None:
    result = run("models", "add", file, "--name", name, "--replace")

    assert result.exit_code == ExitCode.USAGE
    assert f"'{name}' is another model's; choose one with --name" in result.stderr
    assert labels(store) == []


@pytest.mark.parametrize(
    ("flaw", "told"),
    [
        ("crossing", "my.onnx: its answers cross"),
        ("not_a_number", "my.onnx: its answers are not all finite"),
        ("few_channels", "my.onnx: its input channels has the shape"),
        ("external", "my.onnx: its weights lie in other files"),
    ],
)
def test_an_unsound_model_is_refused_with_a_reason(
    file: Path, store: ModelStore, flaw: Flaw, told: str
) -> None:
    file.write_bytes(model_bytes(flaw))

    result = run("models", "add", file)

    assert result.exit_code == ExitCode.USAGE
    assert result.stderr.startswith(f"error: {told}")
    assert labels(store) == []


def test_what_is_no_model_is_refused(file: Path) -> None:
    file.write_bytes(b"market_id,ts,price\n")
    assert run("models", "add", file).exit_code == ExitCode.USAGE

    assert "No such file" in run("models", "add", file.with_name("none.onnx")).stderr


def test_every_stored_model_is_verified(file: Path) -> None:
    run("models", "add", file)

    result = run("models", "verify", "--json")

    looks = json.loads(result.stdout)
    assert result.exit_code == ExitCode.OK, result.stdout
    assert [look["name"] for look in looks][-1] == "tiny"
    assert [look["is_shipped"] for look in looks].count(False) == 1
    assert looks[-1]["n_parameters"] == N_PARAMETERS
    assert looks[-1]["n_known_answers"] == 12
    assert all(look["problem"] is None for look in looks)


def test_models_that_ship_are_sound_and_have_known_answers() -> None:
    looks = json.loads(run("models", "verify", "--json").stdout)

    assert len(looks) == len(list(SHIPPED_MODELS.glob("*/*/model.json")))
    assert all(look["is_shipped"] and look["problem"] is None for look in looks)
    assert all(look["n_known_answers"] for look in looks)


def test_a_damaged_model_is_named_and_ends_with_a_code(
    file: Path, store: ModelStore
) -> None:
    run("models", "add", file)
    run("models", "add", file, "--name", "other")
    model = store.find("tiny")
    model.file.write_bytes(model_bytes()[:-1])
    model.path.with_name("2").mkdir()
    model.path.with_name("2").joinpath("model.json").write_bytes(b"{")

    result = run("models", "verify")

    assert result.exit_code == ExitCode.FAILED
    assert "tiny@1: " in result.stdout
    assert "is damaged: it has 721 bytes" in result.stdout
    assert "tiny@2: " in result.stdout
    assert "other@1: " not in result.stdout
    assert run("models", "verify", "other").exit_code == ExitCode.OK
    assert run("models", "verify", "other@1", "tiny@2").exit_code == ExitCode.FAILED


def test_a_model_that_is_not_stored_cannot_be_verified() -> None:
    result = run("models", "verify", "nope")

    assert result.exit_code == ExitCode.USAGE
    assert "no model nope is stored; there are: " in result.stderr


def test_a_model_is_removed_after_a_question(file: Path, store: ModelStore) -> None:
    run("models", "add", file)

    refused = run("models", "remove", "tiny", piped="n\n")
    assert refused.exit_code == ExitCode.FAILED
    assert "Delete tiny@1?" in refused.stderr
    assert labels(store) == ["tiny@1"]

    agreed = run("models", "remove", "tiny", piped="y\n")
    assert agreed.stdout.endswith("deleted tiny@1\n")
    assert labels(store) == []


def test_one_revision_or_all_of_them_are_removed(file: Path, store: ModelStore) -> None:
    for revision in "123":
        run("models", "add", file, "--revision", revision)

    result = run("models", "remove", "tiny@2", "--yes", "--json")
    assert json.loads(result.stdout) == {"removed": ["tiny@2"]}
    assert labels(store) == ["tiny@1", "tiny@3"]

    run("models", "remove", "tiny", "--yes")
    assert labels(store) == []


def test_a_model_whose_manifest_is_damaged_can_be_removed(
    file: Path, store: ModelStore
) -> None:
    run("models", "add", file)
    store.find("tiny").path.joinpath("model.json").write_bytes(b"{")

    assert run("models", "remove", "tiny", "--yes").exit_code == ExitCode.OK
    assert labels(store) == []


@pytest.mark.parametrize("name", ["tsfm-mini", "tsfm-mini@1"])
def test_what_ships_cannot_be_removed(name: str) -> None:
    result = run("models", "remove", name, "--yes")

    assert result.exit_code == ExitCode.USAGE
    assert f"'{name}' is shipped with the package and stays" in result.stderr


def test_of_a_name_that_ships_too_the_own_files_are_removed(
    file: Path, store: ModelStore
) -> None:
    run("models", "add", file, "--revision", "7")
    store.own_dir.joinpath("tiny").rename(store.own_dir / "tsfm-mini")

    result = run("models", "remove", "tsfm-mini", "--yes")

    assert result.stdout.endswith("deleted tsfm-mini@7\n")
    assert labels(store) == []


def test_what_is_not_stored_cannot_be_removed() -> None:
    assert run("models", "remove", "nope", "--yes").exit_code == ExitCode.USAGE
