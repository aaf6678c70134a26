"""A unit of work on its way to a Ray worker, and what is done there."""

import io
import pickle
import platform
from collections.abc import Callable, Sequence
from typing import Any

from tsfm_runner.adapters.working.outcome import Outcome, attempt
from tsfm_runner.adapters.working.toolchain import Toolchain, this_toolchain
from tsfm_runner.errors import ConfigurationError
from tsfm_runner.ports import Arrays, ReadArrays


class Shared:
    """Arrays that are read here, and held by the cluster once a unit needs them."""

    def __init__(self, read: ReadArrays, put: Callable[[Arrays], Any]) -> None:
        """Take what reads them, and what hands them to the cluster."""
        self._read = read
        self._put = put
        self._reference: Any = None

    def __call__(self) -> Arrays:
        """Return the arrays, at the driver."""
        return self._read()

    @property
    def reference(self) -> Any:  # noqa: ANN401 - an ObjectRef, or that of a client
        """What stands for the arrays in the cluster, which it gets the first time."""
        if self._reference is None:
            self._reference = self._put(dict(self._read()))
        return self._reference


class _Packer(pickle.Pickler):
    """Pickles a unit, and lists the shared arrays that it names."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, protocol=5)
        self.references: list[Any] = []

    def persistent_id(self, value: object) -> int | None:
        """Let a place among the references stand for shared arrays."""
        if not isinstance(value, Shared):
            return None
        self.references.append(value.reference)
        return len(self.references) - 1


class _Unpacker(pickle.Unpickler):
    def __init__(self, packed: bytes, shared: Sequence[Arrays]) -> None:
        super().__init__(io.BytesIO(packed))
        self._shared = shared

    def persistent_load(self, place: int) -> ReadArrays:
        """Return what gives the shared arrays, which are here already."""
        return lambda: self._shared[place]


def pack(
    function: Callable[..., Arrays], arguments: Sequence[Any]
) -> tuple[bytes, list[Any]]:
    """Return a unit as bytes, and the references that Ray resolves for it.

    Ray sees the references, so that it brings the arrays to the node first and knows
    when nobody needs them any more.
    """
    file = io.BytesIO()
    packer = _Packer(file)
    packer.dump((function, arguments))
    return file.getvalue(), packer.references


def do_unit(packed: bytes, toolchain: bytes, shared: Sequence[Arrays]) -> Outcome:
    """Do a unit at a worker that computes as the driver does, and at no other."""

    def unpack() -> tuple[Callable[..., Arrays], Sequence[Any]]:
        expected: Toolchain = pickle.loads(toolchain)  # noqa: S301 - of our driver
        if differences := expected.differences(this_toolchain()):
            raise ConfigurationError(
                f"the Ray node {platform.node()} would give other scores: "
                f"{'; '.join(differences)}"
            )
        unit: tuple[Callable[..., Arrays], Sequence[Any]]
        unit = _Unpacker(packed, shared).load()
        return unit

    return attempt(unpack)
