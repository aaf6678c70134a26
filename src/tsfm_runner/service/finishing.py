"""From raw bands to bands that may be served."""

from collections.abc import Sequence

import numpy as np

from tsfm_runner.config import BandConfig
from tsfm_runner.core.postprocess import finish_bands, is_jumpy
from tsfm_runner.core.resampling import stack_contexts
from tsfm_runner.domain.task import FloatArray
from tsfm_runner.service.grouping import grouped
from tsfm_runner.service.predicting import RawBand
from tsfm_runner.service.preparing import PreparedTask

Finished = tuple[FloatArray, tuple[str, ...]]


def finish(
    pairs: Sequence[tuple[PreparedTask, RawBand]], config: BandConfig
) -> list[Finished]:
    """Return, for each task, its values at the levels asked for, and warnings.

    Values have shape ``(horizon, n_levels)``: in [0, 1], ascending by level.
    """
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
    context = stack_contexts([prepared.context for prepared, _ in pairs])
    jumpy = is_jumpy(context, move=config.jumpy_move, share=config.jumpy_share)
    bands = finish_bands(
        np.stack([raw.values for _, raw in pairs]),
        quantile_levels=levels,
        min_width=np.where(jumpy, config.min_width, 0),
        max_width=config.max_width,
    )
    results = []
    for row, (prepared, _) in enumerate(pairs):
        asked = [levels.index(level) for level in prepared.task.quantile_levels]
        warnings = (
            ("quantiles_rearranged", bands.n_crossings[row] > 0),
            ("band_widened_to_min_width", bands.is_widened[row]),
            ("band_clamped_to_max_width", bands.is_clamped[row]),
        )
        told = tuple(text for text, is_true in warnings if is_true)
        results.append((bands.values[row][:, asked], told))
    return results
