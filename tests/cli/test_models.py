"""The list of models joins registry, licences and runtime."""

import asyncio
import json
from pathlib import Path

from tests.adapters.embedded.stored import store_model
from tests.cli.command_line import run

from tsfm_runner.adapters.model_registry import load_registry
from tsfm_runner.cli.exit_codes import ExitCode
from tsfm_runner.testing.fake_tollama import FakeTollamaOptions, running_fake_tollama


def test_without_a_runtime_only_baselines_are_known_to_be_installed() -> None:
    result = run("models", "--json")

    assert result.exit_code == ExitCode.OK, result.stderr
    models = {model["name"]: model for model in json.loads(result.stdout)}
    assert list(models) == list(load_registry(None, "dev").models)
    assert models["ewma"]["is_installed"] is True
    assert models["chronos2"]["is_installed"] is None
    assert models["chronos2"]["is_allowed"] is True
    assert models["moirai-2.0-R-small"]["license_tag"] == "research_only"
    assert models["granite-ttm-r2"]["capabilities"]["max_context"] == 512


def test_models_of_the_process_are_listed_with_those_of_the_user(
    tmp_path: Path,
) -> None:
    store_model(tmp_path, name="mine", license_tag="unknown", license_name="unknown")
    environ = {
        "TSFM_EMBEDDED__ENABLED": "true",
        "TSFM_EMBEDDED__MODELS_DIR": str(tmp_path),
    }

    result = run("models", "--json", environ=environ)

    models = {model["name"]: model for model in json.loads(result.stdout)}
    assert models["tsfm-mini"]["is_installed"] is True
    assert models["tsfm-mini"]["provider"] == "embedded"
    assert models["mine"]["is_installed"] is True
    assert models["mine"]["license_tag"] == "unknown"


def test_production_allows_no_research_weights() -> None:
    result = run("models", "--json", environ={"TSFM_ENVIRONMENT": "prod"})

    allowed = {m["name"] for m in json.loads(result.stdout) if m["is_allowed"]}
    assert "chronos2" in allowed
    assert "moirai-2.0-R-small" not in allowed
    assert "mock" not in allowed


async def test_the_runtime_says_what_is_installed() -> None:
    options = FakeTollamaOptions(models=("chronos2",))

    async with running_fake_tollama(options, host="127.0.0.1", port=0) as url:
        result = await asyncio.to_thread(
            run, "models", "--json", environ={"TSFM_TOLLAMA__URL": url}
        )

    installed = {m["name"]: m["is_installed"] for m in json.loads(result.stdout)}
    assert installed["chronos2"] is True
    assert installed["timesfm-2.5-200m"] is False


def test_the_table_says_the_same_to_people() -> None:
    lines = run("models").stdout.splitlines()

    (line,) = [line for line in lines if line.strip().startswith("timesfm-2.5")]
    assert line.split() == [
        *("timesfm-2.5-200m", "apache-2.0", "commercial", "yes", "-", "9"),
    ]
    assert any("research" in line for line in lines)


def test_the_table_fits_a_narrow_terminal_without_breaking_words() -> None:
    narrow = run("models", environ={"COLUMNS": "80"}).stdout

    assert max(map(len, narrow.splitlines())) <= 80
    assert set(run("models").stdout.split()) <= set(narrow.split())


def test_list_says_what_the_group_alone_says() -> None:
    assert run("models", "list").stdout == run("models").stdout
    assert run("models", "list", "--json").stdout == run("models", "--json").stdout


def test_json_belongs_behind_the_name_of_a_command() -> None:
    result = run("models", "--json", "verify")

    assert result.exit_code == ExitCode.USAGE
    assert "--json: belongs after verify" in result.stderr
