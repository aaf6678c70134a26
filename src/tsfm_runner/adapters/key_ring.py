"""The keys that open the service, kept up with their file while the service runs."""

import asyncio
from collections.abc import Mapping
from hmac import compare_digest

from pydantic import SecretStr
from structlog.typing import FilteringBoundLogger

from tsfm_runner.adapters.keys_file import read_keys
from tsfm_runner.adapters.text_file import stamp_of
from tsfm_runner.config import AuthConfig
from tsfm_runner.errors import ConfigurationError


class WatchedKeys:
    """A ``KeyRing`` that reads ``auth.keys_file`` anew when it has changed.

    A file that cannot be used changes nothing: the keys stay as they are, and the
    log says once what is wrong with it.
    """

    def __init__(self, auth: AuthConfig, log: FilteringBoundLogger) -> None:
        """Read the keys; raise ``ConfigurationError`` if they cannot be used."""
        self._auth = auth
        self._log = log
        self._trouble: str | None = None
        # Taken before the reading: what is written meanwhile is a change.
        self._seen = stamp_of(auth.keys_file)
        self._keys = _as_bytes(read_keys(auth))

    @property
    def names(self) -> frozenset[str]:
        """The name of every key."""
        return frozenset(name for name, _ in self._keys)

    @property
    def is_empty(self) -> bool:
        """Whether there is no key at all, so that everybody may come in."""
        return not self._keys

    def name_of(self, token: bytes) -> str | None:
        """Return the name of the key, or None."""
        found = None
        for name, key in self._keys:  # to the end: time tells nothing of any key
            if compare_digest(token, key):
                found = name
        return found

    async def watch(self) -> None:
        """Look at the file now and then, beside the event loop, until cancelled."""
        while self._auth.keys_file is not None:
            await asyncio.sleep(self._auth.reload_interval_s)
            await asyncio.to_thread(self.refresh)

    def refresh(self) -> None:
        """Take the keys of the file if it has changed and can be used."""
        stamp = stamp_of(self._auth.keys_file)
        if stamp == self._seen and self._trouble is None:
            return
        try:
            keys = _as_bytes(read_keys(self._auth))
        except ConfigurationError as exc:
            self._complain(str(exc))
            return
        self._seen, self._trouble = stamp, None
        if keys != self._keys:
            self._keys = keys
            self._log.warning("keys_changed", names=sorted(self.names))

    def _complain(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._log.error("keys_kept", reason=trouble)
        self._trouble = trouble


def _as_bytes(keys: Mapping[str, SecretStr]) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, key.get_secret_value().encode()) for name, key in keys.items())
