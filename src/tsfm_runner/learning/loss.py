"""What training makes small: the pinball loss, weighed towards the one that counts."""

from dataclasses import dataclass

import torch
from torch import Tensor

from tsfm_runner.core.foundation.signature import ANCHOR_STEPS, NATIVE_LEVELS


@dataclass(frozen=True, slots=True, kw_only=True)
class LossWeights:
    """What a window and a step count for.

    The score that counts is the pinball loss in price units at the first 12 steps.
    In those units the wildest markets would drown all others, in units of each
    market's own scale the dullest would count like the rest. A window counts
    ``scale / (scale + softening)``: fully where it moves more than ``softening``
    (price units per square root of a step), less where it hardly moves.
    """

    softening: float = 0.05
    near_steps: int = 12
    far_weight: float = 0.5

    def of_steps(self) -> Tensor:
        """Return the weight of each step that a model answers; they add up to 1."""
        steps = torch.tensor(ANCHOR_STEPS)
        weights = torch.where(steps <= self.near_steps, 1.0, self.far_weight)
        return weights / weights.sum()


def pinball_loss(
    offsets: Tensor, changes: Tensor, scale: Tensor, *, weights: LossWeights
) -> Tensor:
    """Return the mean pinball loss of offsets; a change of NaN does not count.

    ``offsets`` is ``(n, n_steps, n_levels)``, ``changes`` is ``(n, n_steps)`` in the
    same units, ``scale`` is ``(n,)``.
    """
    levels = torch.tensor(NATIVE_LEVELS, device=offsets.device)
    is_known = torch.isfinite(changes)
    missed = torch.where(is_known, changes, 0.0)[..., None] - offsets
    losses = torch.maximum(levels * missed, (levels - 1) * missed).mean(-1)
    counts = weights.of_steps().to(offsets.device) * is_known
    counts = counts * (scale / (scale + weights.softening))[:, None]
    return (losses * counts).sum() / len(offsets)
