"""One model of signature `tsfm-1` in this process: prices in, quantiles out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from tsfm_runner.adapters.models import ModelManifest, StoredModel
from tsfm_runner.adapters.onnx_session import OnnxError, OnnxSession
from tsfm_runner.core.arrays import BoolArray, Float32Array, FloatArray, IntArray
from tsfm_runner.core.foundation.inputs import mirrored, model_inputs
from tsfm_runner.core.foundation.outputs import price_quantiles
from tsfm_runner.core.foundation.signature import CONTEXT_STEPS
from tsfm_runner.errors import ModelFileError

_TOGETHER = 64  # contexts that are computed at a time, while they fit the caches
_OUTPUT = "offsets"


class Session(Protocol):
    """What computes a model; see `OnnxSession`."""

    def run(self, output: str, inputs: Mapping[str, Float32Array]) -> Float32Array:
        """Return one output; raise ``OnnxError`` where it cannot be computed."""
        ...


class Shown(NamedTuple):
    """What is known of some markets; see `model_inputs`."""

    prices: FloatArray
    lengths: IntArray
    is_observed: BoolArray
    step_minutes: FloatArray
    steps_to_close: FloatArray

    def at(self, rows: slice) -> "Shown":
        """Return some of the markets."""
        return Shown._make(column[rows] for column in self)


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedModel:
    """A model that was opened: its manifest, and the session that computes it."""

    manifest: ModelManifest
    session: Session

    def quantiles(self, shown: Shown, *, horizon: int) -> FloatArray:
        """Return prices of shape (n_markets, horizon, n_levels) at the model's levels.

        Those of a market are NaN where the model answers no finite numbers. Raises
        ``OnnxError`` where it cannot be computed.
        """
        parts = [
            self._quantiles(part, horizon) for part in _parts(shown, size=_TOGETHER)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def offsets(self, features: Float32Array, channels: Float32Array) -> Float32Array:
        """Return what the model itself answers: (n_markets, n_steps, n_levels)."""
        asked = {"features": features, "channels": channels}
        offsets = self.session.run(_OUTPUT, asked)
        steps, levels = self.manifest.steps, self.manifest.quantile_levels
        wanted = (len(features), len(steps), len(levels))
        if offsets.shape != wanted:
            raise OnnxError(f"answered numbers of shape {offsets.shape}, not {wanted}")
        return offsets

    def _quantiles(self, shown: Shown, horizon: int) -> FloatArray:
        inputs = model_inputs(*shown)
        mirror = mirrored(inputs)
        # The market and its opposite in one call: half of a call is its overhead.
        both = self.offsets(
            np.concatenate((inputs.features, mirror.features)),
            np.concatenate((inputs.channels, mirror.channels)),
        )
        offsets, of_mirror = np.split(both, 2)
        is_sound = is_finite(offsets) & is_finite(of_mirror)
        # Clipping would make a price of what is infinite.
        offsets[~is_sound] = of_mirror[~is_sound] = 0
        values = price_quantiles(
            offsets, of_mirror, inputs, steps=self.manifest.steps, horizon=horizon
        )
        values[~is_sound] = np.nan
        return values


def open_model(stored: StoredModel, *, threads: int) -> EmbeddedModel:
    """Return a stored model, whose file was checked and which has answered once.

    Raises ``ModelFileError`` for a file that is damaged or no such model.
    """
    content = stored.read_bytes_checked()
    try:
        model = EmbeddedModel(stored.manifest, OnnxSession(content, threads=threads))
        model.quantiles(_flat(), horizon=1)
    except OnnxError as exc:
        raise ModelFileError(
            f"{stored.file} cannot be used: {exc}; "
            f"`tsfm-runner models verify {stored.label}` tells more"
        ) from exc
    return model


def is_finite(bands: npt.NDArray[np.floating]) -> BoolArray:
    """Return which of the bands, (n_markets, n_steps, n_levels), are all numbers."""
    return np.asarray(np.isfinite(bands).all(axis=(1, 2)))


def _flat() -> Shown:
    """Return a market that never moved, to warm a model up with."""
    return Shown(
        np.full((1, CONTEXT_STEPS), 0.5),
        np.array([CONTEXT_STEPS]),
        np.ones((1, CONTEXT_STEPS), dtype=np.bool_),
        np.array([5.0]),
        np.array([np.nan]),
    )


def _parts(shown: Shown, *, size: int) -> Iterator[Shown]:
    for start in range(0, shown.lengths.size, size):
        yield shown.at(slice(start, start + size))
