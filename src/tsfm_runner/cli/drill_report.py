"""The reports of a drill, as tables for people and as one document."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console

from tsfm_runner.cli.tables import plain_table
from tsfm_runner.config import Settings
from tsfm_runner.testing.drill import PhaseReport, recovery_limit_s

_SECTIONS = {"resilience", "breaker", "degradation"}
_NUMBERS = slice(1, 6)


def document(reports: Sequence[PhaseReport], settings: Settings) -> dict[str, Any]:
    """Return all that a drill found out."""
    return {
        "verdict": "fail" if any(report.failures for report in reports) else "pass",
        "recovery_limit_s": recovery_limit_s(settings),
        "settings": settings.model_dump(include=_SECTIONS),
        "phases": [_phase(report) for report in reports],
    }


def _phase(report: PhaseReport) -> dict[str, Any]:
    return {
        "fault": report.trouble,
        "requests": len(report.answers),
        "answers": report.n_answers,
        "valid_bands": report.n_valid_bands,
        "answered_by": dict(report.outcomes.most_common()),
        "latency_p50_ms": round(report.latency_ms(50), 3),
        "latency_p95_ms": round(report.latency_ms(95), 3),
        "recovery_s": report.recovery_s,
        "failures": report.failures,
        "verdict": "fail" if report.failures else "pass",
    }


def print_tables(reports: Sequence[PhaseReport], settings: Settings) -> None:
    """Print a row for each trouble, and below it what was wrong in any."""
    console = Console()
    resilience, breaker = settings.resilience, settings.breaker
    console.print(
        f"deadline {resilience.deadline_s:g} s, each call at most "
        f"{resilience.attempt_timeout_s:g} s, cool-down {breaker.cooldown_s:g} s; "
        f"a model must answer again within {recovery_limit_s(settings):g} s"
    )
    table = plain_table(
        "Chaos drill",
        *("fault", "answers", "valid bands", "p50 ms", "p95 ms", "recovery s"),
        *("answered by", "verdict"),
    )
    for column in table.columns[_NUMBERS]:
        column.justify = "right"
    for report in reports:
        table.add_row(*_row(report))
    console.print(table)
    for report in reports:
        for failure in report.failures:
            console.print(f"{report.trouble}: {failure}", style="red", markup=False)
    n_failed = sum(bool(report.failures) for report in reports)
    verdict = f"DRILL_FAIL: {n_failed} of {len(reports)}" if n_failed else "DRILL_PASS"
    console.print(verdict)


def _row(report: PhaseReport) -> tuple[str, ...]:
    recovery_s = report.recovery_s
    return (
        report.trouble,
        f"{report.n_answers} of {len(report.answers)}",
        str(report.n_valid_bands),
        f"{report.latency_ms(50):.0f}",
        f"{report.latency_ms(95):.0f}",
        "never" if recovery_s is None else f"{recovery_s:.2f}",
        ", ".join(f"{who} {n}" for who, n in report.outcomes.most_common()),
        "FAIL" if report.failures else "pass",
    )
