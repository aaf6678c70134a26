"""From raw bands to bands that may be served."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tsfm_runner.config import BandConfig
from tsfm_runner.core.postprocess import FinishedBands, finish_bands, is_jumpy
from tsfm_runner.core.resampling import stack_contexts
from tsfm_runner.domain.task import FloatArray
from tsfm_runner.service.grouping import grouped
from tsfm_runner.service.predicting import RawBand
from tsfm_runner.service.preparing import PreparedTask


class Finished(NamedTuple):
    """Values at every level of the prepared task, and what had to be done to them.

    ``values`` has shape ``(horizon, n_levels)``: in [0, 1], ascending by level.
    """

    values: FloatArray
    warnings: tuple[str, ...]
    n_crossings: int


def finish(
    pairs: Sequence[tuple[PreparedTask, RawBand]], config: BandConfig
) -> list[Finished]:
    """Return each band as it may be served, in order."""
    finished: dict[int, Finished] = {}
    for (_, levels), places, members in grouped(pairs, lambda pair: _key(pair[0])):
        results = _finish_alike(members, levels, config)
        finished |= dict(zip(places, results, strict=True))
    return [finished[place] for place in range(len(pairs))]


def _key(prepared: PreparedTask) -> tuple[int, tuple[float, ...]]:
    return prepared.task.horizon, prepared.levels


def _finish_alike(
    pairs: Sequence[tuple[PreparedTask, RawBand]],
    levels: tuple[float, ...],
    config: BandConfig,
) -> list[Finished]:
    bands = finish_values(
        np.stack([raw.values for _, raw in pairs]),
        stack_contexts([prepared.context for prepared, _ in pairs]),
        levels,
        config,
    )
    crossings = bands.n_crossings.tolist()
    told = zip(
        crossings, bands.is_widened.tolist(), bands.is_clamped.tolist(), strict=True
    )
    warnings = [_warnings(*marks) for marks in told]
    return [
        Finished(values, warned, n_crossings)
        for values, warned, n_crossings in zip(
            bands.values, warnings, crossings, strict=True
        )
    ]


def finish_values(
    values: FloatArray,
    context: FloatArray,
    levels: tuple[float, ...],
    config: BandConfig,
) -> FinishedBands:
    """Return bands of shape (n_markets, horizon, n_levels) as they may be served.

    ``context`` has one row a market: prices, ends aligned, NaN before the shorter.
    """
    jumpy = is_jumpy(context, move=config.jumpy_move, share=config.jumpy_share)
    return finish_bands(
        values,
        quantile_levels=levels,
        min_width=np.where(jumpy, config.min_width, 0),
        max_width=config.max_width,
    )


def _warnings(
    n_crossings: int,
    is_widened: bool,  # noqa: FBT001 - one column of a table each
    is_clamped: bool,  # noqa: FBT001
) -> tuple[str, ...]:
    marks = (
        ("quantiles_rearranged", n_crossings > 0),
        ("band_widened_to_min_width", is_widened),
        ("band_clamped_to_max_width", is_clamped),
    )
    return tuple(text for text, is_true in marks if is_true)


def at_levels(values: FloatArray, prepared: PreparedTask) -> FloatArray:
    """Return the values at the levels that were asked for."""
    wanted, levels = prepared.task.quantile_levels, prepared.levels
    if wanted == levels:
        return values.copy()  # of its own: what is kept must not keep the others
    return values[:, [levels.index(level) for level in wanted]]
