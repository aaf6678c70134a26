"""Units of work for tests, which any worker can import."""

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tsfm_runner.errors import InvalidTaskError
from tsfm_runner.ports import ReadArrays

Arrays = dict[str, npt.NDArray[Any]]


class StubbornError(Exception):
    """Cannot be made again from what it says."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__(f"{first} and {second}")


def numbers(seed: int, size: int = 40_000) -> Arrays:
    """Return what has other last bits if it is computed with more threads."""
    values = np.random.default_rng(seed).normal(size=size)
    curved = np.exp(-(values**2)) * np.tanh(values)
    square = curved.reshape(200, -1)
    return {
        "curved": curved.astype(np.float32),
        "sums": np.array([values @ curved, curved.sum(), curved.std()]),
        "products": square @ square.T,
        "count": np.array(size),
    }


def bits(arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, tuple[Any, ...]]:
    """Return all there is to compare of arrays."""
    return {
        name: (array.dtype.str, array.shape, array.tobytes())
        for name, array in arrays.items()
    }


def slow_numbers(seed: int, pause_s: float) -> Arrays:
    """Return numbers, after a while."""
    time.sleep(pause_s)
    return numbers(seed)


def marked_numbers(folder: Path, seed: int, pause_s: float) -> Arrays:
    """Return numbers after a while, and leave a mark of each time that is begun."""
    (folder / f"{seed}-{os.getpid()}").touch()
    return slow_numbers(seed, pause_s)


def weighted(reads: tuple[ReadArrays, ...], weight: float) -> Arrays:
    """Return what is made of the arrays of other units."""
    parts = [read()["curved"] for read in reads]
    return {"total": np.asarray(weight * np.sum(parts, axis=0, dtype=np.float64))}


def killed_once(folder: Path, seed: int, is_fatal: bool) -> Arrays:  # noqa: FBT001 - goes by place
    """End this worker the first time, as the system does for want of memory."""
    mark = folder / f"killed-{seed}"
    if is_fatal and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return numbers(seed)


def killed_always(folder: Path) -> Arrays:
    """End every worker, and leave a mark each time."""
    (folder / str(os.getpid())).touch()
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def refused(field: str) -> Arrays:
    """Raise an error that can be made of its parts only."""
    raise InvalidTaskError(field, "must be something else")


def stubborn(first: int, second: int) -> Arrays:
    """Raise an error of nobody's, which cannot be pickled."""
    raise StubbornError(first, second)


def divided(number: int) -> Arrays:
    """Raise an error of Python for zero."""
    return {"share": np.array(1 / number)}


def whereabouts(pause_s: float) -> Arrays:
    """Say which process this is and how many threads it may use."""
    time.sleep(pause_s)
    print("nobody may take this for a result")  # noqa: T201 - that is the point
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS")
    return {
        "process": np.array(os.getpid()),
        "threads": np.array([os.environ.get(name, "") for name in names]),
    }
