"""The comparison of moments as a page: Markdown, or HTML with plots."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from card import as_markdown as table_of
from tsfm_runner.core.bootstrap import Interval

Moments: TypeAlias = Mapping[str, Interval]
Found: TypeAlias = Mapping[str, Mapping[str, Moments]]

COLOURS = ("#222222", "#c0392b", "#2471a3", "#1e8449")
N_COLUMNS = 4
ROW_HEIGHT = 210
_LARGE = 10


def as_text(value: npt.NDArray[np.float64] | float) -> str:
    """Return a moment with about three digits; a dash where there is none."""
    number = float(value)
    if not np.isfinite(number):
        return "-"
    return f"{number:.1f}" if abs(number) >= _LARGE else f"{number:.3f}"


def with_interval(one: Interval) -> str:
    """Return a moment with the interval in which it lies."""
    value, low, high = map(as_text, one)
    return value if "-" in (low, high) else f"{value} ({low} to {high})"


def as_markdown(found: Found) -> str:
    """Return one table: a row a moment, a column a cadence, in each all panels."""
    names = list(next(iter(found.values())))
    rows = [
        (
            moment,
            *(
                ", ".join(as_text(columns[name][moment].value) for name in names)
                for columns in found.values()
            ),
        )
        for moment in next(iter(found.values()))[names[0]]
    ]
    table = table_of(("moment", *found), rows)
    return f"Each cell: {', '.join(names)}.\n\n{table}"


def as_html(found: Found) -> str:
    """Return a page that needs no network: a small plot for each moment."""
    names = list(next(iter(found.values())))
    moments = list(next(iter(found.values()))[names[0]])
    n_rows = -(-len(moments) // N_COLUMNS)
    figure = make_subplots(rows=n_rows, cols=N_COLUMNS, subplot_titles=moments)
    for place, moment in enumerate(moments):
        for name, colour in zip(names, COLOURS, strict=False):
            figure.add_trace(
                _line(found, name, moment, colour, is_named=place == 0),
                row=place // N_COLUMNS + 1,
                col=place % N_COLUMNS + 1,
            )
    figure.update_layout(height=ROW_HEIGHT * n_rows, template="plotly_white")
    page: str = figure.to_html(include_plotlyjs=True, full_html=True)
    return page


def _line(found: Found, name: str, moment: str, colour: str, *, is_named: bool) -> Any:  # noqa: ANN401 - plotly has no types
    rows = [columns[name][moment] for columns in found.values()]
    value, low, high = (np.array(part, dtype=float) for part in zip(*rows, strict=True))
    return go.Scatter(
        x=list(found),
        y=value,
        error_y={"array": high - value, "arrayminus": value - low, "width": 2},
        name=name,
        legendgroup=name,
        showlegend=is_named,
        line={"color": colour, "width": 1.5},
    )
