"""Load the settings: defaults, then a file, then the environment, then flags."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from tsfm_runner.adapters.keys_file import read_keys
from tsfm_runner.adapters.setting_sources import (
    CONFIG_VARIABLE,
    Known,
    Layer,
    from_environment,
    from_file,
    from_flags,
    from_secret_files,
)
from tsfm_runner.adapters.setting_tree import list_settings
from tsfm_runner.config import Settings
from tsfm_runner.errors import ConfigurationError

CONFIG_NAME = "tsfm_runtime.yaml"
_USER_IN_ADDRESS = re.compile(r"//[^/]*@")
_URL_RULE = "must be an http(s) address such as http://127.0.0.1:11435"
_RULES = {
    "int_parsing": "must be a whole number",
    "float_parsing": "must be a number",
    "bool_parsing": "must be true or false",
    "too_short": "must not be empty",
}
PACKAGED_CONFIGS = Path(str(files("tsfm_runner"))) / "configs"


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """The settings, and where each of them came from, by dotted name.

    An origin reads ``default``, ``file PATH``, ``env NAME`` or ``flag --NAME``.
    """

    settings: Settings
    origins: Mapping[str, str]


def load_settings(
    *,
    config_file: Path | None,
    environ: Mapping[str, str],
    flags: Mapping[str, object],
    working_directory: Path = Path(),
) -> LoadedSettings:
    """Merge every source of settings; the later one wins, setting by setting.

    The file is ``config_file``, else the one that ``TSFM_CONFIG_FILE`` names, else
    ``configs/tsfm_runtime.yaml`` below the working directory, else the packaged
    one. ``flags`` holds values by dotted name; those that are None were not given.
    A secret may also stand in the file that ``<secret>_file`` names. That of the
    keys is looked at here, so that a wrong one is told by every command, and read
    by whoever needs the keys: it may change.

    Raises ``ConfigurationError``, which names the setting, what is allowed and
    where the value came from, and never quotes a secret.
    """
    known = list_settings()
    path = _config_path(config_file, environ, working_directory)
    given = (
        from_file(path, known)
        | from_environment(environ, known)
        | from_flags(flags, known)
    )
    given |= from_secret_files(_validated(given, known), given, known)
    origins = dict.fromkeys(known, "default")
    origins |= {name: item.origin for name, item in given.items()}
    settings = _validated(given, known)
    read_keys(settings.auth)
    return LoadedSettings(settings, origins)


def _config_path(
    config_file: Path | None, environ: Mapping[str, str], working_directory: Path
) -> Path:
    if config_file is not None:
        return config_file
    if named := environ.get(CONFIG_VARIABLE):
        return Path(named)
    local = working_directory / "configs" / CONFIG_NAME
    return local if local.is_file() else PACKAGED_CONFIGS / CONFIG_NAME


def _validated(given: Layer, known: Known) -> Settings:
    nested: dict[str, Any] = {}
    for name, item in given.items():
        *sections, key = name.split(".")
        place = nested
        for section in sections:
            place = place.setdefault(section, {})
        place[key] = item.value
    try:
        return Settings.model_validate(nested)
    except ValidationError as exc:
        errors = exc.errors(include_url=False, include_context=False)
    # Raised out here so that no traceback carries pydantic's error: it quotes values.
    raise ConfigurationError("; ".join(_told(error, given, known) for error in errors))


def _told(error: ErrorDetails, given: Layer, known: Known) -> str:
    name = ".".join(str(part) for part in error["loc"])
    sources = {
        item.origin
        for other, item in given.items()
        if not name  # a rule over several sections: any of them may be the cause
        or f"{name}.".startswith(f"{other}.")
        or f"{other}.".startswith(f"{name}.")
    }
    setting = known.get(name)
    value = f"is {_quoted(error)}, " if setting and not setting.is_secret else ""
    source = ", ".join(sorted(sources)) or "default"
    return f"{name or 'settings'}: {value}{_rule(error)} ({source})"


def _quoted(error: ErrorDetails) -> str:
    """Quote what was given, without the secret that an address may carry."""
    return _USER_IN_ADDRESS.sub("//***@", f"{error['input']!r:.80}")


def _rule(error: ErrorDetails) -> str:
    """Say what is allowed, in our words where pydantic speaks of its own insides."""
    kind, message = error["type"], error["msg"]
    if kind.startswith("url_"):
        return _URL_RULE
    if kind in _RULES:
        return _RULES[kind]
    return message.removeprefix("Value error, ").replace("Input should", "should")
