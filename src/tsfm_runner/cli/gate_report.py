"""What a gate says, for people and as a document."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tsfm_runner.cli.tables import plain_table
from tsfm_runner.domain.gating import Decision, Figure, FigureState, GateRuling, Window

_COLOURS: dict[Decision, str] = {"PASS": "green", "WAIT": "yellow", "ROLLBACK": "red"}
_STATES: dict[FigureState, tuple[str, str]] = {
    "holds": ("holds", "green"),
    "unsure": ("too few", "yellow"),
    "above": ("above", "yellow"),
    "broken": ("broken", "bold red"),
    "unknown": ("none yet", "dim"),
}
_MINUTE_S = 60
_BAR_WIDTH = 40

_Format = Callable[[float], str]


def _percent(value: float) -> str:
    return f"{value:.2%}"


def _milliseconds(value: float) -> str:
    return f"{value:,.0f} ms"


def _points(value: float) -> str:
    return f"{100 * value:.1f} pt"


# How each figure is called, and its numbers and what it was counted over are told.
_SHOWN: dict[str, tuple[str, _Format, str]] = {
    "p95_ms": ("p95 latency", _milliseconds, "forecasts"),
    "error_rate": ("errors", _percent, "requests"),
    "fallback_rate": ("fallbacks", _percent, "forecasts"),
    "invalid_rate": ("invalid output", _percent, "forecasts"),
    "breaker_open_share": ("breaker open", _percent, "seconds"),
    "coverage_error": ("coverage error", _points, "outcomes"),
}


def as_document(ruling: GateRuling, service: str) -> dict[str, object]:
    """Return the ruling as JSON can hold it; times in UTC."""
    window = ruling.window
    return {
        "service": service,
        "stage": ruling.stage.value,
        "decision": ruling.decision,
        "reasons": list(ruling.reasons),
        "time": _moment(ruling.time_s),
        "window": {
            "began_at": _moment(window.began_at_s),
            "seen_s": window.seen_s,
            "needed_s": window.needed_s,
            "readings": window.n_readings,
            "restarts": window.n_restarts,
            "broken_at": (
                None if window.broken_at_s is None else _moment(window.broken_at_s)
            ),
            "broken": list(window.broken),
        },
        "figures": [_figure(figure) for figure in ruling.figures],
    }


def as_line(ruling: GateRuling) -> str:
    """Return the ruling on one line, for a log."""
    reasons = "; ".join(ruling.reasons)
    return f"{_moment(ruling.time_s)} {ruling.stage} {ruling.decision}: {reasons}"


def as_tables(ruling: GateRuling) -> RenderableType:
    """Return the ruling as people read it."""
    window, colour = ruling.window, _COLOURS[ruling.decision]
    table = plain_table("", "figure", "now", "may be", "limit", "of", "state")
    table.title = None
    for column in table.columns:
        column.justify = "left" if column.header in {"figure", "state"} else "right"
        column.no_wrap = True
    for figure in ruling.figures:
        table.add_row(*_row(figure))
    head = Text.assemble(
        (f"{ruling.stage}: ", "bold"), (ruling.decision, f"bold {colour}")
    )
    reasons = [Text(f"- {reason}", style=colour) for reason in ruling.reasons]
    bar = ProgressBar(
        total=window.needed_s,
        completed=min(window.seen_s, window.needed_s),
        width=_BAR_WIDTH,
        finished_style="green",
    )
    line = Table.grid(padding=(0, 1))
    line.add_row(bar, Text(f"{min(1.0, window.seen_s / window.needed_s):.0%}"))
    return Group(head, *reasons, table, line, Text(_told(window)))


def _told(window: Window) -> str:
    seen, needed = window.seen_s / _MINUTE_S, window.needed_s / _MINUTE_S
    since = _moment(window.began_at_s)
    parts = [
        f"{seen:,.1f} of {needed:,g} minutes seen since {since}",
        _count(window.n_readings, "reading"),
    ]
    if window.n_restarts:
        parts.append(f"{_count(window.n_restarts, 'restart')} of the service")
    if window.broken_at_s is not None:
        names = ", ".join(_SHOWN[name][0] for name in window.broken)
        parts.append(f"began anew as a limit was broken: {names}")
    return "; ".join(parts)


def _count(n: int, word: str) -> str:
    return f"{n:,} {word}{'' if n == 1 else 's'}"


def _row(figure: Figure) -> tuple[str | Text, ...]:
    name, text_of, counted = _SHOWN[figure.name]
    between = ""
    if figure.low is not None and figure.high is not None and figure.n:
        between = f"{text_of(figure.low)}-{text_of(figure.high)}"
    state, style = _STATES[figure.state]
    return (
        name,
        "" if figure.value is None else text_of(figure.value),
        between,
        text_of(figure.limit),
        f"{figure.n:,.0f} {counted}",
        Text(state, style=style),
    )


def _figure(figure: Figure) -> dict[str, object]:
    document = asdict(figure)
    return {"figure": document.pop("name"), **document}


def _moment(time_s: float) -> str:
    return f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%dT%H:%M:%SZ}"
