"""What is known of a market before the fact: its segment, and what scales its band."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tsfm_runner.core.conformal.scale import recent_rms
from tsfm_runner.core.conformal.segments import (
    EDGE_CUTS,
    EXPIRY_CUTS,
    MOVING_CUTS,
    YOUNG_STEPS,
    moving_share,
    segment_codes,
)
from tsfm_runner.core.har import (
    HarReach,
    HarTable,
    half_widths,
    har_features,
    har_reach,
)
from tsfm_runner.core.resampling import stack_contexts
from tsfm_runner.domain.task import FloatArray
from tsfm_runner.service.calibration.arrays import IntArray
from tsfm_runner.service.preparing import PreparedTask

BAND_TAIL = 0.1
OTHER = "other"
_NO_CATEGORY = "none"
_MEANS = [0, 1, -1]  # of the windows of HAR: 6, 24 and all


class SegmentId(NamedTuple):
    """The segment of a market: what it is about, and a code for all the rest."""

    category: str
    code: tuple[int, int, int, int]

    @property
    def name(self) -> str:
        """The segment as people read it, and as they ask for it."""
        moving, expiry, edge, young = self.code
        expires = "none" if expiry == 0 else _between(EXPIRY_CUTS, expiry - 1)
        return (
            f"category={self.category},moving={_between(MOVING_CUTS, moving)},"
            f"expiry={expires},edge={_between(EDGE_CUTS, edge)},"
            f"age={'<' if young else '>='}{YOUNG_STEPS}"
        )


class Description(NamedTuple):
    """What is known of some markets; arrays have one row a market.

    ``reference`` has shape (n_markets, horizon): the half-width of a HAR band.
    """

    segments: list[SegmentId]
    price: FloatArray
    mean_changes: FloatArray
    rms: FloatArray
    n_changes: FloatArray
    reference: FloatArray
    tick: FloatArray


class Traits(NamedTuple):
    """What contexts tell of their markets; arrays have one row a market.

    ``codes`` has shape (n_markets, 4), see `SegmentId`; the rest see `Description`.
    """

    codes: IntArray
    price: FloatArray
    mean_changes: FloatArray
    rms: FloatArray
    n_changes: FloatArray
    reference: FloatArray

    def described(self, segments: list[SegmentId], tick: FloatArray) -> Description:
        """Return the description, with what the context does not tell."""
        return Description(segments, *self[1:], tick)


def segments_of(categories: Sequence[str | None], codes: IntArray) -> list[SegmentId]:
    """Return the segment of each market from its category and its codes."""
    rows = (tuple(row) for row in codes.tolist())
    return [
        SegmentId(category or _NO_CATEGORY, code)
        for category, code in zip(categories, rows, strict=True)
    ]


def segments_at(tasks: Sequence[PreparedTask]) -> list[SegmentId]:
    """Return the segment of each market at its cutoff."""
    codes, _ = _codes(
        stack_contexts([prepared.context for prepared in tasks]),
        np.array([_steps_to_expiry(one) for one in tasks]),
    )
    return segments_of([one.task.facts.category for one in tasks], codes)


def _codes(
    context: FloatArray, steps_to_expiry: FloatArray
) -> tuple[IntArray, FloatArray]:
    """Return the codes of each market, and how many of its changes are known."""
    moving, n_changes = moving_share(context)
    codes = segment_codes(
        moving=moving,
        n_changes=n_changes,
        price=context[:, -1],
        steps_to_expiry=steps_to_expiry,
    )
    return np.stack(codes, axis=1), n_changes


class Describer:
    """Describes markets by the constants of the HAR band."""

    def __init__(self, table: HarTable) -> None:
        """Take the reference scale from ``table``."""
        self._table = table
        self._reaches: dict[int, HarReach] = {}

    def describe(self, tasks: Sequence[PreparedTask], *, horizon: int) -> Description:
        """Return what is known of each market at its cutoff."""
        traits = self.traits(
            stack_contexts([prepared.context for prepared in tasks]),
            steps_to_expiry=np.array([_steps_to_expiry(one) for one in tasks]),
            horizon=horizon,
        )
        categories = [one.task.facts.category for one in tasks]
        ticks = np.array([one.tick or math.nan for one in tasks])
        return traits.described(segments_of(categories, traits.codes), ticks)

    def traits(
        self, context: FloatArray, *, steps_to_expiry: FloatArray, horizon: int
    ) -> Traits:
        """Return what contexts tell of their markets.

        Parameters
        ----------
        context : (n_markets, n_points) array
            Prices, ends aligned; NaN before the shorter ones, finite from there on.
        steps_to_expiry : (n_markets,) array
            NaN where no end is scheduled.

        """
        table = self._table
        features = har_features(
            context,
            windows=table.windows,
            prior=table.prior,
            prior_weight=table.prior_weight,
        )
        codes, n_changes = _codes(context, steps_to_expiry)
        return Traits(
            codes,
            context[:, -1],
            features[:, : len(table.windows)][:, _MEANS],
            recent_rms(context),
            n_changes,
            half_widths(features, self._reach(horizon), floor=table.floor),
        )

    def _reach(self, horizon: int) -> HarReach:
        reach = self._reaches.get(horizon)
        if reach is None:
            reach = har_reach(horizon, tail=BAND_TAIL, table=self._table)
            self._reaches[horizon] = reach
        return reach


def _steps_to_expiry(prepared: PreparedTask) -> float:
    task = prepared.task
    if task.facts.closes_at is None:
        return math.nan
    left_s = (task.facts.closes_at - task.cutoff).total_seconds()
    return left_s / task.freq.step_s


def _between(cuts: Sequence[float], place: int) -> str:
    if place == 0:
        return f"<{cuts[0]:g}"
    if place == len(cuts):
        return f">={cuts[-1]:g}"
    return f"{cuts[place - 1]:g}-{cuts[place]:g}"
