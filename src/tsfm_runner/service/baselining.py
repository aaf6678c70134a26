"""Baseline bands for many prepared tasks at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tsfm_runner.config import BaselineConfig
from tsfm_runner.core.ewma import ewma_quantiles
from tsfm_runner.core.har import HarTable, har_quantiles
from tsfm_runner.core.kalman import kalman_quantiles
from tsfm_runner.core.resampling import stack_contexts
from tsfm_runner.core.rolling_quantile import rolling_quantiles
from tsfm_runner.core.transforms import anchored_expit, logit
from tsfm_runner.domain.forecast import QuantileSource
from tsfm_runner.domain.task import FloatArray, Space
from tsfm_runner.service.grouping import grouped
from tsfm_runner.service.predicting import RawBand
from tsfm_runner.service.preparing import PreparedTask

_Key = tuple[str, int, tuple[float, ...], Space, float]


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
        """Return prices of shape (n_tasks, horizon, n_levels), not yet clipped."""
        method, horizon, levels, space, eps = key
        context = stack_contexts([prepared.context for prepared in tasks])
        floor = self._floor(tasks)
        if space == "identity":
            return self._quantiles(method, context, floor, horizon, levels)
        last, eps = context[:, -1], max(eps, self.config.logit_eps)
        kept = np.clip(last, eps, 1 - eps)
        values = self._quantiles(
            method,
            logit(context, eps=eps),
            floor / (kept * (1 - kept)),
            horizon,
            levels,
        )
        return anchored_expit(values, last=last, eps=eps)

    def _quantiles(
        self,
        method: str,
        context: FloatArray,
        floor: FloatArray,
        horizon: int,
        levels: tuple[float, ...],
    ) -> FloatArray:
        config = self.config
        if method == "ewma":
            return ewma_quantiles(
                context,
                horizon=horizon,
                quantile_levels=levels,
                half_life_steps=config.ewma_half_life_steps,
                floor=floor,
                floor_share=config.floor_share,
            )
        if method == "kalman":
            return kalman_quantiles(
                context,
                horizon=horizon,
                quantile_levels=levels,
                half_life_steps=config.kalman_half_life_steps,
                floor=floor,
            )
        if method == "rolling_quantile":
            return rolling_quantiles(
                context,
                horizon=horizon,
                quantile_levels=levels,
                min_changes=config.min_changes,
                floor=floor,
            )
        return har_quantiles(
            context, horizon=horizon, quantile_levels=levels, table=self.har_table
        )

    def _floor(self, tasks: Sequence[PreparedTask]) -> FloatArray:
        """Return the least one-step scale of each market, in price units."""
        ticks = np.array([prepared.tick or 0.0 for prepared in tasks])
        return np.maximum(ticks * self.config.floor_ticks, self.config.floor_price)


def _key(pair: tuple[str, PreparedTask]) -> _Key:
    """Return what tasks must share to be computed together.

    Rolling quantiles and HAR are defined on price changes, whatever the space.
    """
    method, prepared = pair
    task = prepared.task
    is_price_method = method in ("rolling_quantile", "har")
    space: Space = "identity" if is_price_method else task.transform.space
    return (method, task.horizon, prepared.levels, space, task.transform.eps)
