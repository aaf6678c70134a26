"""What would give other bits is told apart, and what would not is the same."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from tsfm_runner.adapters.working.toolchain import Toolchain, this_toolchain

HERE = this_toolchain()
SHOW = (
    "from tsfm_runner.adapters.working.toolchain import this_toolchain; "
    "print(this_toolchain().rounding)"
)


def rounding(**environ: str) -> str:
    """Return the digest of a process that is set up otherwise."""
    shown = subprocess.run(  # noqa: S603 - a program of ours
        [sys.executable, "-c", SHOW],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=True,
    )
    return shown.stdout.strip()


def test_a_toolchain_is_no_different_from_itself() -> None:
    assert HERE.differences(HERE) == []


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (
            replace(HERE, libraries=(*HERE.libraries[:1], ("numpy", "1.0"))),
            "numpy is 1.0 there and ",
        ),
        (replace(HERE, code="another"), "the code of tsfm-runner is another one"),
        (replace(HERE, rounding="another"), "its CPU or its libraries round otherwise"),
    ],
    ids=["libraries", "code", "rounding"],
)
def test_a_difference_is_said_in_words(other: Toolchain, words: str) -> None:
    assert HERE.differences(other)[0].startswith(words)


def test_the_number_of_threads_does_not_change_how_units_round() -> None:
    assert rounding(OPENBLAS_NUM_THREADS="1") == rounding(OPENBLAS_NUM_THREADS="2")


@pytest.mark.skipif(sys.platform != "linux", reason="the kernels of x86 on Linux")
def test_other_kernels_of_linear_algebra_round_otherwise() -> None:
    if os.uname().machine != "x86_64":
        pytest.skip("the kernels of x86 only")

    assert rounding(OPENBLAS_CORETYPE="Prescott") != rounding()
