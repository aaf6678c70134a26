"""Keep the linear algebra of numpy to one thread, whose sums are always the same.

OpenBLAS splits a long sum among its threads and so rounds it otherwise: the dot
product of 20,000 numbers has another last bit with two threads than with one. Its
number of threads is read from the environment when numpy is imported; later only the
library itself can change it.
"""

import ctypes
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

# For processes that have not imported numpy yet.
ONE_THREAD: Mapping[str, str] = MappingProxyType(
    {
        "BLIS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "POLARS_MAX_THREADS": "1",
        "RAYON_NUM_THREADS": "1",
        "VECLIB_MAXIMUM_THREADS": "1",
    }
)

_FILES = ("numpy.libs/*openblas*", "numpy/.dylibs/*openblas*")  # of numpy's wheels
_NAMES = tuple(
    f"{prefix}openblas_{{}}_num_threads{suffix}"
    for prefix in ("scipy_", "")
    for suffix in ("64_", "")
)


class _Threads(NamedTuple):
    get: Callable[[], int]
    set: Callable[[int], object]


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep the OpenBLAS that numpy's wheels bring to one thread for a while.

    A numpy that was built otherwise is left as it is.
    """
    threads = _threads()
    if threads is None:
        yield
        return
    before = threads.get()
    threads.set(1)
    try:
        yield
    finally:
        threads.set(before)


@cache
def _threads() -> _Threads | None:
    folder = Path(np.__file__).parents[1]
    for path in (path for pattern in _FILES for path in folder.glob(pattern)):
        library = ctypes.CDLL(str(path))  # the one that numpy has loaded
        for name in _NAMES:
            if hasattr(library, name.format("set")):
                return _Threads(
                    library[name.format("get")], library[name.format("set")]
                )
    return None
