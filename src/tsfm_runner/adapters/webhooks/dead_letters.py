"""A file of signals that could not be delivered: one JSON object a line."""

import asyncio
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tsfm_runner.adapters.ledger.place import data_folder
from tsfm_runner.config import WebhooksConfig
from tsfm_runner.domain.delivery import DeadLetter
from tsfm_runner.errors import (
    ConfigurationError,
    DeliveryFailedError,
    UnreadableInputError,
)

_FILE = "dead-letters.jsonl"


def dead_letter_path(
    config: WebhooksConfig, environ: Mapping[str, str] = os.environ
) -> Path:
    """Return the file of dead letters: that of the settings, or beside the ledger."""
    return config.dead_letter_file or data_folder(environ) / _FILE


class DeadLetterFile:
    """``DeadLetters`` in a file that is set aside when it has become too large."""

    def __init__(self, path: Path, *, max_bytes: int) -> None:
        """Count what is there; raise ``ConfigurationError`` if it cannot be used."""
        self._path, self._max_bytes = path, max_bytes
        self._writing = asyncio.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._counts = Counter(_endpoints(path))
        except OSError as exc:
            raise ConfigurationError(
                f"webhooks.dead_letter_file: {path} cannot be used: {exc.strerror}"
            ) from exc

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        """Write them to the disk; raise ``DeliveryFailedError`` where that fails."""
        lines = "".join(f"{_line(letter)}\n" for letter in letters).encode()
        async with self._writing:
            try:
                await asyncio.to_thread(self._append, lines)
            except OSError as exc:
                raise DeliveryFailedError(
                    f"the dead-letter file cannot be written: {exc.strerror}"
                ) from exc
            self._counts.update(letter.endpoint for letter in letters)

    def count(self, endpoint: str) -> int:
        """Return how many there are of an endpoint, those set aside left out."""
        return self._counts[endpoint]

    def _append(self, lines: bytes) -> None:
        if self._path.exists() and self._path.stat().st_size > self._max_bytes:
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
            self._counts.clear()
        descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)
        try:
            _append_whole(descriptor, lines)
        finally:
            os.close(descriptor)


def read_letters(path: Path) -> Iterator[Mapping[str, Any]]:
    """Yield every dead letter of a file, in order.

    Raises ``UnreadableInputError`` for a file that cannot be read or holds another
    thing. A last line that was cut off by a crash is left out.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as exc:
        raise UnreadableInputError(f"{path} cannot be read: {exc.strerror}") from exc
    for number, line in enumerate(lines[:-1], start=1):
        letter = _read(line)
        if letter is None:
            raise UnreadableInputError(f"{path}, line {number}, is no dead letter")
        yield letter


def _read(line: bytes) -> Mapping[str, Any] | None:
    try:
        letter = json.loads(line)
    except ValueError:
        return None
    is_letter = isinstance(letter, dict) and {"endpoint", "payload"} <= letter.keys()
    return letter if is_letter else None


def _endpoints(path: Path) -> Iterator[str]:
    if path.exists():
        for line in path.read_bytes().split(b"\n"):
            if letter := _read(line):
                yield str(letter["endpoint"])


def _append_whole(descriptor: int, lines: bytes) -> None:
    """Append all or nothing, and only whole lines, whatever a crash left behind."""
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        lines = b"\n" + lines
    try:
        left = memoryview(lines)
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)
        raise


def _line(letter: DeadLetter) -> str:
    signal = letter.signal
    died_at = datetime.fromtimestamp(letter.died_at_s, UTC)
    return json.dumps(
        {
            "endpoint": letter.endpoint,
            "reason": letter.reason,
            "status": letter.status,
            "n_attempts": letter.n_attempts,
            "died_at": died_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "signal_id": signal.id,
            "dedupe_key": signal.dedupe_key,
            "payload": letter.payload,
        },
        ensure_ascii=False,
    )
