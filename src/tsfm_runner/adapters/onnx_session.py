"""Open models for ONNX Runtime: few threads, no waiting in circles, no noise."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np

from tsfm_runner.core.arrays import Float32Array
from tsfm_runner.errors import ConfigurationError

_ONLY_FATAL = 4


class OnnxError(Exception):
    """ONNX Runtime cannot open a model, or cannot run it."""


class OnnxSession:
    """A model that was opened; it may be run by one thread at a time."""

    def __init__(self, content: bytes, *, threads: int) -> None:
        """Open the model that a file holds; raise ``OnnxError`` if it is none.

        Raises ``ConfigurationError`` where ONNX Runtime itself cannot be loaded.
        """
        onnxruntime, self._errors = _library()
        try:
            self._session = onnxruntime.InferenceSession(
                content, _options(onnxruntime, threads), ["CPUExecutionProvider"]
            )
        except self._errors as exc:
            raise OnnxError(_first_line(exc)) from exc

    @property
    def metadata(self) -> dict[str, str]:
        """What the model says of itself."""
        return dict(self._session.get_modelmeta().custom_metadata_map)

    @property
    def inputs(self) -> dict[str, tuple[int | str | None, ...]]:
        """The shape of each input by its name; what may vary is no number."""
        return {one.name: tuple(one.shape) for one in self._session.get_inputs()}

    @property
    def outputs(self) -> dict[str, tuple[int | str | None, ...]]:
        """The shape of each output by its name; what may vary is no number."""
        return {one.name: tuple(one.shape) for one in self._session.get_outputs()}

    def run(self, output: str, inputs: Mapping[str, Float32Array]) -> Float32Array:
        """Return one output; raise ``OnnxError`` where the model cannot be run."""
        try:
            [values] = self._session.run([output], dict(inputs))
        except self._errors as exc:
            raise OnnxError(_first_line(exc)) from exc
        if not isinstance(values, np.ndarray) or values.dtype != np.float32:
            raise OnnxError(f"its output {output} is no tensor of float32")
        return values


def _library() -> tuple[Any, tuple[type[Exception], ...]]:
    """Import ONNX Runtime, and return it with all its errors.

    Not before it is needed: few programs do, and all wait for what they import.
    """
    try:
        onnxruntime: Any = import_module("onnxruntime")
        state = import_module("onnxruntime.capi._pybind_state")
    except ImportError as exc:
        raise ConfigurationError(
            f"onnxruntime, which runs our own models, cannot be loaded ({exc}); "
            "install it again, or set embedded.enabled to false"
        ) from exc
    onnxruntime.disable_telemetry_events()
    return onnxruntime, _errors_of(state)


def _options(onnxruntime: Any, threads: int) -> Any:  # noqa: ANN401 - it has no types
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    # Threads that wait for the next call must sleep, not burn a core meanwhile.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.log_severity_level = _ONLY_FATAL
    return options


def _errors_of(state: Any) -> tuple[type[Exception], ...]:  # noqa: ANN401
    """Return every error of ONNX Runtime; its own have no root but ``Exception``."""
    own = (
        found
        for found in vars(state).values()
        if isinstance(found, type) and issubclass(found, Exception)
    )
    return (ValueError, *own)


def _first_line(exc: Exception) -> str:
    return printable(str(exc).strip().partition("\n")[0][:300])


def printable(text: str) -> str:
    """Return text of a file in which nothing is left that a terminal would obey."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)
