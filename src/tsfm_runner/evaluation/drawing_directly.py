"""Raw bands of a model that needs no service, as the service would answer them."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from tsfm_runner.core.arrays import BoolArray, Float32Array, FloatArray
from tsfm_runner.core.levels import values_at_levels
from tsfm_runner.domain.forecast import FallbackReason
from tsfm_runner.evaluation.design import Design, Part
from tsfm_runner.evaluation.drawing import (
    baseline_values,
    in_turn,
    panel_of,
    steps_to_expiry,
    told_contexts,
    windows_of,
)
from tsfm_runner.evaluation.panel import (
    Origins,
    Panel,
    Windows,
    as_told,
    origins_of,
)
from tsfm_runner.service.finishing import finish_values


class Asked(NamedTuple):
    """What a model is asked about some markets.

    ``is_observed`` is False where a price repeats the one before it.
    """

    contexts: FloatArray  # (n, n_steps), NaN before the shorter ones
    is_observed: BoolArray  # (n, n_steps)
    step_minutes: float
    steps_to_close: FloatArray  # (n,), NaN where unknown


Bands: TypeAlias = Callable[[Asked], FloatArray]
"""Returns prices of shape (n, horizon, n_levels), NaN where there are none."""


class Drawer(NamedTuple):
    """A model: its name and revision, its own levels, and what draws its bands."""

    own: tuple[str, str]
    quantile_levels: tuple[float, ...]
    bands: Bands


def draw_directly(
    part: Part, design: Design, drawer: Drawer, baseline: tuple[str, str]
) -> dict[str, npt.NDArray[Any]]:
    """Return the raw bands at every origin of a part; see `Model.draw`.

    Where the service would not ask the model, or could not use its answer, the
    baseline stands, given by name and revision.
    """
    panel = panel_of(part.markets, design, step_s=part.step_s)
    origins, windows = origins_of(panel), windows_of(panel, design)
    reasons = _obstacles(panel, origins, windows, design)
    asked = np.flatnonzero(reasons == "")
    drawn = _drawn(panel, origins.at(asked), windows, design, drawer)
    values = np.empty((reasons.size, *drawn.shape[1:]), dtype=np.float32)
    values[asked] = drawn
    is_lost = ~np.isfinite(drawn).all(axis=(1, 2))
    reasons[asked[is_lost]] = FallbackReason.INVALID_OUTPUT
    left = np.flatnonzero(reasons != "")
    values[left] = baseline_values(
        panel, origins.at(left), windows, design, baseline[0]
    )
    return {
        "values": values,
        "models": (reasons != "").astype(np.int64),
        "model_names": np.array([drawer.own, baseline]),
        "reasons": reasons.astype(np.str_),
    }


def _obstacles(
    panel: Panel, origins: Origins, windows: Windows, design: Design
) -> npt.NDArray[np.object_]:
    """Return why the service would not ask a model at each origin; empty: it would."""
    settings = design.settings
    liquid = [market.facts.liquidity_bucket for market in panel.markets]
    for_baseline = settings.routing.baseline_only_liquidity
    is_low = np.array([one in for_baseline for one in liquid], dtype=np.bool_)
    is_young = windows.lengths(origins.places) < settings.preparation.min_points
    reasons = np.full(origins.places.size, "", dtype=np.object_)
    reasons[is_low[origins.markets]] = FallbackReason.BASELINE_ONLY_LIQUIDITY
    reasons[is_young] = FallbackReason.TOO_FEW_POINTS
    return reasons


def _drawn(
    panel: Panel, origins: Origins, windows: Windows, design: Design, drawer: Drawer
) -> Float32Array:
    """Return the finished bands of the model at some origins, NaN where it has none."""
    wanted = design.quantile_levels
    shape = (origins.places.size, design.horizon, len(wanted))
    values = np.full(shape, np.nan, dtype=np.float32)
    expiry = steps_to_expiry(panel, origins)
    told = windows_of(as_told(panel), design)
    for rows, filled in in_turn(windows, origins):
        is_observed = np.isfinite(told_contexts(told, panel, origins.at(rows)))
        # What stands before the first price repeats one that nobody told.
        has_begun = np.maximum.accumulate(is_observed, axis=1)
        context = np.where(has_begun, filled, np.nan)
        asked = Asked(context, is_observed, panel.step_s / 60, expiry[rows])
        native = drawer.bands(asked)
        is_sound = np.asarray(np.isfinite(native).all(axis=(1, 2)))
        raw = values_at_levels(
            native[is_sound], known=drawer.quantile_levels, wanted=wanted
        )
        sound = rows[is_sound]
        values[sound] = finish_values(
            raw, context[is_sound], wanted, design.settings.band
        ).values
    return values
