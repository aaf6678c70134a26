"""Recorded exchanges with the real daemon, found beside the repository."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_REPOSITORY = Path(__file__).parents[3]
_SHARED = Path(os.environ.get("TSFM_SHARED", _REPOSITORY.parent / "shared"))
_FOLDER = _SHARED / "tollama" / "recordings"

needs_recordings = pytest.mark.skipif(
    not _FOLDER.is_dir(),
    reason="recordings of the daemon are not here; TSFM_SHARED names their folder",
)


@dataclass(frozen=True)
class Recording:
    """One exchange: what was sent, and what the daemon answered."""

    name: str
    method: str
    path: str
    request_headers: dict[str, str]
    request_body: Any
    status: int | None
    response_headers: dict[str, str]
    response_body: Any
    transport_error: str | None

    @property
    def sent(self) -> bytes | None:
        """The bytes of the request."""
        body = self.request_body
        if isinstance(body, dict) and "__raw__" in body:
            return str(body["__raw__"]).encode()
        return None if body is None else json.dumps(body).encode()

    @property
    def received(self) -> bytes:
        """The bytes of the answer."""
        body = self.response_body
        if isinstance(body, dict) and "__ndjson__" in body:
            return "".join(
                f"{json.dumps(line)}\n" for line in body["__ndjson__"]
            ).encode()
        if isinstance(body, dict) and "__text__" in body:
            return str(body["__text__"]).encode()
        return b"" if body is None else json.dumps(body).encode()

    @property
    def content_type(self) -> str | None:
        """The content type of the answer."""
        return self.response_headers.get("content-type")


def recordings() -> dict[str, Recording]:
    """Return every recording by name; none where the folder is absent."""
    return {
        recording.name: recording
        for recording in map(_read, sorted(_FOLDER.glob("*.json")))
    }


def _read(path: Path) -> Recording:
    exchange = json.loads(path.read_text())
    names = ("method", "path", "request_body", "status", "response_body")
    return Recording(
        name=path.stem,
        **{name: exchange[name] for name in names},
        request_headers=exchange["request_headers"] or {},
        response_headers=exchange["response_headers"] or {},
        transport_error=exchange["transport_error"],
    )
