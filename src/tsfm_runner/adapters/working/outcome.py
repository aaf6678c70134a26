"""What became of a unit of work, as it travels from a worker to the driver."""

import os
import pickle
import platform
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tsfm_runner.adapters.working.blas_threads import one_blas_thread
from tsfm_runner.errors import TsfmError
from tsfm_runner.ports import Arrays

# What an exception raises that cannot be pickled, or not be made again.
_NOT_PICKLED = (
    pickle.PickleError,
    AttributeError,
    ImportError,
    IndexError,
    KeyError,
    RecursionError,
    TypeError,
    ValueError,
)


@dataclass(slots=True)
class Outcome:
    """The arrays of a unit, or the exception that ended it."""

    arrays: Arrays | None = None
    failure: Exception | None = None

    def set_exception(self, failure: Exception) -> None:
        """Keep an exception of the unit for the driver, and say where it arose."""
        where = f"process {os.getpid()} of {platform.node()}"
        lines = traceback.format_exception(failure)
        self.failure = _portable(failure)
        self.failure.add_note(f"Raised in {where}:\n{''.join(lines)}")

    def result(self) -> Arrays:
        """Return the arrays, or raise what the unit raised."""
        if self.failure is not None:
            raise self.failure
        return self.arrays or {}


def call(function: Callable[..., Arrays], arguments: Sequence[Any]) -> Arrays:
    """Do a unit as every worker does it: its bits depend on nothing but its input."""
    with one_blas_thread():
        return function(*arguments)


def attempt(
    unpack: Callable[[], tuple[Callable[..., Arrays], Sequence[Any]]],
) -> Outcome:
    """Do a unit that is unpacked first; keep what it raises for the driver."""
    outcome = Outcome()
    try:
        outcome.arrays = call(*unpack())
    except Exception as failure:  # noqa: BLE001 - the driver raises it
        outcome.set_exception(failure)
    return outcome


def _portable(failure: Exception) -> Exception:
    """Return the exception, or one that says the same and can be made elsewhere."""
    try:
        pickle.loads(pickle.dumps(failure))  # noqa: S301 - our own bytes
    except _NOT_PICKLED:
        if isinstance(failure, TsfmError):
            return TsfmError(str(failure))
        return RuntimeError(f"{type(failure).__name__}: {failure}")
    return failure
