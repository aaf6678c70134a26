"""The second unit of work: replay one model over one step, and score it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from tsfm_runner.core.arrays import IntArray
from tsfm_runner.domain.recording import RecordedMarket
from tsfm_runner.evaluation.design import Design
from tsfm_runner.evaluation.drawing import panel_of
from tsfm_runner.evaluation.material import Material, material_of
from tsfm_runner.evaluation.panel import origins_of
from tsfm_runner.evaluation.replaying import Replay
from tsfm_runner.evaluation.splits import Masks, Split
from tsfm_runner.evaluation.summing import Outcomes, Sums, keys_of
from tsfm_runner.ports import ReadArrays

Kind: TypeAlias = Literal["raw", "calibrated"]
KINDS: tuple[Kind, ...] = ("raw", "calibrated")


@dataclass(frozen=True, slots=True, eq=False)
class Scoring:
    """What is scored: a model over all markets of one step.

    ``described`` and ``drawn`` read what was found of each part, in their order.
    ``keeps_bands`` asks for every calibrated band, not only for the scores.
    """

    step_s: int
    markets: tuple[RecordedMarket, ...]
    described: Sequence[ReadArrays]
    drawn: Sequence[ReadArrays]
    model: tuple[str, str]
    keeps_bands: bool


def score_model(
    asked: Scoring, design: Design, split: Split
) -> dict[str, npt.NDArray[Any]]:
    """Return the sums of all scores of a model, raw and calibrated.

    The axes of ``by_cell``, ``by_start`` and ``by_market`` are kind, place, step and
    column; scores are those of bands in single precision, as they are kept.
    ``last`` has, for each origin and kind, the quantiles of the last step. ``bands``,
    where asked for, has shape (n_origins, horizon, n_levels).
    """
    material = _material(asked, design)
    masks = split.masks(material.panel, material.origins)
    keys = keys_of(material, masks)
    outcomes = Outcomes(material, design.horizon)
    sums = [Sums(material, design, keys) for _ in KINDS]
    last = np.stack((material.raw[:, -1], material.raw[:, -1]))
    bands = np.empty_like(material.raw) if asked.keeps_bands else None
    for rows, exact in Replay(material, design, teaches=masks.teaches).bands():
        values = exact.astype(np.float32)
        last[1, rows] = values[:, -1]
        if bands is not None:
            bands[rows] = values
        is_scored = masks.is_scored[rows]
        if is_scored.any():
            scored = rows[is_scored]
            happened = outcomes.at(scored)
            sums[0].add(scored, material.raw[scored], happened)
            sums[1].add(scored, values[is_scored], happened)
    found = {
        "cells": keys.cells,
        "starts": keys.starts,
        "segment_markets": _markets_by_segment(material, masks),
        "group_names": np.array(keys.groups),
        "segment_names": np.array([segment.name for segment in material.segments]),
        "last": last,
        "is_scored": masks.is_scored,
        "by_cell": np.stack([one.by_cell for one in sums]),
        "by_start": np.stack([one.by_start for one in sums]),
        "by_market": np.stack([one.by_market for one in sums]),
    }
    return found if bands is None else found | {"bands": bands}


def _material(asked: Scoring, design: Design) -> Material:
    panel = panel_of(asked.markets, design, step_s=asked.step_s)
    return material_of(
        panel,
        origins_of(panel),
        [read() for read in asked.described],
        [read() for read in asked.drawn],
        asked.model,
    )


def _markets_by_segment(material: Material, masks: Masks) -> IntArray:
    """Return how many markets are scored in each segment."""
    keys = np.stack((material.segment_of, material.origins.markets), axis=1)
    unique = np.unique(keys[masks.is_scored], axis=0)
    return np.bincount(unique[:, 0], minlength=len(material.segments))
