"""Every setting is shown with its value, its source and no secret."""

import json
from pathlib import Path
from typing import Any

from tests.cli.command_line import run

from tsfm_runner.adapters.setting_tree import list_settings
from tsfm_runner.cli.exit_codes import ExitCode

Rows = dict[str, dict[str, Any]]
TOKEN = "0123456789-long-enough"
SECRETS = {
    "TSFM_AUTH__KEYS": json.dumps({"alice": TOKEN}),
    "TSFM_TOLLAMA__TOKEN": TOKEN,
}


def _explained(
    *arguments: object, environ: dict[str, str]
) -> dict[str, dict[str, Any]]:
    result = run(*arguments, "config", "explain", "--json", environ=environ)
    assert result.exit_code == ExitCode.OK, result.stderr
    return {row["name"]: row for row in json.loads(result.stdout)}


def test_every_setting_has_value_origin_and_meaning(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("server: {port: 9000}", encoding="utf-8")

    rows = _explained("--config", path, environ={"TSFM_TASK__FREQ": "1h"})

    assert list(rows) == list(list_settings())
    assert rows["server.port"] == {
        "name": "server.port",
        "value": 9000,
        "origin": f"file {path}",
        "description": "Port to bind; 0 takes a free one.",
    }
    assert rows["task.freq"]["value"] == "1h"
    assert rows["task.freq"]["origin"] == "env TSFM_TASK__FREQ"
    assert rows["routing.ladder"]["value"] == ["tollama", "embedded", "baseline"]
    assert rows["routing.ladder"]["origin"] == "default"
    assert rows["tollama.url"]["value"] is None


def test_secrets_are_masked() -> None:
    rows = _explained(environ=SECRETS)

    assert list(rows["auth.keys"]["value"]) == ["alice"]
    assert TOKEN not in json.dumps(rows)
    assert rows["tollama.token"]["origin"] == "env TSFM_TOLLAMA__TOKEN"


def test_the_tree_says_the_same_to_people() -> None:
    result = run("config", "explain", environ=SECRETS | {"TSFM_SERVER__PORT": "9000"})

    assert result.exit_code == ExitCode.OK
    assert "port = 9000  env TSFM_SERVER__PORT" in result.stdout
    assert "Port to bind; 0 takes a free one." in result.stdout
    assert TOKEN not in result.stdout


def test_lists_of_sections_are_shown_whole() -> None:
    override = {"category": "weather", "liquidity_bucket": None, "ladder": ["baseline"]}

    rows = _explained(environ={"TSFM_ROUTING__OVERRIDES": json.dumps([override])})

    assert rows["routing.overrides"]["value"] == [override]
