"""Keep a training on disk, so that one that was ended goes on where it was."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from zipfile import BadZipFile, ZipFile

import torch

from tsfm_runner.adapters.working.array_file import PART, sync_folder
from tsfm_runner.errors import TrainingError
from tsfm_runner.learning.loop import Training


def write_checkpoint(
    path: Path, training: Training, *, made_by: Mapping[str, Any]
) -> None:
    """Replace the checkpoint, whole or not at all.

    ``made_by`` says what is being trained, in plain types: only the same can be gone
    on with.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}{PART}")
    try:
        with part.open("wb") as file:
            torch.save({"made_by": dict(made_by), "training": training.state()}, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        sync_folder(path.parent)
    except OSError as exc:
        raise TrainingError(f"{path} cannot be written: {exc.strerror}") from exc
    finally:
        with suppress(OSError):
            part.unlink()


def resume(path: Path, training: Training, *, made_by: Mapping[str, Any]) -> None:
    """Bring a training that has just begun to where the checkpoint was written.

    Raises
    ------
    TrainingError
        If the file cannot be read, or is of another training.

    """
    try:
        _require_whole(path)
        stored = torch.load(path, map_location="cpu", weights_only=True)
        was_made_by, state = dict(stored["made_by"]), stored["training"]
    except OSError as exc:
        raise TrainingError(f"{path} cannot be read: {exc.strerror}") from exc
    except (
        *(BadZipFile, EOFError, KeyError, NotImplementedError),
        *(RuntimeError, TypeError, UnpicklingError, ValueError),
    ) as exc:
        raise TrainingError(f"{path} is damaged or no checkpoint") from exc
    others = [
        f"{name} {was_made_by.get(name)!r} instead of {value!r}"
        for name, value in made_by.items()
        if was_made_by.get(name) != value
    ]
    if others:
        raise TrainingError(f"{path} is of another training: {', '.join(others)}")
    training.restore(state)


def _require_whole(path: Path) -> None:
    """Raise ``BadZipFile`` where a checksum in the file is not that of its part.

    Torch writes checksums and does not look at them: a flipped bit would be trained on.
    """
    with ZipFile(path) as archive:
        if (damaged := archive.testzip()) is not None:
            raise BadZipFile(damaged)
