"""Keep what is done of a study in a folder, so that a study that was ended goes on."""

import hashlib
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple
from functools import partial
from pathlib import Path
from typing import Self

from tsfm_runner.adapters.process_lock import LockHeldError, ProcessLock
from tsfm_runner.adapters.working.array_file import (
    PART,
    DamagedFileError,
    is_whole,
    read_arrays,
    write_arrays,
)
from tsfm_runner.adapters.working.toolchain import Toolchain, this_toolchain
from tsfm_runner.errors import StudyInUseError, StudyNotStoredError
from tsfm_runner.ports import Arrays, ReadArrays

_LOCK = "lock"
_ENDING = ".arrays"
_DIGITS = 16
_KEY = re.compile(f"[0-9a-f]{{{_DIGITS}}}")
_NAME_DIGITS = 12
_MOST_LETTERS = 80


class WorkFolder:
    """A ``WorkStore``: a file for each unit, in a folder for each study.

    A study is known by its fingerprint and by what computes it: where code, libraries
    or the rounding of the machine change, the work begins anew in another folder.
    One process at a time works under ``root``.
    """

    def __init__(
        self, root: Path, fingerprint: str, *, toolchain: Toolchain | None = None
    ) -> None:
        """Take the folder; raise ``StudyInUseError`` where another process has it.

        ``toolchain`` is what computes the units; None: what this process has.
        """
        self._root = root
        self._folder = root / _key(fingerprint, toolchain or this_toolchain())
        with _writing_to(root):
            self._folder.mkdir(parents=True, exist_ok=True)
            try:
                self._lock = ProcessLock(root / _LOCK)
            except LockHeldError as exc:
                raise StudyInUseError(
                    f"{root} is in use by {exc.holder}: wait for it, stop it, or "
                    "choose another folder"
                ) from None
            for left_over in root.glob(f"*/*{_ENDING}.*{PART}"):
                left_over.unlink()

    def __enter__(self) -> Self:
        """Keep the folder until the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let another process have the folder."""
        self._lock.release()

    def has(self, name: str) -> bool:
        """Whether the unit is done and its arrays are whole, to the last byte."""
        return is_whole(self.path(name))

    def path(self, name: str) -> Path:
        """Return the file of a unit; what its name holds may be anything."""
        digest = hashlib.sha256(name.encode()).hexdigest()[:_NAME_DIGITS]
        letters = re.sub(r"[^A-Za-z0-9._=]+", "-", name)[:_MOST_LETTERS]
        return self._folder / f"{letters}-{digest}{_ENDING}"

    def write(self, name: str, arrays: Arrays) -> None:
        """Keep the arrays of a unit, all of them or none, safe from a power cut."""
        with _writing_to(self._folder):
            write_arrays(self.path(name), arrays)

    def read(self, name: str) -> Arrays:
        """Return the arrays of a unit, mapped into memory."""
        return _read(self.path(name))

    def reader(self, name: str) -> ReadArrays:
        """Return what reads the arrays of a unit, in any process of this machine."""
        return partial(_read, self.path(name))

    def remove_others(self) -> None:
        """Delete what is kept of other studies here."""
        with _writing_to(self._root):
            for folder in self._root.iterdir():
                if _KEY.fullmatch(folder.name) and folder != self._folder:
                    shutil.rmtree(folder)

    def clear(self) -> None:
        """Delete what is kept of this study."""
        with _writing_to(self._folder):
            for path in self._folder.glob(f"*{_ENDING}"):
                path.unlink()


def _key(fingerprint: str, toolchain: Toolchain) -> str:
    whole = repr((fingerprint, astuple(toolchain)))
    return hashlib.sha256(whole.encode()).hexdigest()[:_DIGITS]


def _read(path: Path) -> Arrays:
    try:
        return read_arrays(path)
    except FileNotFoundError as exc:
        raise StudyNotStoredError(f"{path} is gone; start again to redo it") from exc
    except (OSError, DamagedFileError) as exc:
        raise StudyNotStoredError(
            f"{path} cannot be read; start again to redo it"
        ) from exc


@contextmanager
def _writing_to(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise StudyNotStoredError(
            f"{folder} cannot be written to: {exc.strerror}; what was done is kept"
        ) from exc
