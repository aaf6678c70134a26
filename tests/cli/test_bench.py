import json

import pytest
from tests.cli.command_line import run

from tsfm_runner.cli.exit_codes import ExitCode

LINES = (
    "requests",
    "unique",
    "elapsed_s",
    "throughput_rps",
    "latency_p50_ms",
    "latency_p95_ms",
    "cache_hit_rate",
    "fallback_rate",
    "ceiling_rps",
)
FEW = (
    *("bench", "--requests", "6", "--unique", "3", "--adapter-latency-ms", "1"),
    *("--budget-p95-ms", "1e6", "--budget-cycle-s", "1e6"),
)


def test_it_prints_every_figure_and_the_verdict() -> None:
    result = run(*FEW)

    assert result.exit_code == ExitCode.OK
    *figures, verdict = result.stdout.splitlines()
    assert tuple(line.split("=")[0] for line in figures) == LINES
    assert figures[:2] == ["requests=6", "unique=3"]
    assert figures[-2:] == ["fallback_rate=0.000", "ceiling_rps=1000.000"]
    assert verdict == "SLO_PASS"


@pytest.mark.parametrize(
    ("budget", "figure"),
    [("--budget-p95-ms", "latency_p95_ms"), ("--budget-cycle-s", "elapsed_s")],
)
def test_a_budget_that_is_not_kept_fails(budget: str, figure: str) -> None:
    result = run(*FEW, budget, "0.0001")

    assert result.exit_code == ExitCode.FAILED
    assert result.stdout.splitlines()[-1].startswith(f"SLO_FAIL: {figure} ")


def test_more_at_a_time_raise_the_ceiling() -> None:
    result = run(*FEW, "--concurrency", "3", "--json")

    figures = json.loads(result.stdout)
    assert figures["ceiling_rps"] == 3_000
    assert figures["slo"] == "pass"


def test_a_runtime_without_latency_has_no_ceiling() -> None:
    result = run(*FEW, "--adapter-latency-ms", "0", "--json")

    assert "ceiling_rps" not in json.loads(result.stdout)
