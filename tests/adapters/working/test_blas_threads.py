"""A unit sums with one thread, so that its last bits are always the same."""

import os
import subprocess
import sys

PROGRAM = """
import numpy as np
from tsfm_runner.adapters.working.blas_threads import one_blas_thread

values = np.random.default_rng(1).normal(size=200_000)
print((values @ values).hex())
with one_blas_thread():
    print((values @ values).hex())
print((values @ values).hex())
"""


def sums(n_threads: int) -> list[str]:
    """Return a long sum before, within and after."""
    shown = subprocess.run(  # noqa: S603 - a program of ours
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "OPENBLAS_NUM_THREADS": str(n_threads)},
        capture_output=True,
        text=True,
        check=True,
    )
    return shown.stdout.split()


def test_a_long_sum_is_that_of_one_thread_for_a_while() -> None:
    before, within, after = sums(2)

    assert [within] * 3 == sums(1)
    assert before == after
