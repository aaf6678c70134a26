"""Read and write ``model.json``: what a stored model is, and what its file must be."""

import json
import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
)

from tsfm_runner.adapters.askable_levels import askable
from tsfm_runner.adapters.text_file import replace_text
from tsfm_runner.domain.model import LicenceTag
from tsfm_runner.domain.task import MAX_HORIZON, MAX_LEVEL, MAX_LEVELS, MIN_LEVEL
from tsfm_runner.errors import ModelFileError

MANIFEST_FILE = "model.json"
MODEL_FILE = "model.onnx"
GOLDEN_FILE = "golden.json"
MAX_MODEL_BYTES = 64 * 1024**2
MAX_MANIFEST_BYTES = 1024**2

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}[A-Za-z0-9]|[A-Za-z0-9]")
_SURE = 1e-9
_TOLD_AT_MOST = 5


def _askable_steps(steps: tuple[int, ...]) -> tuple[int, ...]:
    if steps[0] != 1 or any(low >= high for low, high in pairwise(steps)):
        raise ValueError("must begin with 1 and ascend")
    return steps


def _mirrored(levels: tuple[float, ...]) -> tuple[float, ...]:
    mirrored = zip(levels, reversed(levels), strict=True)
    if any(abs(low + high - 1) > _SURE for low, high in mirrored):
        raise ValueError("must lie symmetrically about 0.5")
    return levels


def _plain(name: str) -> str:
    if not _PLAIN.fullmatch(name):
        raise ValueError("must be 1 to 64 letters, digits, dots, dashes, underscores")
    return name


def _printable(text: str) -> str:
    """Refuse what a terminal would take for a command."""
    if not text.isprintable():
        raise ValueError("must be printable")
    return text


def _shown(text: str) -> str:
    """Refuse what would be taken for a command where it is shown."""
    if not text.isprintable() or set("[]") & set(text):
        raise ValueError("must be printable and without brackets")
    return text


PlainName = Annotated[str, AfterValidator(_plain)]
"""A name that is also the name of a folder, on every system."""
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Text = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_shown)]
_Description = Annotated[str, Field(max_length=2_000), AfterValidator(_printable)]
_Step = Annotated[int, Field(ge=1, le=MAX_HORIZON)]
_Level = Annotated[float, Field(ge=MIN_LEVEL, le=MAX_LEVEL)]


class ModelFacts(BaseModel):
    """What a model says of itself; in its ONNX file these are the metadata."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    signature: Literal["tsfm-1"]
    name: PlainName
    revision: PlainName
    license_name: _Text = "unknown"
    license_tag: LicenceTag = "unknown"
    description: _Description = ""
    steps: Annotated[
        tuple[_Step, ...], Field(min_length=1), AfterValidator(_askable_steps)
    ]
    quantile_levels: Annotated[
        tuple[_Level, ...],
        Field(min_length=2, max_length=MAX_LEVELS),
        AfterValidator(askable),
        AfterValidator(_mirrored),
    ]
    made_by: Mapping[str, Any] = Field(default_factory=dict)


class ModelManifest(ModelFacts):
    """What a model is, and the files that hold it; a misspelt key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_: Annotated[Literal["tsfm-runner/model/1"], Field(alias="schema")] = (
        "tsfm-runner/model/1"
    )
    model_file: PlainName = MODEL_FILE
    golden_file: PlainName = GOLDEN_FILE
    sha256: Sha256
    n_bytes: Annotated[int, Field(ge=1, le=MAX_MODEL_BYTES)]
    n_parameters: Annotated[int, Field(ge=0)] = 0
    added_at: AwareDatetime | None = None
    """None: it is shipped with the package."""
    source: str = ""
    """Where it came from, for people."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return the manifest of a file; raise ``ModelFileError`` if it is none."""
        try:
            if path.stat().st_size > MAX_MANIFEST_BYTES:
                raise ModelFileError(
                    f"{path} is too large to be the manifest of a model"
                )
            return cls.parse(path.read_bytes(), place=str(path))
        except OSError as exc:
            raise ModelFileError(f"{path} cannot be read: {exc.strerror}") from None

    @classmethod
    def parse(cls, content: bytes, *, place: str) -> Self:
        """Return the manifest that JSON holds; ``place`` is where it is from."""
        try:
            return cls.model_validate_json(content)
        except ValidationError as exc:
            raise ModelFileError(f"{place}: {told(exc)}") from None

    def write(self, path: Path) -> None:
        """Put the manifest in the place of what the file holds, whole or not at all."""
        replace_text(path, self.text())

    def text(self) -> str:
        """Return what its file holds; raise ``ModelFileError`` where no file can.

        What a model says of how it was made is any JSON, and not all of it can be
        written and read again.
        """
        try:
            document = self.model_dump(mode="json", by_alias=True)
            lines = (
                f" {json.dumps(key)}: {json.dumps(document[key])}" for key in document
            )
            text = "{\n" + ",\n".join(lines) + "\n}\n"
            is_same = self.model_validate_json(text) == self
        except (RecursionError, ValueError):
            is_same = False
        if not is_same:
            raise ModelFileError(
                "what it says of itself, as made_by, must be JSON that can be read back"
            )
        if len(text) > MAX_MANIFEST_BYTES:  # all of it is ASCII
            raise ModelFileError(
                f"what it says of itself is longer than {MAX_MANIFEST_BYTES:,} bytes"
            )
        return text


def told(exc: ValidationError) -> str:
    """Return what is wrong, field by field; the first few."""
    errors = exc.errors(include_url=False, include_context=False)
    lines = [
        f"{'.'.join(str(part) for part in error['loc'])}: "
        f"{error['msg'].removeprefix('Value error, ')}".removeprefix(": ")
        for error in errors[:_TOLD_AT_MOST]
    ]
    n_more = len(errors) - len(lines)
    return "; ".join([*lines, *([f"and {n_more} more"] if n_more else [])])
