"""Find out whether bytes are a model that we can run: its words, then its answers."""

import json
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from pydantic import ValidationError

from tsfm_runner.adapters.models.golden import Context, Golden, inputs_of
from tsfm_runner.adapters.models.manifest import ModelFacts, told
from tsfm_runner.adapters.models.onnx_file import NotOnnxError, read_onnx
from tsfm_runner.adapters.onnx_session import OnnxError, OnnxSession, printable
from tsfm_runner.core.arrays import Float32Array
from tsfm_runner.core.foundation.inputs import ModelInputs
from tsfm_runner.core.foundation.signature import (
    CONTEXT_STEPS,
    N_CHANNELS,
    N_FEATURES,
)
from tsfm_runner.errors import ModelFileError

MAX_ERROR = 1e-4
"""How far an answer may lie from a known one, absolutely and relatively."""
MAX_BATCH_ERROR = 1e-6
"""How far a price may lie from that of the same series alone."""

_MAX_CROSSING = 1e-6
_OUTPUT = "offsets"
_SHAPES = {"features": (N_FEATURES,), "channels": (N_CHANNELS, CONTEXT_STEPS)}
_JSON_FACTS = ("steps", "quantile_levels", "made_by")
_Shape = tuple[int | str | None, ...]
_NOTHING: Mapping[str, str] = {}


class Described(NamedTuple):
    """What the words of a model tell: facts, and how large it is."""

    facts: ModelFacts
    n_parameters: int


def describe(content: bytes, said: Mapping[str, object] = _NOTHING) -> Described:
    """Return what a model says of itself, but for what is ``said`` otherwise.

    Raises ``ModelFileError`` where that is not enough, or the bytes are no model.
    """
    try:
        file = read_onnx(content)
    except NotOnnxError as exc:
        raise ModelFileError(f"not a model: {exc}") from None
    if file.has_outer_weights:
        raise ModelFileError("its weights lie in other files; save them inside it")
    facts = {
        **file.metadata,
        **{
            name: _parsed(file.metadata[name])
            for name in _JSON_FACTS
            if name in file.metadata
        },
        **said,
    }
    try:
        return Described(ModelFacts.model_validate(facts), file.n_parameters)
    except ValidationError as exc:
        raise ModelFileError(f"what it says of itself: {told(exc)}") from None


def try_out(content: bytes, facts: ModelFacts, contexts: tuple[Context, ...]) -> Golden:
    """Run a model, and return what it answered.

    Raises ``ModelFileError`` where it cannot be run, where its inputs and answers
    have other shapes than they should, where an answer is not finite or crosses, and
    where the same series gets another answer at another time or in other company.
    """
    inputs = inputs_of(contexts)
    try:
        session = OnnxSession(content, threads=1)
        _require_shapes(session)
        offsets = _answers(session, inputs)
        again = _answers(session, inputs)
        alone = np.concatenate(
            [
                _answers(session, inputs, slice(row, row + 1))
                for row in range(len(contexts))
            ]
        )
    except OnnxError as exc:
        raise ModelFileError(f"ONNX Runtime cannot run it: {exc}") from None
    _require_sound(
        offsets, (len(contexts), len(facts.steps), len(facts.quantile_levels))
    )
    if not np.array_equal(offsets, again):
        raise ModelFileError("it answers the same series differently each time")
    distances = np.sqrt(facts.steps)[:, None] * inputs.scale[:, None, None]
    error = float(np.max(np.abs(offsets - alone) * distances))
    if not error <= MAX_BATCH_ERROR:
        raise ModelFileError(
            f"its answer depends on the other series of a call: {error:.1e} in price"
        )
    return Golden(contexts, offsets)


def require_known_answers(found: Golden, known: Golden) -> None:
    """Raise ``ModelFileError`` where answers are not those that are known."""
    if found.offsets.shape != known.offsets.shape:
        raise ModelFileError(
            f"its answers have the shape {found.offsets.shape}, and the known ones "
            f"{known.offsets.shape}"
        )
    errors = np.abs(found.offsets - known.offsets)
    n_wrong = int(np.sum(errors > MAX_ERROR * (1 + np.abs(known.offsets))))
    if n_wrong:
        raise ModelFileError(
            f"{n_wrong} of {errors.size} answers are not the known ones; the worst is "
            f"{float(errors.max()):.1e} away"
        )


def _parsed(text: str) -> object:
    """Return what JSON holds; text that is none stays, and is refused by its type."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _answers(
    session: OnnxSession, inputs: ModelInputs, rows: slice = slice(None)
) -> Float32Array:
    shown = {
        "features": inputs.features[rows],
        "channels": inputs.channels[rows],
    }
    return session.run(_OUTPUT, shown)


def _require_shapes(session: OnnxSession) -> None:
    if session.inputs.keys() != _SHAPES.keys():
        raise ModelFileError(
            f"its inputs are {_listed(session.inputs)}, and should be "
            f"{_listed(_SHAPES)}"
        )
    for name, shape in session.inputs.items():
        if not _fits(shape, _SHAPES[name]):
            raise ModelFileError(
                f"its input {name} has the shape {_told_shape(shape)}, and should "
                f"have {_told_shape(('N', *_SHAPES[name]))} with any N"
            )
    if _OUTPUT not in session.outputs:
        raise ModelFileError(
            f"its outputs are {_listed(session.outputs)}; {_OUTPUT} is missing"
        )


def _fits(shape: _Shape, rest: tuple[int, ...]) -> bool:
    """Whether a shape takes any number of rows of what a row should have."""
    return len(shape) == len(rest) + 1 and all(
        not isinstance(found, int) or found == wanted
        for found, wanted in zip(shape, (None, *rest), strict=True)
    )


def _listed(names: Mapping[str, object]) -> str:
    return printable(", ".join(names)) or "none"


def _told_shape(shape: _Shape) -> str:
    parts = ("?" if part is None else str(part) for part in shape)
    return printable(f"({', '.join(parts)})")


def _require_sound(offsets: Float32Array, shape: tuple[int, ...]) -> None:
    if offsets.shape != shape:
        raise ModelFileError(
            f"its answer has the shape {offsets.shape}, and should have {shape}: "
            "series, steps, quantile levels"
        )
    if not np.isfinite(offsets).all():
        raise ModelFileError("its answers are not all finite")
    if (np.diff(offsets, axis=2) < -_MAX_CROSSING).any():
        raise ModelFileError("its answers cross: a higher level lies below a lower one")
