"""Write the files of a study: each appears whole, or not at all."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import polars as pl

from tsfm_runner.errors import StudyNotStoredError


def write_text(path: Path, text: str) -> None:
    """Put text in the place of what the file holds."""
    _replaced(path, lambda part: part.write_text(text, encoding="utf-8"))


def write_table(path: Path, frames: Iterable[pl.DataFrame]) -> None:
    """Write frames of the same columns as one Parquet file.

    They come one at a time and wait on disk, so memory does not grow with them.
    """

    def write(part: Path) -> None:
        with tempfile.TemporaryDirectory(prefix=".parts-", dir=path.parent) as folder:
            names = []
            for number, frame in enumerate(frames):
                names.append(Path(folder) / f"{number}.parquet")
                frame.write_parquet(names[-1])
            pl.concat([pl.scan_parquet(name) for name in names]).sink_parquet(part)

    _replaced(path, write)


def _replaced(path: Path, write: Callable[[Path], object]) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(part)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(path)
    except (OSError, pl.exceptions.PolarsError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else None
        reason = reason or str(exc).partition("\n")[0]
        raise StudyNotStoredError(f"{path} cannot be written: {reason}") from exc
    finally:
        with suppress(OSError):  # where nothing can be written, nothing is there
            part.unlink(missing_ok=True)


def remove_left_overs(folder: Path, names: Iterable[str]) -> None:
    """Delete what a study that was killed left half written of files so called."""
    for name in names:
        for left_over in folder.glob(f"{name}.*.part"):
            left_over.unlink(missing_ok=True)
    for left_over in folder.glob(".parts-*"):
        shutil.rmtree(left_over, ignore_errors=True)
