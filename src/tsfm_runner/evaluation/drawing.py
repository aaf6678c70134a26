"""Raw bands and traits of every origin: what no band before it has changed."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from tsfm_runner.core.arrays import Float32Array, FloatArray, IntArray
from tsfm_runner.core.resampling import detect_ticks
from tsfm_runner.domain.recording import RecordedMarket
from tsfm_runner.evaluation.design import Design, Model, Part
from tsfm_runner.evaluation.panel import (
    Origins,
    Panel,
    Windows,
    make_panel,
    origins_of,
)
from tsfm_runner.service.baselining import Baselines
from tsfm_runner.service.calibration.describing import Describer
from tsfm_runner.service.finishing import finish_values

_TOGETHER = 1_024
_ORDERED = frozenset({"rolling_quantile"})  # sorts the windows of a series together
_SECONDS_PER_MINUTE = 60


def panel_of(
    markets: Sequence[RecordedMarket], design: Design, *, step_s: int
) -> Panel:
    """Return markets on the grid of their step, filled as the service fills them."""
    max_gap_s = _SECONDS_PER_MINUTE * design.settings.preparation.max_gap_minutes
    return make_panel(markets, step_s=step_s, max_gap_s=max_gap_s)


def windows_of(panel: Panel, design: Design) -> Windows:
    """Return the contexts of a panel, as long as the service looks back."""
    return Windows(panel, length=design.settings.preparation.context_length)


def told_contexts(told: Windows, panel: Panel, origins: Origins) -> FloatArray:
    """Return contexts as a caller tells them: NaN where no price was recorded.

    ``told`` are the windows of `as_told`. A context that holds nothing but one price
    from before it begins with that one.
    """
    contexts = told.contexts(origins.places)
    is_untold = np.isnan(contexts).all(axis=1)
    contexts[is_untold, 0] = panel.prices[origins.places[is_untold]]
    return contexts


def describe(part: Part, design: Design) -> dict[str, npt.NDArray[Any]]:
    """Return the traits of the market at every origin of a part, one row each.

    The columns are those of `Traits`, and ``tick``.
    """
    panel = panel_of(part.markets, design, step_s=part.step_s)
    origins, windows = origins_of(panel), windows_of(panel, design)
    describer = Describer(design.har_table)
    expiry, known = steps_to_expiry(panel, origins), _known_ticks(panel, origins)
    found: dict[str, npt.NDArray[Any]] = {}
    for rows, context in in_turn(windows, origins):
        traits = describer.traits(
            context, steps_to_expiry=expiry[rows], horizon=design.horizon
        )
        columns = traits._asdict() | {"tick": _ticks(context, known[rows])}
        for name, column in columns.items():
            if name not in found:
                shape = (origins.places.size, *column.shape[1:])
                found[name] = np.empty(shape, dtype=column.dtype)
            found[name][rows] = column
    return found


def draw_baseline(
    part: Part, design: Design, method: str
) -> dict[str, npt.NDArray[Any]]:
    """Return the bands of one baseline at every origin of a part.

    ``values`` has shape (n_origins, horizon, n_levels), in single precision.
    """
    panel = panel_of(part.markets, design, step_s=part.step_s)
    origins, windows = origins_of(panel), windows_of(panel, design)
    return {"values": baseline_values(panel, origins, windows, design, method)}


def baseline_values(
    panel: Panel, origins: Origins, windows: Windows, design: Design, method: str
) -> Float32Array:
    """Return the bands of one baseline at some origins of a panel."""
    baselines = Baselines(design.settings.baseline, design.har_table)
    known = _known_ticks(panel, origins)
    levels = design.quantile_levels
    shape = (origins.places.size, design.horizon, len(levels))
    values = np.empty(shape, dtype=np.float32)
    taken = _by_run if method in _ORDERED else in_turn
    for rows, context in taken(windows, origins):
        raw = baselines.quantiles(
            method,
            context,
            _ticks(context, known[rows]),
            horizon=design.horizon,
            levels=levels,
            space=design.settings.task.space,
        )
        values[rows] = finish_values(raw, context, levels, design.settings.band).values
    return values


def baseline(name: str, revision: str) -> Model:
    """Return a baseline as a model to be studied."""
    return Model(
        name, revision, is_baseline=True, draw=partial(draw_baseline, method=name)
    )


def in_turn(
    windows: Windows, origins: Origins
) -> Iterator[tuple[IntArray, FloatArray]]:
    """Yield some origins at a time with their contexts, the shortest first."""
    order = np.argsort(windows.lengths(origins.places), kind="stable")
    for start in range(0, order.size, _TOGETHER):
        rows = order[start : start + _TOGETHER]
        yield rows, windows.contexts(origins.places[rows])


def _by_run(
    windows: Windows, origins: Origins
) -> Iterator[tuple[IntArray, FloatArray]]:
    """Yield the origins of each run of prices with their contexts, as views."""
    follows = np.diff(origins.places, prepend=-1) == 1
    edges = np.append(np.flatnonzero(~follows), origins.places.size)
    for first, stop in pairwise(edges.tolist()):
        for start in range(first, stop, _TOGETHER):
            rows = np.arange(start, min(start + _TOGETHER, stop))
            yield rows, windows.in_row(origins.places[rows])


def _known_ticks(panel: Panel, origins: Origins) -> FloatArray:
    ticks = [market.facts.tick_size or np.nan for market in panel.markets]
    return np.array(ticks)[origins.markets]


def _ticks(context: FloatArray, known: FloatArray) -> FloatArray:
    """Return the tick that is known of each market, else the one prices show."""
    is_unknown = np.isnan(known)
    ticks = known.copy()
    if is_unknown.any():
        ticks[is_unknown] = detect_ticks(context[is_unknown])
    return ticks


def steps_to_expiry(panel: Panel, origins: Origins) -> FloatArray:
    """Return how many steps each origin has left until its market closes."""
    ends = np.array(
        [
            np.nan
            if market.facts.closes_at is None
            else market.facts.closes_at.timestamp()
            for market in panel.markets
        ]
    )
    return np.asarray(ends[origins.markets] / panel.step_s - origins.steps)
