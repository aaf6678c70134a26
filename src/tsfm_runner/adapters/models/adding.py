"""Put a model into the user's folder, or take it out: the whole of it, or nothing.

The manifest is written last and removed first. Files have names of their content, so
that a model can be replaced while its old files are still there.
"""

import os
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tsfm_runner.adapters.models.examining import (
    describe,
    require_known_answers,
    try_out,
)
from tsfm_runner.adapters.models.golden import Golden, usual_contexts, write_golden
from tsfm_runner.adapters.models.manifest import (
    GOLDEN_FILE,
    MANIFEST_FILE,
    MODEL_FILE,
    ModelManifest,
)
from tsfm_runner.adapters.models.store import ModelStore, StoredModel, sha256_of
from tsfm_runner.adapters.onnx_session import printable
from tsfm_runner.adapters.process_lock import LockHeldError, ProcessLock
from tsfm_runner.adapters.working.array_file import PART, sync_folder
from tsfm_runner.errors import ConfigurationError, InvalidTaskError

_LOCK = ".lock"
_DIGITS = 16
_OURS = (MODEL_FILE, GOLDEN_FILE, "model-*.onnx", "golden-*.json", f"*{PART}")


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A model that was tried out and found good, but is not stored yet."""

    content: bytes
    manifest: ModelManifest
    golden: Golden

    @property
    def label(self) -> str:
        """Name and revision."""
        return f"{self.manifest.name}@{self.manifest.revision}"


def try_candidate(
    content: bytes,
    *,
    said: Mapping[str, object],
    known: Golden | None,
    source: str,
    added_at: datetime | None,
) -> Candidate:
    """Try a model out; ``said`` stands in the place of what it says of itself.

    What it is ``known`` to answer is held against what it does; without that, what
    it answers now is what it will be held against later. One that is never added is
    one to be shipped. Raises ``ModelFileError``.
    """
    facts, n_parameters = describe(content, said)
    contexts = known.contexts if known else usual_contexts()
    golden = try_out(content, facts, contexts)
    if known:
        require_known_answers(golden, known)
    digest = sha256_of(content)
    mark = "" if added_at is None else f"-{digest[:_DIGITS]}"
    manifest = ModelManifest(
        **facts.model_dump(),
        model_file=f"model{mark}.onnx",
        golden_file=f"golden{mark}.json",
        sha256=digest,
        n_bytes=len(content),
        n_parameters=n_parameters,
        added_at=added_at,
        source=printable(source),
    )
    manifest.text()  # refuses what could be stored, and never be read again
    return Candidate(content, manifest, known or golden)


def require_addable(
    store: ModelStore,
    manifest: ModelManifest,
    *,
    reserved: Collection[str],
    replace: bool,
) -> None:
    """Raise ``InvalidTaskError`` for a name that is taken, by another or by itself.

    ``reserved`` are the names that models of the registry have.
    """
    name = manifest.name.casefold()  # some systems take both for one folder
    if name in {one.casefold() for one in (*reserved, *store.shipped_names())}:
        raise InvalidTaskError(
            "name", f"{manifest.name!r} is another model's; choose one with --name"
        )
    if not replace and _folder(store, manifest).joinpath(MANIFEST_FILE).exists():
        raise InvalidTaskError(
            "revision",
            f"{manifest.name}@{manifest.revision} is stored already; say --replace, or "
            "choose another with --revision",
        )


def add_model(
    store: ModelStore,
    candidate: Candidate,
    *,
    reserved: Collection[str] = (),
    replace: bool = False,
) -> StoredModel:
    """Store a model; whoever looks sees the old state or the new one.

    Raises ``InvalidTaskError`` for a name that is taken, and ``ConfigurationError``
    where the folder cannot be written to or another process is adding to it.
    """
    manifest = candidate.manifest
    folder = _folder(store, manifest)
    with _changing(store.own_dir):
        require_addable(store, manifest, reserved=reserved, replace=replace)
        return write_model(candidate, folder)


def write_model(candidate: Candidate, folder: Path) -> StoredModel:
    """Write the files of a model, and the one that makes them a model at last."""
    manifest = candidate.manifest
    folder.mkdir(parents=True, exist_ok=True)
    _replace_bytes(folder / manifest.model_file, candidate.content)
    write_golden(candidate.golden, folder / manifest.golden_file)
    sync_folder(folder)
    manifest.write(folder / MANIFEST_FILE)
    sync_folder(folder)
    _remove_left_overs(folder, keep={manifest.model_file, manifest.golden_file})
    return StoredModel(folder, manifest)


def remove_models(store: ModelStore, folders: Collection[Path]) -> None:
    """Take models out of the user's folder; raise ``ConfigurationError`` if not."""
    with _changing(store.own_dir):
        for folder in folders:
            (folder / MANIFEST_FILE).unlink(missing_ok=True)
            _remove_left_overs(folder, keep=())
            for empty in (folder, folder.parent):
                if empty.exists() and not any(empty.iterdir()):
                    empty.unlink() if empty.is_symlink() else empty.rmdir()


def _folder(store: ModelStore, manifest: ModelManifest) -> Path:
    return store.own_dir / manifest.name / manifest.revision


@contextmanager
def _changing(directory: Path) -> Generator[None]:
    """Let one process at a time change what the folder holds."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = ProcessLock(directory / _LOCK)
        try:
            yield
        finally:
            lock.release()
    except LockHeldError as exc:
        raise ConfigurationError(
            f"{directory} is being changed by {exc.holder}"
        ) from None
    except OSError as exc:
        raise ConfigurationError(
            f"{exc.filename or directory} cannot be written: {exc.strerror}"
        ) from None


def _replace_bytes(path: Path, content: bytes) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}{PART}")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _remove_left_overs(folder: Path, *, keep: Collection[str]) -> None:
    """Delete files of ours that no manifest names; those of others stay."""
    for pattern in _OURS:
        for path in folder.glob(pattern):
            if path.name not in keep:
                path.unlink()
