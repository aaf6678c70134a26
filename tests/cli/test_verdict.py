"""A verdict is decided from the ledger, shown, and written down."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.adapters.ledger.entries import START_S, open_at
from tests.cli.command_line import run
from tests.cli.verdict_ledger import write_ledger
from tests.service.verdict.samples import KEY, decided, verdict

from tsfm_runner.adapters.verdict_file import read_verdict, write_verdict
from tsfm_runner.cli.exit_codes import ExitCode

SINCE = datetime.fromtimestamp(START_S, UTC).isoformat()
HERE = KEY._replace(model_version="1", segment="category=weather")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    path = tmp_path / "ledger.db"
    write_ledger(path)
    return {
        "TSFM_STORE__URL": f"sqlite:///{path}",
        "TSFM_ROUTING__VERDICT_FILE": str(tmp_path / "verdict.yaml"),
    }


def file_of(environ: dict[str, str]) -> Path:
    return Path(environ["TSFM_ROUTING__VERDICT_FILE"])


def test_a_model_that_is_better_is_shown_as_proven_and_nothing_is_written(
    environ: dict[str, str],
) -> None:
    result = run("verdict", "--since", SINCE, environ=environ)

    assert result.exit_code == ExitCode.OK, result.output
    assert "Verdict 1" in result.stdout
    assert "chronos2 1" in result.stdout
    assert "0.600 [0." in result.stdout
    assert "1 of 1 segments proven" in result.stdout
    assert "Nothing was written (--write does)." in result.stdout
    assert not file_of(environ).exists()


def test_the_verdict_is_written_where_that_is_asked_for(
    environ: dict[str, str],
) -> None:
    result = run("verdict", "--since", SINCE, "--write", environ=environ)

    assert result.exit_code == ExitCode.OK, result.output
    assert f"Written to {file_of(environ)}." in result.stdout
    written = read_verdict(file_of(environ))
    assert (written.version, written.source) == (1, "ledger")
    [one] = written.segments
    assert one.key == HERE
    assert one.is_proven
    assert (one.n, one.n_groups) == (600, 20)
    assert one.closed == one.open == 0.8


def test_what_says_the_same_is_not_written_again(environ: dict[str, str]) -> None:
    run("verdict", "--since", SINCE, "--write", environ=environ)
    before = file_of(environ).read_bytes()

    result = run("verdict", "--since", SINCE, "--write", environ=environ)

    assert f"{file_of(environ)} says so already." in result.stdout
    assert file_of(environ).read_bytes() == before


def test_a_verdict_goes_on_from_its_file(environ: dict[str, str]) -> None:
    elsewhere = decided(key=KEY._replace(segment="another"))
    here = decided(key=HERE, is_proven=False)
    write_verdict(verdict(elsewhere, here, version=4), file_of(environ))

    result = run("verdict", "--since", SINCE, "--write", environ=environ)

    assert "chronos2 (was ewma)" in result.stdout
    written = read_verdict(file_of(environ))
    assert written.version == 5
    assert written.find(elsewhere.key) == elsewhere
    assert written.n_proven == 2


def test_another_file_may_be_named(environ: dict[str, str], tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"

    run("verdict", "--since", SINCE, "--write", "--file", other, environ=environ)

    assert read_verdict(other).n_proven == 1
    assert not file_of(environ).exists()


def test_json_tells_all_of_it(environ: dict[str, str]) -> None:
    result = run("verdict", "--since", SINCE, "--json", environ=environ)

    told = json.loads(result.stdout)
    assert told["since"] == SINCE
    assert (told["file"], told["is_changed"], told["is_written"]) == (
        str(file_of(environ)),
        True,
        False,
    )
    assert told["schema"] == "tsfm-runner/verdict/1"
    assert [one["segment"] for one in told["segments"]] == ["category=weather"]


def test_rules_are_those_of_the_settings(environ: dict[str, str]) -> None:
    strict = environ | {"TSFM_VERDICT__MIN_GROUPS": "21"}

    result = run("verdict", "--since", SINCE, environ=strict)

    assert "0 of 0 segments proven" in result.stdout
    assert "Of 1 more too few events or outcomes are known" in result.stdout


def test_a_model_that_is_worse_is_not_proven(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    write_ledger(path, reach=0.3)

    result = run(
        "verdict", "--since", SINCE, environ={"TSFM_STORE__URL": f"sqlite:///{path}"}
    )

    assert "not_better" in result.stdout
    assert "0 of 1 segments proven" in result.stdout


def test_how_far_back_is_looked_is_a_setting(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    write_ledger(path, recorded_at_s=time.time() - 5 * 86_400)
    url = {"TSFM_STORE__URL": f"sqlite:///{path}"}

    usual = run("verdict", environ=url)
    short = run("verdict", environ=url | {"TSFM_VERDICT__WINDOW_DAYS": "2"})

    assert usual.exit_code == ExitCode.OK
    assert short.exit_code == ExitCode.USAGE
    assert "nothing became known of a model beside a baseline" in short.stderr


def test_it_is_decided_while_the_service_writes(environ: dict[str, str]) -> None:
    path = Path(environ["TSFM_STORE__URL"].removeprefix("sqlite:///"))

    with open_at(path):
        result = run("verdict", "--since", SINCE, environ=environ)

    assert result.exit_code == ExitCode.OK


@pytest.mark.parametrize(
    ("changed", "arguments", "exit_code", "told"),
    [
        ({"TSFM_STORE__URL": "sqlite://"}, (), ExitCode.USAGE, "in memory"),
        ({"TSFM_STORE__URL": "sqlite:///none.db"}, (), ExitCode.USAGE, "no ledger yet"),
        ({}, ("--since", "yesterday"), ExitCode.USAGE, "must be an ISO 8601 time"),
        (
            {"TSFM_ROUTING__VERDICT_FILE": ""},
            ("--write",),
            ExitCode.CONFIGURATION,
            "routing.verdict_file names no file",
        ),
    ],
)
def test_what_cannot_be_done_is_told(
    environ: dict[str, str],
    changed: dict[str, str],
    arguments: tuple[str, ...],
    exit_code: ExitCode,
    told: str,
) -> None:
    result = run("verdict", *arguments, environ=environ | changed)

    assert result.exit_code == exit_code
    assert told in result.stderr


def test_a_broken_file_is_not_written_over(environ: dict[str, str]) -> None:
    file_of(environ).write_text("proven: everywhere", encoding="utf-8")

    result = run("verdict", "--since", SINCE, "--write", environ=environ)

    assert result.exit_code == ExitCode.CONFIGURATION
    assert file_of(environ).read_text(encoding="utf-8") == "proven: everywhere"


def test_what_cannot_be_told_of_a_ratio_is_a_dash(environ: dict[str, str]) -> None:
    unknown = decided(
        key=KEY._replace(segment="another"), is_proven=False, ratio=None, low=None
    )
    write_verdict(verdict(unknown), file_of(environ))

    result = run("verdict", "--since", SINCE, environ=environ)

    assert "- [-, 0.950]" in result.stdout
