"""Read the keys that open the service: those of the settings, then those of a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError

from tsfm_runner.adapters.text_file import read_mapping
from tsfm_runner.config import AuthConfig
from tsfm_runner.errors import ConfigurationError


def read_keys(auth: AuthConfig) -> dict[str, SecretStr]:
    """Return every key by its name, as the file is now.

    Raises ``ConfigurationError``, which never quotes a key, when the file cannot be
    used: unreadable, no mapping, no key in it, a key that could be guessed, or a
    name that the settings have already.
    """
    if auth.keys_file is None:
        return dict(auth.keys)
    path = auth.keys_file
    found = read_mapping(path)
    if not found:
        raise ConfigurationError(f"auth.keys_file: {path} holds no key")
    if twice := sorted(auth.keys.keys() & found.keys()):
        raise ConfigurationError(
            f"auth.keys and file {path} both name {', '.join(twice)}"
        )
    return auth.keys | _checked(found, path)


def _checked(found: Mapping[str, Any], path: Path) -> dict[str, SecretStr]:
    try:
        return AuthConfig.model_validate({"keys": found}).keys
    except ValidationError as exc:
        errors = exc.errors(include_url=False, include_context=False)
    # Raised out here so that no traceback carries pydantic's error: it quotes values.
    told = (
        f"{'.'.join(str(part) for part in error['loc'])}: "
        f"{error['msg'].removeprefix('Value error, ')}"
        for error in errors
    )
    raise ConfigurationError(f"{'; '.join(f'auth.{each}' for each in told)} ({path})")
