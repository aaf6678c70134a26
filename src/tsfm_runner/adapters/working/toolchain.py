"""What makes two computers give the same bits: code, libraries, and rounding."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tsfm_runner.adapters.working.blas_threads import one_blas_thread

_PACKAGE = Path(__file__).parents[2]
_LIBRARIES = ("tsfm-runner", "numpy", "polars")
# Another way to ask for results, or to show them, leaves them as they are.
_COMPUTES_NOTHING = {"api", "cli", "facade", "report", "telemetry", "testing"}


@dataclass(frozen=True, slots=True)
class Toolchain:
    """The code, the libraries by version, and what this machine's rounding gives.

    ``code`` and ``rounding`` are digests.
    """

    libraries: tuple[tuple[str, str], ...]
    code: str
    rounding: str

    def differences(self, other: "Toolchain") -> list[str]:
        """Say in words what another one has otherwise; nothing where all is equal."""
        theirs = dict(other.libraries)
        found = [
            f"{name} is {theirs.get(name)} there and {version} here"
            for name, version in self.libraries
            if theirs.get(name) != version
        ]
        if not found and other.code != self.code:
            found.append("the code of tsfm-runner is another one there")
        if not found and other.rounding != self.rounding:
            found.append("its CPU or its libraries round otherwise")
        return found


@cache
def this_toolchain() -> Toolchain:
    """Return what this process computes with."""
    return Toolchain(
        libraries=tuple((name, metadata.version(name)) for name in _LIBRARIES),
        code=_digest_of_code(_PACKAGE),
        rounding=_digest_of_rounding(),
    )


def _digest_of_code(package: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.*")):
        place = path.relative_to(package)
        is_code = path.suffix in {".py", ".json"}
        if is_code and _COMPUTES_NOTHING.isdisjoint(place.parts):
            digest.update(f"{place.as_posix()}\n{path.stat().st_size}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _digest_of_rounding() -> str:
    """Compute what is known to differ in its last bits between makes of CPUs."""
    digest = hashlib.sha256()
    with one_blas_thread():
        for array in _rounded():
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _rounded() -> Iterator[npt.NDArray[np.float32 | np.float64]]:
    """Yield results of vectorised functions, of long sums, and of linear algebra."""
    chances = np.arange(1, 4_096) / 4_096
    for values in (chances, chances.astype(np.float32)):
        for function in (np.exp, np.log, np.log1p, np.expm1, np.tanh, np.sqrt, np.sin):
            yield function(values)
        yield values**0.3
        yield np.array([values.sum(), values.mean(), values.std(), values @ values])
        square = np.log(values[: -(values.size % 63) or None].reshape(63, -1))
        yield square @ square.T
    yield np.linalg.solve(square @ square.T + np.eye(63), chances[:63])
