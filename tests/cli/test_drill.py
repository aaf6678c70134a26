import json
import os
import signal
import subprocess
import time
from typing import Any

import pytest
from tests.cli.command_line import run
from tests.cli.processes import PROGRAM
from typer.testing import Result

from tsfm_runner.cli.exit_codes import ExitCode
from tsfm_runner.domain.forecast import FallbackReason
from tsfm_runner.testing.drill import Trouble

INTERRUPTED = 130
HASTY = {
    "TSFM_RESILIENCE__ATTEMPT_TIMEOUT_S": "0.02",
    "TSFM_BREAKER__COOLDOWN_S": "0.1",
}


@pytest.fixture(scope="module")
def whole() -> Result:
    return run("drill", "--json")


def phases(result: Result) -> dict[str, dict[str, Any]]:
    return {phase["fault"]: phase for phase in json.loads(result.stdout)["phases"]}


def test_the_whole_drill_is_passed(whole: Result) -> None:
    found = {name: phase["failures"] for name, phase in phases(whole).items()}

    assert found == {trouble.value: [] for trouble in Trouble}
    assert json.loads(whole.stdout)["verdict"] == "pass"
    assert whole.exit_code == ExitCode.OK


def test_every_answer_of_the_whole_drill_came_and_is_a_band(whole: Result) -> None:
    for name, phase in phases(whole).items():
        turned_away = phase["answered_by"].get("turned_away", 0)
        assert phase["answers"] == phase["requests"] >= 48
        assert phase["valid_bands"] == phase["answers"] - turned_away
        assert (turned_away > 0) is (name == Trouble.TURNED_AWAY)


def test_the_whole_drill_meets_the_ways_of_falling_back(whole: Result) -> None:
    met = {who for phase in phases(whole).values() for who in phase["answered_by"]}

    assert met >= {
        *(FallbackReason.RUNTIME_TIMEOUT, FallbackReason.RUNTIME_UNAVAILABLE),
        *(FallbackReason.RUNTIME_PROTOCOL, FallbackReason.INVALID_OUTPUT),
        *(FallbackReason.BREAKER_OPEN, FallbackReason.OVERLOADED),
        *(FallbackReason.STALE_IF_ERROR, "model", "cache"),
    }


def test_the_whole_drill_says_with_which_times_and_how_fast_it_recovered(
    whole: Result,
) -> None:
    document = json.loads(whole.stdout)
    limit_s = document["recovery_limit_s"]

    assert document["settings"]["breaker"]["cooldown_s"] == 1
    assert 1 < limit_s < 5
    assert all(0 <= one["recovery_s"] <= limit_s for one in document["phases"])


def test_single_troubles_are_shown_in_a_table() -> None:
    result = run(
        *("drill", "--only", "crossing", "--only", "nan"),
        *("--requests", "8", "--concurrency", "4"),
    )

    assert result.exit_code == ExitCode.OK
    lines = [line.split() for line in result.stdout.splitlines() if line.strip()]
    rows = {words[0]: words for words in lines if words[-1] in ("pass", "FAIL")}
    assert list(rows) == ["nan", "crossing"]
    assert rows["crossing"][1:4] == ["21", "of", "21"]
    assert lines[-1] == ["DRILL_PASS"]


def test_a_service_whose_runtime_is_always_late_fails() -> None:
    result = run("drill", "--full", "--only", "crossing", environ=HASTY)

    assert result.exit_code == ExitCode.FAILED
    assert "crossing: no model answered after it was over" in result.stdout
    assert result.stdout.splitlines()[-1] == "DRILL_FAIL: 1 of 1"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_leaves_no_process_behind_when_it_is_stopped(number: signal.Signals) -> None:
    with subprocess.Popen(  # noqa: S603 - the program under test
        [PROGRAM, "drill", "--only", "stopped"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "FORCE_COLOR": "1", "TERM": "xterm"},
    ) as process:
        assert process.stderr is not None
        process.stderr.read(1)  # the progress bar: the double runs by now

        process.send_signal(number)
        process.communicate(timeout=30)

    assert process.returncode == INTERRUPTED
    assert is_gone_soon(process.pid)


def is_gone_soon(session: int) -> bool:
    """Return whether nothing is left of the processes that were started together."""
    for _ in range(100):
        try:
            os.killpg(session, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False
