"""What lies beside an ONNX file and tells of it: checksum, licence, known answers."""

from pathlib import Path
from typing import Annotated, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tsfm_runner.adapters.models.golden import Golden, read_golden
from tsfm_runner.adapters.models.manifest import (
    GOLDEN_FILE,
    MANIFEST_FILE,
    MAX_MANIFEST_BYTES,
    MAX_MODEL_BYTES,
    MODEL_FILE,
    PlainName,
    Sha256,
    told,
)
from tsfm_runner.adapters.models.store import sha256_of
from tsfm_runner.domain.model import LicenceTag
from tsfm_runner.errors import UnreadableInputError

ENDING = ".json"
"""Ends the name of what tells of a file: ``my.onnx`` and ``my.onnx.json``."""

_SAID = {"name", "revision", "license_name", "license_tag", "description"}


class Companion(BaseModel):
    """What is told of a file; a ``model.json`` tells it, and so may less."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    sha256: Sha256
    model_file: PlainName = MODEL_FILE
    golden_file: PlainName = GOLDEN_FILE
    name: PlainName | None = None
    revision: PlainName | None = None
    license_name: Annotated[str, Field(min_length=1)] | None = None
    license_tag: LicenceTag | None = None
    description: str | None = None

    @classmethod
    def parse(cls, content: bytes, *, place: str) -> Self:
        """Return what JSON tells; raise ``UnreadableInputError`` if it is none."""
        try:
            return cls.model_validate_json(content)
        except ValidationError as exc:
            raise UnreadableInputError(f"{place}: {told(exc)}") from None

    def said(self) -> dict[str, object]:
        """Return what stands in the place of what the model says of itself."""
        return self.model_dump(include=_SAID, exclude_none=True)


def require_checksum(content: bytes, sha256: str, *, place: str) -> None:
    """Raise ``UnreadableInputError`` for other bytes than the checksum is of."""
    found = sha256_of(content)
    if found != sha256:
        raise UnreadableInputError(
            f"{place} has {len(content):,} bytes with SHA-256 {found}, and should "
            f"have {sha256}"
        )


class Found(NamedTuple):
    """A file of a model on this machine, and what lies beside it."""

    content: bytes
    companion: Companion | None
    known: Golden | None


def read_local(path: Path) -> Found:
    """Return a file and what tells of it, or what a folder of a model holds.

    Raises ``UnreadableInputError`` for what cannot be read or is too large, and
    ``ModelFileError`` for known answers that are damaged.
    """
    try:
        return _read_local(path, is_folder=path.is_dir())
    except OSError as exc:
        raise UnreadableInputError(f"{path} cannot be read: {exc.strerror}") from None


def _read_local(path: Path, *, is_folder: bool) -> Found:
    beside = path / MANIFEST_FILE if is_folder else path.with_name(path.name + ENDING)
    companion = None
    if beside.exists():
        text = read_bounded(beside, max_bytes=MAX_MANIFEST_BYTES)
        companion = Companion.parse(text, place=str(beside))
    file, golden = path, None
    if is_folder:
        file = path / (companion.model_file if companion else MODEL_FILE)
        golden = path / (companion.golden_file if companion else GOLDEN_FILE)
    content = read_bounded(file, max_bytes=MAX_MODEL_BYTES)
    if companion is not None:
        require_checksum(content, companion.sha256, place=str(file))
    known = read_golden(golden) if golden is not None and golden.exists() else None
    return Found(content, companion, known)


def read_bounded(path: Path, *, max_bytes: int) -> bytes:
    """Return what a file holds; raise ``UnreadableInputError`` for one too large."""
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
    except OSError as exc:
        raise UnreadableInputError(f"{path} cannot be read: {exc.strerror}") from None
    if len(content) > max_bytes:
        raise UnreadableInputError(f"{path} holds more than {max_bytes:,} bytes")
    return content
