"""Where model files lie: those of the package, and those of this user."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from tsfm_runner.adapters.ledger.place import data_folder
from tsfm_runner.adapters.models.manifest import (
    MANIFEST_FILE,
    MAX_MODEL_BYTES,
    ModelManifest,
)
from tsfm_runner.errors import ModelFileError

SHIPPED_MODELS = Path(str(files("tsfm_runner"))) / "data" / "models"

_FOLDER = "models"
_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class StoredModel:
    """One revision of one model: the folder that it lies in, and what it is."""

    path: Path
    manifest: ModelManifest

    @property
    def file(self) -> Path:
        """The ONNX file."""
        return self.path / self.manifest.model_file

    @property
    def golden_file(self) -> Path:
        """What the model is known to answer; it need not be there."""
        return self.path / self.manifest.golden_file

    @property
    def is_shipped(self) -> bool:
        """Whether it came with the package."""
        return self.manifest.added_at is None

    @property
    def label(self) -> str:
        """Name and revision, as the command line takes and tells them."""
        return f"{self.manifest.name}@{self.manifest.revision}"

    def read_bytes_checked(self) -> bytes:
        """Return the ONNX file, whose checksum is that of the manifest.

        Raises ``ModelFileError``, which says what was expected, what was found, and
        what to do, for a file that is gone, changed or cut short.
        """
        try:
            with self.file.open("rb") as file:
                content = file.read(MAX_MODEL_BYTES + 1)
        except OSError as exc:
            raise ModelFileError(
                f"{self.file} cannot be read: {exc.strerror}. {self._way_out}"
            ) from None
        if len(content) > MAX_MODEL_BYTES:
            raise ModelFileError(
                f"{self.file} is damaged: it has more than {MAX_MODEL_BYTES:,} bytes, "
                f"and should have {self.manifest.n_bytes:,}. {self._way_out}"
            )
        found, expected = sha256_of(content), self.manifest.sha256
        if found != expected:
            raise ModelFileError(
                f"{self.file} is damaged: it has {len(content):,} bytes with SHA-256 "
                f"{found}, and should have {self.manifest.n_bytes:,} with {expected}. "
                f"{self._way_out}"
            )
        return content

    @property
    def _way_out(self) -> str:
        if self.is_shipped:
            return "Install tsfm-runner again."
        return (
            "Add it again with `tsfm-runner models add --replace`, or "
            f"`tsfm-runner models remove {self.label}`."
        )


class ModelStore:
    """Folders of models, each as ``<name>/<revision>/``.

    A folder holds a model from the moment that its manifest is there, and none from
    the moment that it is gone; whatever else lies there is a left-over.
    """

    def __init__(self, dirs: Sequence[Path]) -> None:
        """Take the folders, the package's own first, the one to add to last."""
        self.dirs = tuple(dirs)

    @property
    def own_dir(self) -> Path:
        """The folder that models are added to."""
        return self.dirs[-1]

    def folders(self, name: str | None = None) -> list[Path]:
        """Return the folder of every model, or of each revision of one of them.

        Raises ``ModelFileError`` for a place that may not be looked at: what lies
        there is not known to be nothing.
        """
        try:
            return [
                folder
                for directory in self.dirs
                if directory.exists()
                for of_name in sorted(directory.iterdir())
                if of_name.is_dir() and name in {None, of_name.name}
                for folder in sorted(of_name.iterdir())
                if folder.joinpath(MANIFEST_FILE).exists()
            ]
        except OSError as exc:
            raise ModelFileError(
                f"{exc.filename} cannot be read: {exc.strerror}; models of your own "
                "may lie elsewhere (embedded.models_dir)"
            ) from None

    def shipped_names(self) -> set[str]:
        """Return the names of the models that are not the user's own."""
        own = self.own_dir
        return {one.parent.name for one in self.folders() if one.parent.parent != own}

    def all(self) -> list[StoredModel]:
        """Return every stored model.

        Raises ``ModelFileError`` for a bad manifest, and for a revision of the user's
        that the package has too: what is known of one would be told of the other.
        """
        met: set[str] = set()
        for folder in self.folders():
            label = _label(folder)
            if label in met:
                raise ModelFileError(
                    f"{folder} has the name and revision of another model: "
                    f"`tsfm-runner models remove {label}` takes it out"
                )
            met.add(label)
        return list(map(stored_model, self.folders()))

    def newest(self) -> list[StoredModel]:
        """Return every model by name, in the revision that was added last."""
        newest = {one.manifest.name: one for one in sorted(self.all(), key=_age)}
        return [newest[name] for name in sorted(newest)]

    def find(self, name: str, revision: str | None = None) -> StoredModel:
        """Return a model; without a revision, the one that was added last.

        Raises ``ModelFileError`` where there is none, or where its manifest is bad.
        """
        models = [
            model
            for model in map(stored_model, self.folders(name))
            if revision in {None, model.manifest.revision}
        ]
        if not models:
            wanted = name if revision is None else f"{name} in revision {revision}"
            known = ", ".join(self._labels()) or "none"
            raise ModelFileError(
                f"no file of the model {wanted} is stored; there are: {known}. "
                "`tsfm-runner models add` and `models pull` store one"
            )
        return max(models, key=_age)

    def _labels(self) -> Iterator[str]:
        return map(_label, self.folders())


def model_store(models_dir: Path | None) -> ModelStore:
    """Return the models of the package and of the user; None: the usual folder."""
    return ModelStore((SHIPPED_MODELS, models_dir or data_folder() / _FOLDER))


def stored_model(folder: Path) -> StoredModel:
    """Return the model of a folder; raise ``ModelFileError`` for a bad manifest."""
    manifest = ModelManifest.read(folder / MANIFEST_FILE)
    place = (folder.parent.name, folder.name)
    if place != (manifest.name, manifest.revision):
        raise ModelFileError(
            f"{folder / MANIFEST_FILE} is of {manifest.name}@{manifest.revision}, "
            "which belongs into another folder"
        )
    return StoredModel(folder, manifest)


def _label(folder: Path) -> str:
    return f"{folder.parent.name}@{folder.name}"


def sha256_of(content: bytes) -> str:
    """Return the checksum of bytes, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def _age(model: StoredModel) -> tuple[datetime, str]:
    return model.manifest.added_at or _BEFORE_ALL, model.manifest.revision
