"""Who does the units of a study, and keeps what comes of them, as protocols."""

from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy.typing as npt

Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]
ReadArrays: TypeAlias = Callable[[], Arrays]


class Workers(Protocol):
    """Do units of work of a study, each by itself, in no set order."""

    @property
    def n_workers(self) -> int:
        """How many units are done at a time."""
        ...

    def run(
        self, function: Callable[..., Arrays], units: Sequence[tuple[Any, ...]]
    ) -> Generator[tuple[int, Arrays], None, None]:
        """Call the function with each tuple of arguments; yield as they finish.

        What is yielded is the place among the units, and the arrays, which are not
        to be written to. The function is one of a module, and the arguments can be
        pickled. A worker that is lost is replaced; an error of a unit is raised, and
        so is ``UnitLostError`` for a unit that ends its workers again and again.
        Closing it ends the work.
        """
        ...

    def share(self, read: ReadArrays) -> ReadArrays:
        """Return what reads the same arrays at the workers, to be an argument.

        What is handed in can be pickled; ``WorkStore.reader`` makes such.
        """
        ...


class WorkStore(Protocol):
    """Keeps the arrays of units that are done, for one study as it is now."""

    def has(self, name: str) -> bool:
        """Whether the unit is done and its arrays are whole."""
        ...

    def path(self, name: str) -> Path:
        """Return where the arrays of a unit are, or will be."""
        ...

    def write(self, name: str, arrays: Arrays) -> None:
        """Keep the arrays of a unit, all of them or none.

        Raises ``StudyNotStoredError`` where they cannot be written.
        """
        ...

    def read(self, name: str) -> Arrays:
        """Return the arrays of a unit, which stay on disk until they are looked at.

        Raises ``StudyNotStoredError`` where they are missing or not whole.
        """
        ...

    def reader(self, name: str) -> ReadArrays:
        """Return what reads the arrays of a unit; it can be pickled."""
        ...
