"""The program lists its commands, knows its version, and ends errors with one line."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.command_line import run

import tsfm_runner
from tsfm_runner.cli.exit_codes import ExitCode, exit_code_of
from tsfm_runner.errors import (
    ConfigurationError,
    InvalidTaskError,
    ModelNotAllowedError,
    RuntimeUnavailableError,
    TsfmError,
    UnreadableInputError,
)

COMMANDS = (
    *("serve", "forecast", "models", "doctor", "bench", "fake-tollama", "simulate"),
    "config",
)


def test_help_lists_every_command_and_every_exit_code() -> None:
    result = run("--help")

    assert result.exit_code == ExitCode.OK
    for command in COMMANDS:
        assert command in result.stdout
    for code in ExitCode:
        assert f" {code.value} " in result.stdout.partition("Exit codes:")[2]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_and_its_exit_codes(command: str) -> None:
    result = run(command, "--help")

    assert result.exit_code == ExitCode.OK
    assert "Exit codes:" in result.stdout


@pytest.mark.parametrize("command", [[], ["forecast"], ["serve"], ["config"]])
def test_help_shows_no_type_for_flags(command: list[str]) -> None:
    result = run(*command, "--help")

    assert "--help" in result.stdout
    assert "bool" not in result.stdout


def test_version_is_that_of_the_package() -> None:
    result = run("--version")

    assert result.exit_code == ExitCode.OK
    assert result.stdout == f"tsfm-runner {tsfm_runner.__version__}\n"


@pytest.mark.parametrize("arguments", [["forcast"], ["models", "--jsno"]])
def test_wrong_usage_is_told_on_stderr(arguments: list[str]) -> None:
    result = run(*arguments)

    assert result.exit_code == ExitCode.USAGE
    assert result.stdout == ""
    assert result.stderr != ""


def test_an_error_of_ours_is_one_line_on_stderr() -> None:
    result = run("models", environ={"TSFM_SERVER__PORT": "no"})

    assert result.exit_code == ExitCode.CONFIGURATION
    assert result.stdout == ""
    assert result.stderr.startswith("error: server.port: ")
    assert len(result.stderr.splitlines()) == 1


def test_config_stands_before_the_command(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("environment: nowhere", encoding="utf-8")

    result = run("--config", path, "models")

    assert result.exit_code == ExitCode.CONFIGURATION
    assert f"(file {path})" in result.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError("x"), ExitCode.CONFIGURATION),
        (ModelNotAllowedError("x"), ExitCode.CONFIGURATION),
        (InvalidTaskError("freq", "x"), ExitCode.USAGE),
        (UnreadableInputError("x"), ExitCode.USAGE),
        (RuntimeUnavailableError("x"), ExitCode.FAILED),
    ],
)
def test_each_error_ends_with_its_code(error: TsfmError, code: ExitCode) -> None:
    assert exit_code_of(error) == code


def test_the_installed_entry_point_runs() -> None:
    program = (
        "import sys; sys.argv[0] = 'tsfm-runner'\n"
        "from tsfm_runner.cli import main; main()"
    )

    done = subprocess.run(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-c", program, "--version"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("tsfm-runner ")
