"""A session opens what is a model, runs it, and maps every foreign error."""

import subprocess
import sys
import threading

import numpy as np
import pytest
from tests.adapters.models.graphs import LEVELS, STEPS, model_bytes

from tsfm_runner.adapters.onnx_session import OnnxError, OnnxSession
from tsfm_runner.core.foundation.signature import CONTEXT_STEPS, N_FEATURES

SHOWN = {
    "features": np.zeros((2, N_FEATURES), dtype=np.float32),
    "channels": np.zeros((2, 3, CONTEXT_STEPS), dtype=np.float32),
}


def test_a_session_tells_what_the_model_takes_and_says() -> None:
    session = OnnxSession(model_bytes(name="mine"), threads=1)

    assert session.metadata["name"] == "mine"
    assert session.inputs["channels"] == ("N", 3, CONTEXT_STEPS)
    assert session.outputs == {"offsets": ("N", len(STEPS), len(LEVELS))}


def test_a_session_answers() -> None:
    offsets = OnnxSession(model_bytes(), threads=1).run("offsets", SHOWN)

    assert offsets.shape == (2, len(STEPS), len(LEVELS))
    assert offsets.dtype == np.float32
    assert offsets[0, 0, LEVELS.index(0.9)] == pytest.approx(1.2816, abs=1e-4)


@pytest.mark.parametrize("content", [b"", b"no model at all", model_bytes()[:-40]])
def test_what_is_no_model_is_refused(content: bytes) -> None:
    with pytest.raises(OnnxError):
        OnnxSession(content, threads=1)


@pytest.mark.parametrize(
    ("output", "wrong"),
    [
        ("offsets", {"features": SHOWN["features"][:, 1:]}),
        ("offsets", {"channels": SHOWN["channels"][0]}),
        ("offsets", {"something": SHOWN["features"]}),
        ("bands", {}),
    ],
)
def test_what_a_model_cannot_take_is_one_kind_of_error(
    output: str, wrong: dict[str, np.ndarray]
) -> None:
    session = OnnxSession(model_bytes(), threads=1)

    with pytest.raises(OnnxError) as caught:
        session.run(output, SHOWN | wrong)

    assert "\n" not in str(caught.value)


def test_a_session_with_more_threads_answers_the_same() -> None:
    alone, beside = (OnnxSession(model_bytes(), threads=n) for n in (1, 2))

    assert (alone.run("offsets", SHOWN) == beside.run("offsets", SHOWN)).all()


def test_a_session_of_one_thread_starts_none() -> None:
    before = threading.active_count()

    OnnxSession(model_bytes(), threads=1).run("offsets", SHOWN)

    assert threading.active_count() == before


def test_a_library_that_cannot_be_loaded_is_said_in_one_line() -> None:
    program = (
        "import sys; sys.modules['onnxruntime'] = None; "
        "from tsfm_runner.adapters.onnx_session import OnnxSession; "
        "OnnxSession(b'', threads=1)"
    )

    ended = subprocess.run(  # noqa: S603 - a program of ours
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert ended.stderr.splitlines()[-1] == (
        "tsfm_runner.errors.ConfigurationError: onnxruntime, which runs our own "
        "models, cannot be loaded (import of onnxruntime halted; None in sys.modules);"
        " install it again, or set embedded.enabled to false"
    )
