"""The doctor finds what is wrong, says how to mend it, and fails where it must."""

import asyncio
import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.adapters.embedded.stored import store_model
from tests.cli.command_line import run

from tsfm_runner.adapters.model_registry import PACKAGED_REGISTRY
from tsfm_runner.cli.exit_codes import ExitCode
from tsfm_runner.testing.fake_tollama import FakeTollamaOptions, running_fake_tollama

FREE_PORT = {
    "TSFM_SERVER__PORT": "0",
    "TSFM_STORE__URL": "sqlite://",
    "TSFM_EMBEDDED__ENABLED": "true",
}
Checks = dict[str, dict[str, str]]


def _checks(environ: Mapping[str, str], *, code: ExitCode) -> Checks:
    result = run("doctor", "--json", environ={**FREE_PORT, **environ})
    assert result.exit_code == code, result.output
    return {check["name"]: check for check in json.loads(result.stdout)}


async def _with_runtime(
    *models: str, environ: Mapping[str, str], code: ExitCode
) -> Checks:
    options = FakeTollamaOptions(models=models)
    async with running_fake_tollama(options, host="127.0.0.1", port=0) as url:
        variables = {"TSFM_TOLLAMA__URL": url, **environ}
        return await asyncio.to_thread(_checks, variables, code=code)


def test_a_fresh_installation_is_well() -> None:
    checks = _checks({}, code=ExitCode.OK)

    assert {name: check["outcome"] for name, check in checks.items()} == {
        "configuration": "ok",
        "package data": "ok",
        "server": "ok",
        "port": "ok",
        "ledger": "skipped",
        "models and licences": "ok",
        "baselines": "ok",
        "embedded": "ok",
        "default model": "ok",
    }
    assert checks["default model"]["detail"] == "tsfm-mini is installed"
    assert checks["baselines"]["detail"].endswith("ewma, kalman, rolling_quantile, har")


def test_without_any_runtime_baselines_are_enough() -> None:
    checks = _checks({"TSFM_EMBEDDED__ENABLED": "false"}, code=ExitCode.OK)

    assert checks["runtimes"]["outcome"] == "skipped"
    assert "TSFM_EMBEDDED__ENABLED" in checks["runtimes"]["hint"]
    assert checks["default model"]["outcome"] == "skipped"
    assert checks["default model"]["detail"].endswith("tollama is not configured")


def test_a_damaged_model_file_fails(tmp_path: Path) -> None:
    stored = store_model(tmp_path)
    stored.file.write_bytes(b"damaged")

    checks = _checks({"TSFM_EMBEDDED__MODELS_DIR": str(tmp_path)}, code=ExitCode.FAILED)

    assert checks["model files"]["outcome"] == "failed"
    assert f"{stored.file} is damaged" in checks["model files"]["detail"]
    assert "TSFM_EMBEDDED__ENABLED=false" in checks["model files"]["hint"]


async def test_a_runtime_with_the_default_model_is_well() -> None:
    checks = await _with_runtime("chronos2", environ={}, code=ExitCode.OK)

    assert checks["tollama"]["outcome"] == "ok"
    assert checks["default model"]["detail"] == "chronos2 is installed"


async def test_a_default_model_that_is_not_installed_fails() -> None:
    environ = {"TSFM_TOLLAMA__MODEL": "timesfm-2.5-200m"}

    checks = await _with_runtime("chronos2", environ=environ, code=ExitCode.FAILED)

    assert checks["default model"]["outcome"] == "failed"
    assert "tollama pull timesfm-2.5-200m" in checks["default model"]["hint"]


async def test_a_licence_that_differs_from_the_registry_fails(tmp_path: Path) -> None:
    document: Any = yaml.safe_load(PACKAGED_REGISTRY.read_text(encoding="utf-8"))
    document["models"]["chronos2"]["license_name"] = "mit"
    path = tmp_path / "models.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")

    checks = await _with_runtime(
        "chronos2", environ={"TSFM_MODELS_FILE": str(path)}, code=ExitCode.FAILED
    )

    assert checks["tollama licences"]["outcome"] == "failed"
    assert "chronos2" in checks["tollama licences"]["detail"]


def test_a_runtime_that_does_not_answer_fails() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    environ = {"TSFM_TOLLAMA__URL": f"http://127.0.0.1:{port}"}

    checks = _checks(environ, code=ExitCode.FAILED)

    assert checks["tollama"]["outcome"] == "failed"
    assert f"asked http://127.0.0.1:{port}: " in checks["tollama"]["detail"]
    assert "TSFM_TOLLAMA__URL" in checks["tollama"]["hint"]
    assert checks["default model"]["outcome"] == "skipped"
    assert checks["default model"]["detail"].endswith("tollama did not answer")
    assert checks["baselines"]["outcome"] == "ok"


def test_a_port_that_is_taken_fails() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        checks = _checks({"TSFM_SERVER__PORT": str(port)}, code=ExitCode.FAILED)

    assert checks["port"]["outcome"] == "failed"
    assert f"127.0.0.1:{port} cannot be bound" in checks["port"]["detail"]


@pytest.mark.parametrize(
    ("environ", "name", "told"),
    [
        ({"TSFM_SERVER__HOST": "::"}, "server", "set auth.keys"),
        ({"TSFM_MODELS_FILE": "absent"}, "models and licences", "absent cannot be"),
        ({"TSFM_TASK__FREQ": "soon"}, "task settings", "freq: must look like"),
    ],
)
def test_settings_that_cannot_work_fail_with_the_reason(
    environ: dict[str, str], name: str, told: str
) -> None:
    checks = _checks(environ, code=ExitCode.FAILED)

    assert checks[name]["outcome"] == "failed"
    assert told in checks[name]["detail"]
    assert checks[name]["hint"] != ""


def test_settings_that_cannot_be_read_are_the_only_check() -> None:
    checks = _checks({"TSFM_SERVER__PROT": "1"}, code=ExitCode.FAILED)

    assert list(checks) == ["configuration"]
    assert "TSFM_SERVER__PROT" in checks["configuration"]["detail"]


def test_the_list_marks_what_is_well_and_what_is_not() -> None:
    environ = {**FREE_PORT, "TSFM_MODELS_FILE": "absent"}

    result = run("doctor", environ=environ)

    assert result.exit_code == ExitCode.FAILED
    assert "✔ package data: " in result.stdout
    assert "✘ models and licences: " in result.stdout
    assert "\n  Mend the registry file" in result.stdout
