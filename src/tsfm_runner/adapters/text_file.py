"""Read, replace and watch a small file of text, or of YAML with one mapping."""

import os
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from tsfm_runner.errors import ConfigurationError

# A date or a number that is none raises those in between, what nests too deeply the
# last.
_YAML_ERRORS = (
    yaml.YAMLError,
    ValueError,
    AttributeError,
    LookupError,
    RecursionError,
)

Stamp: TypeAlias = tuple[int, int, int, int]


def read_text(path: Path) -> str:
    """Return what the file holds; raise ``ConfigurationError`` if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is not UTF-8 text"
        raise ConfigurationError(f"{path} cannot be read: {reason}") from None


def replace_text(path: Path, text: str) -> None:
    """Put text in the place of what the file holds, so that none ever reads half.

    A link stays, and what it leads to is replaced. Raises ``ConfigurationError`` where
    that fails; the file is then as it was.
    """
    place = Path(os.path.realpath(path))
    part = place.with_name(f"{place.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(place)
    except OSError as exc:
        part.unlink(missing_ok=True)
        raise ConfigurationError(f"{path} cannot be written: {exc.strerror}") from None


def stamp_of(path: Path | None) -> Stamp | None:
    """Return what changes with the file and who may read it; None where none is."""
    try:
        found = path.stat() if path is not None else None
    except OSError:
        return None
    if found is None:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode


def read_mapping(path: Path) -> dict[str, Any]:
    """Return the mapping that the file holds; a file of comments holds an empty one.

    Raises ``ConfigurationError`` when the file cannot be read, is no YAML, holds
    something else, or says the same key twice (YAML would keep the last one only).
    The message never quotes the file, which may hold secrets.
    """
    text = read_text(path)
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        _refuse_repeated_keys(node, path)
        content = None if node is None else loader.construct_document(node)
    except _YAML_ERRORS as exc:
        place = _place(exc)
        raise ConfigurationError(f"{path}{place} is not valid YAML") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path} must hold a mapping of names to values")
    return content


def _refuse_repeated_keys(root: yaml.Node | None, path: Path) -> None:
    """Look at every node once, however often aliases name it."""
    left, met = [root], set[int]()
    while left:
        node = left.pop()
        if id(node) in met:
            continue
        met.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            left += node.value
        elif isinstance(node, yaml.MappingNode):
            _refuse_repeated_keys_of(node, path)
            left += [value for _, value in node.value]


def _refuse_repeated_keys_of(node: yaml.MappingNode, path: Path) -> None:
    seen: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            continue  # cannot be the name of anything; the loader refuses it
        if key.value in seen:
            line = key.start_mark.line + 1
            raise ConfigurationError(f"{path}, line {line}, names {key.value!r} twice")
        seen.add(key.value)


def _place(exc: Exception) -> str:
    mark = exc.problem_mark if isinstance(exc, yaml.MarkedYAMLError) else None
    return f", line {mark.line + 1}," if mark else ""
