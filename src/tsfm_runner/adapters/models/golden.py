"""Read and write ``golden.json``: contexts, and what a model is known to answer them.

Each context is a series of prices, so that what a model is shown is tried as well
as the model. A price whose place stands under ``gaps`` was filled forward.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tsfm_runner.adapters.models.manifest import told
from tsfm_runner.adapters.text_file import read_text, replace_text
from tsfm_runner.core.arrays import Float32Array
from tsfm_runner.core.foundation.inputs import ModelInputs, model_inputs
from tsfm_runner.core.foundation.signature import CONTEXT_STEPS
from tsfm_runner.errors import ConfigurationError, ModelFileError

MAX_CONTEXTS = 256

_DECIMALS = 6
_SEED = 20261126
_Price = Annotated[float, Field(ge=0, le=1)]
_Finite = Annotated[float, Field(allow_inf_nan=False)]
_Prices = Annotated[tuple[_Price, ...], Field(min_length=1, max_length=CONTEXT_STEPS)]
_Answer = tuple[tuple[_Finite, ...], ...]
_Walk = tuple[float, ...]


class Context(BaseModel):
    """A series that a model is shown, oldest price first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prices: _Prices
    gaps: tuple[Annotated[int, Field(ge=0, lt=CONTEXT_STEPS)], ...] = ()
    """Places of prices that were filled forward."""
    step_minutes: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 5.0
    steps_to_close: _Finite | None = None
    """Until trading ends; null where nobody knows."""


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: Annotated[Literal["tsfm-runner/golden/1"], Field(alias="schema")]
    contexts: Annotated[
        tuple[Context, ...], Field(min_length=1, max_length=MAX_CONTEXTS)
    ]
    offsets: tuple[_Answer, ...]

    @model_validator(mode="after")
    def _every_context_has_an_answer(self) -> Self:
        if len(self.offsets) != len(self.contexts):
            raise ValueError("there must be as many offsets as contexts")
        if len({(len(one), *map(len, one)) for one in self.offsets}) != 1:
            raise ValueError("offsets must all have the same steps and levels")
        return self


@dataclass(frozen=True, slots=True, eq=False)
class Golden:
    """Contexts, and the offsets that a model is known to answer them with."""

    contexts: tuple[Context, ...]
    offsets: Float32Array  # (n, n_steps, n_levels)


def inputs_of(contexts: tuple[Context, ...]) -> ModelInputs:
    """Return what a model is shown of each context."""
    shape = (len(contexts), CONTEXT_STEPS)
    prices, is_observed = np.full(shape, 0.5), np.ones(shape, dtype=bool)
    for row, one in enumerate(contexts):
        start = CONTEXT_STEPS - len(one.prices)
        prices[row, start:] = one.prices
        gaps = [start + place for place in one.gaps if place < len(one.prices)]
        is_observed[row, gaps] = False
    to_close = [one.steps_to_close for one in contexts]
    return model_inputs(
        prices,
        np.array([len(one.prices) for one in contexts]),
        is_observed,
        np.array([one.step_minutes for one in contexts]),
        np.array([np.nan if steps is None else steps for steps in to_close]),
    )


def read_golden(path: Path) -> Golden:
    """Return what a model is known to answer; raise ``ModelFileError`` on damage."""
    try:
        file = _File.model_validate_json(read_text(path))
    except ValidationError as exc:
        raise ModelFileError(f"{path}: {told(exc)}") from None
    except ConfigurationError as exc:
        raise ModelFileError(str(exc)) from None
    return Golden(file.contexts, np.array(file.offsets, dtype=np.float32))


def write_golden(golden: Golden, path: Path) -> None:
    """Put the answers in the place of what the file holds, whole or not at all."""
    offsets = golden.offsets.astype(np.float64).round(_DECIMALS).tolist()
    contexts = [
        one.model_dump(mode="json", exclude_defaults=True) for one in golden.contexts
    ]
    lines = (
        '{"schema": "tsfm-runner/golden/1",',
        f'"contexts": [\n{_lines(contexts)}],',
        f'"offsets": [\n{_lines(offsets)}]}}',
    )
    replace_text(path, "\n".join(lines) + "\n")


def _lines(values: Sequence[object]) -> str:
    return ",\n".join(map(json.dumps, values))


def usual_contexts() -> tuple[Context, ...]:
    """Return series of every kind that a model has to bear, always the same."""
    rng = np.random.default_rng(_SEED)

    def walk(start: float, n_steps: int, size: float, digits: int) -> _Walk:
        moves = np.cumsum(rng.normal(0, size, n_steps))
        return tuple(np.clip(start + moves, 0.001, 0.999).round(digits).tolist())

    filled = walk(0.3, CONTEXT_STEPS, 0.01, 2)
    gaps = tuple(sorted(rng.choice(CONTEXT_STEPS - 1, 200, replace=False) + 1))
    for place in gaps:
        filled = (*filled[:place], filled[place - 1], *filled[place + 1 :])
    return (
        Context(prices=walk(0.5, CONTEXT_STEPS, 0.01, 2)),
        Context(prices=walk(0.03, CONTEXT_STEPS, 0.002, 3), step_minutes=1),
        Context(prices=walk(0.9, 60, 0.02, 2), step_minutes=60, steps_to_close=40),
        Context(prices=walk(0.4, 100, 0.1, 2), step_minutes=1_440, steps_to_close=3),
        Context(prices=filled, gaps=gaps),
        Context(prices=walk(0.6, 12, 0.02, 2)),
        Context(prices=(0.42, 0.45)),
        Context(prices=(0.42,)),
        Context(prices=(0.5,) * CONTEXT_STEPS),
        Context(prices=(0.49, 0.51) * (CONTEXT_STEPS // 2)),
        Context(prices=(0.999,) * 100 + (0.9,) + (0.999,) * 20),
        Context(prices=(0.0,) * 30 + (1.0,) * 30),
    )
