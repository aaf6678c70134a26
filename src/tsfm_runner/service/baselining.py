"""Baseline bands for many prepared tasks at once."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from tsfm_runner.config import BaselineConfig
from tsfm_runner.core.ewma import ewma_quantiles
from tsfm_runner.core.har import HarTable, har_quantiles, har_scale
from tsfm_runner.core.kalman import kalman_quantiles
from tsfm_runner.core.resampling import stack_contexts
from tsfm_runner.core.rolling_quantile import rolling_quantiles
from tsfm_runner.core.transforms import (
    started_expit,
    started_logit,
    started_logit_slope,
)
from tsfm_runner.domain.forecast import QuantileSource
from tsfm_runner.domain.task import MAX_HORIZON, FloatArray, Space
from tsfm_runner.service.grouping import grouped
from tsfm_runner.service.predicting import RawBand
from tsfm_runner.service.preparing import PreparedTask

# Standard deviation of a normal change whose mean absolute value is one.
_SD_PER_MEAN = np.sqrt(np.pi / 2)
# These are defined on price changes, whatever the space.
_PRICE_METHODS = frozenset({"rolling_quantile", "har"})


class _Key(NamedTuple):
    method: str
    horizon: int
    levels: tuple[float, ...]
    space: Space
    n_stale: int


class _Ask(NamedTuple):
    """One question to one method; context and floor in the method's own units."""

    method: str
    context: FloatArray
    floor: FloatArray
    horizon: int
    levels: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Baselines:
    """The four methods with their constants."""

    config: BaselineConfig
    har_table: HarTable

    def predict(
        self, methods: Sequence[str], tasks: Sequence[PreparedTask]
    ) -> list[RawBand]:
        """Return the band of each task by the method in its place; never fails."""
        pairs = list(zip(methods, tasks, strict=True))
        bands: dict[int, RawBand] = {}
        for key, places, members in grouped(pairs, _key):
            values = self._values(key, [prepared for _, prepared in members])
            for place, (_, prepared), band in zip(places, members, values, strict=True):
                wanted = prepared.task.quantile_levels
                sources: dict[float, QuantileSource] = dict.fromkeys(wanted, "native")
                bands[place] = RawBand(band, sources, (), len(members))
        return [bands[place] for place in range(len(pairs))]

    def _values(self, key: _Key, tasks: Sequence[PreparedTask]) -> FloatArray:
        """Return prices of shape (n_tasks, horizon, n_levels), not yet clipped.

        A price that is k steps old is forecast k steps further, so that a stale
        band is as wide as time has made it.
        """
        context = stack_contexts([prepared.fresh_context for prepared in tasks])
        ticks = np.array([prepared.tick or math.nan for prepared in tasks])
        values = self.quantiles(
            key.method,
            context,
            ticks,
            horizon=key.horizon + key.n_stale,
            levels=key.levels,
            space=key.space,
        )
        return values[:, key.n_stale :]

    def quantiles(  # noqa: PLR0913 - one argument a part of the question
        self,
        method: str,
        context: FloatArray,
        ticks: FloatArray,
        *,
        horizon: int,
        levels: tuple[float, ...],
        space: Space,
    ) -> FloatArray:
        """Return the bands of one method for many contexts, not yet clipped.

        Parameters
        ----------
        context : (n_markets, n_points) array
            Prices, ends aligned; NaN before the shorter ones, finite from there on.
        ticks : (n_markets,) array
            Probability units; NaN where there is no grid.

        Returns
        -------
        (n_markets, horizon, n_levels) array

        """
        floor = self._floor(context, ticks)
        if space == "identity" or method in _PRICE_METHODS:
            return self._quantiles(_Ask(method, context, floor, horizon, levels))
        start = self.config.logit_start
        slope = started_logit_slope(context[:, -1], start=start)
        squeezed = started_logit(context, start=start)
        ask = _Ask(method, squeezed, floor * slope, horizon, levels)
        return started_expit(self._quantiles(ask), start=start)

    def _quantiles(self, ask: "_Ask") -> FloatArray:
        config, floor = self.config, ask.floor
        methods: Mapping[str, Callable[..., FloatArray]] = {
            "ewma": partial(
                ewma_quantiles,
                half_life_steps=config.ewma_half_life_steps,
                floor=floor,
                floor_share=config.floor_share,
            ),
            "kalman": partial(
                kalman_quantiles,
                half_life_steps=config.kalman_half_life_steps,
                floor=floor,
            ),
            "rolling_quantile": partial(
                rolling_quantiles, min_changes=config.min_changes, floor=floor
            ),
            "har": partial(har_quantiles, table=self.har_table),
        }
        method = methods[ask.method]
        return method(ask.context, horizon=ask.horizon, quantile_levels=ask.levels)

    def _floor(self, context: FloatArray, ticks: FloatArray) -> FloatArray:
        """Return the least one-step scale of each market, in price units.

        It is a share of the tick, and of what is usual at the price as long as the
        market has shown few changes of its own.
        """
        known = np.where(np.isnan(ticks), 0, ticks)
        floor = np.maximum(known * self.config.floor_ticks, self.config.floor_price)
        n_changes = (~np.isnan(context)).sum(axis=1) - 1
        unknown_share = 1 - n_changes / self.config.prior_changes
        few = unknown_share > 0
        if few.any():
            usual = har_scale(context[few], steps=[1], table=self.har_table)[:, 0]
            prior = np.sqrt(unknown_share[few]) * _SD_PER_MEAN * usual
            floor[few] = np.maximum(floor[few], prior)
        return floor


def _key(pair: tuple[str, PreparedTask]) -> _Key:
    """Return what tasks must share to be computed together."""
    method, prepared = pair
    task = prepared.task
    return _Key(
        method,
        task.horizon,
        prepared.levels,
        "identity" if method in _PRICE_METHODS else task.transform.space,
        min(prepared.n_stale, MAX_HORIZON - task.horizon),
    )
