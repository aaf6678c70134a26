"""Where settings come from: a file, the environment, flags, files of secrets."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from tsfm_runner.adapters.setting_tree import Setting, Shape, nearest_name, value_of
from tsfm_runner.adapters.text_file import read_mapping, read_text
from tsfm_runner.config import Settings
from tsfm_runner.errors import ConfigurationError

CONFIG_VARIABLE = "TSFM_CONFIG_FILE"

_PREFIX = "TSFM_"
_EXAMPLES: Mapping[Shape, str] = {
    "list": '["a", "b"]',
    "list of mappings": '[{"name": "value"}]',
    "mapping": '{"name": "value"}',
}
_NOT_SETTINGS = frozenset({CONFIG_VARIABLE, "TSFM_SHARED"})


@dataclass(frozen=True, slots=True)
class Given:
    """One value that somebody set, and where."""

    value: Any
    origin: str


Layer: TypeAlias = dict[str, Given]
Known: TypeAlias = Mapping[str, Setting]


def from_file(path: Path, known: Known) -> Layer:
    """Read a file of settings; secrets are refused there."""
    origin = f"file {path}"
    layer: Layer = {}
    for name, value in _flattened(read_mapping(path), known, origin=origin):
        if known[name].is_secret:
            file = f", or name its file in {name}_file"
            raise ConfigurationError(
                f"{name} is a secret and may not stand in {path}, which is made to be "
                f"shared; set {_variable(name)}"
                f"{file if f'{name}_file' in known else ''}"
            )
        layer[name] = Given(value, origin)
    return layer


def _flattened(
    content: Mapping[str, Any], known: Known, *, origin: str, prefix: str = ""
) -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        name = f"{prefix}{key}"
        if name in known:
            yield name, value
        elif not any(other.startswith(f"{name}.") for other in known):
            raise _unknown(name, known, origin=origin)
        elif isinstance(value, dict):
            yield from _flattened(value, known, origin=origin, prefix=f"{name}.")
        elif value is not None:  # a section of which every line is a comment
            raise ConfigurationError(f"{name} must hold settings by name ({origin})")


def from_environment(environ: Mapping[str, str], known: Known) -> Layer:
    """Read every ``TSFM_`` variable; one that names no setting is refused."""
    by_variable = {_variable(name): known[name] for name in known}
    layer: Layer = {}
    for variable in sorted(environ):
        upper = variable.upper()
        if not upper.startswith(_PREFIX) or upper in _NOT_SETTINGS:
            continue
        setting = by_variable.get(upper)
        if setting is None:
            raise ConfigurationError(
                f"the environment sets {variable}, which is no setting"
                f"{nearest_name(upper, by_variable)}"
            )
        value = _parsed(environ[variable], setting, variable=variable)
        layer[setting.name] = Given(value, f"env {variable}")
    return layer


def _parsed(text: str, setting: Setting, *, variable: str) -> object:
    # compose files cannot leave a variable out, only empty
    if not text and setting.is_optional:
        return None
    if not text and setting.shape == "mapping":
        return {}
    if not setting.is_container:
        return text
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict if setting.shape == "mapping" else list):
        raise ConfigurationError(
            f"{setting.name} must be JSON, a {setting.shape} like "
            f"{_EXAMPLES[setting.shape]} (env {variable})"
        )
    return value


def from_flags(flags: Mapping[str, object], known: Known) -> Layer:
    """Take the flags that were given, by the dotted name of their setting."""
    layer: Layer = {}
    for name, value in flags.items():
        if name not in known:
            raise _unknown(name, known, origin="a flag")
        if value is not None:
            flag = name.rpartition(".")[2].replace("_", "-")
            layer[name] = Given(value, f"flag --{flag}")
    return layer


def from_secret_files(settings: Settings, given: Layer, known: Known) -> Layer:
    """Read the files that ``<secret>_file`` settings name.

    A file of several secrets is not read here: it may change while we run.
    """
    layer: Layer = {}
    for name, setting in known.items():
        if not setting.is_secret or setting.is_container:
            continue
        path = value_of(settings, f"{name}_file")
        if path is None:
            continue
        if already := given.get(name):
            raise ConfigurationError(
                f"{name} ({already.origin}) and {name}_file "
                f"({given[f'{name}_file'].origin}) are both set; keep one"
            )
        layer[name] = Given(read_text(path).strip(), f"file {path}")
    return layer


def _unknown(name: str, known: Known, *, origin: str) -> ConfigurationError:
    hint = nearest_name(name, known)
    return ConfigurationError(f"{name} is no setting ({origin}){hint}")


def _variable(name: str) -> str:
    return _PREFIX + name.replace(".", "__").upper()
