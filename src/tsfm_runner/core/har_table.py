"""The fitted constants of the HAR band, checked when they are read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from tsfm_runner.core.arrays import FloatArray, IntArray

N_LEVEL_TERMS = 3


@dataclass(frozen=True, slots=True, eq=False)
class HarTable:
    """Fitted constants of the HAR band.

    Attributes
    ----------
    steps : (n_steps,) array
        Steps ahead that were fitted, ascending; others are interpolated between
        them in the logarithm of the step.
    windows : (n_windows,) array
        Numbers of most recent one-step changes that are averaged.
    coefficients : (n_steps, n_windows + 3) array
        Non-negative weights of the mean absolute changes, of p(1 - p), of
        sqrt(p(1 - p)) and of 1.
    prior : (3,) array
        Non-negative weights of the last three alone, for the one-step change of
        a market whose changes are not known.
    prior_weight : float
        How many changes the prior stands for, where a window is not full.
    levels : (n_levels,) array
        Levels of ``offsets``, ascending, 0.5 among them.
    offsets : (n_steps, n_levels) array
        Quantiles of the change over each step in units of the expected absolute
        change: ascending, 0 at level 0.5.
    floor : float
        Least expected absolute change, in probability units.

    """

    steps: IntArray
    windows: IntArray
    coefficients: FloatArray
    prior: FloatArray
    prior_weight: float
    levels: FloatArray
    offsets: FloatArray
    floor: float

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Self:
        """Read a table from plain lists and numbers; other keys are left alone.

        Raises
        ------
        ValueError
            If a key is missing, a shape is wrong, or a number breaks the rules
            of its attribute.

        """
        try:
            table = cls(
                steps=np.asarray(mapping["steps"], dtype=np.int64),
                windows=np.asarray(mapping["windows"], dtype=np.int64),
                coefficients=np.asarray(mapping["coefficients"], dtype=np.float64),
                prior=np.asarray(mapping["prior"], dtype=np.float64),
                prior_weight=float(mapping["prior_weight"]),
                levels=np.asarray(mapping["levels"], dtype=np.float64),
                offsets=np.asarray(mapping["offsets"], dtype=np.float64),
                floor=float(mapping["floor"]),
            )
        except (KeyError, TypeError) as exc:
            raise ValueError(f"not a HAR table: {exc!r}") from exc
        _check_shapes(table)
        _check_numbers(table)
        return table


def _check_shapes(table: HarTable) -> None:
    n_steps, n_terms = table.steps.size, table.windows.size + N_LEVEL_TERMS
    shapes = {
        "steps": (n_steps,),
        "windows": (table.windows.size,),
        "coefficients": (n_steps, n_terms),
        "prior": (N_LEVEL_TERMS,),
        "levels": (table.levels.size,),
        "offsets": (n_steps, table.levels.size),
    }
    for name, shape in shapes.items():
        if getattr(table, name).shape != shape or 0 in shape:
            raise ValueError(f"{name} must have shape {shape}")


def _check_numbers(table: HarTable) -> None:
    middle = np.flatnonzero(table.levels == 0.5)  # noqa: PLR2004
    claims = {
        "steps must start at 1 and ascend": table.steps[0] == 1
        and (np.diff(table.steps) > 0).all(),
        "windows must be positive and ascend": table.windows[0] > 0
        and (np.diff(table.windows) > 0).all(),
        "coefficients must be finite and not negative": _is_size(table.coefficients),
        "prior must be finite and not negative": _is_size(table.prior),
        "prior_weight must be at least 1": 1 <= table.prior_weight < np.inf,
        "levels must ascend inside (0, 1) and name 0.5": middle.size == 1
        and (np.diff(table.levels) > 0).all()
        and 0 < table.levels[0] < table.levels[-1] < 1,
        "offsets must be finite, ascend, and be 0 at level 0.5": bool(
            np.isfinite(table.offsets).all()
            and (np.diff(table.offsets, axis=1) >= 0).all()
            and (table.offsets[:, middle] == 0).all()
        ),
        "floor must be positive": 0 < table.floor < np.inf,
    }
    for claim, holds in claims.items():
        if not holds:
            raise ValueError(claim)


def _is_size(numbers: FloatArray) -> bool:
    return bool(np.isfinite(numbers).all() and (numbers >= 0).all())
