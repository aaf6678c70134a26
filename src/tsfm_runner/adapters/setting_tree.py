"""The settings as a flat list: name, type, what it means, whether it is secret."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, TypeAlias, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from tsfm_runner.config import Settings

Shape: TypeAlias = Literal["text", "list", "list of mappings", "mapping"]

_LISTS = (list, tuple, set, frozenset)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its dotted name and what is known of it."""

    name: str
    description: str
    is_secret: bool
    shape: Shape
    is_optional: bool

    @property
    def is_container(self) -> bool:
        """Whether it comes as JSON from the environment."""
        return self.shape != "text"


def list_settings(model: type[BaseModel] = Settings) -> dict[str, Setting]:
    """Return every setting by dotted name, in the order of the settings."""
    return {setting.name: setting for setting in _walk(model, prefix="")}


def value_of(settings: BaseModel, name: str) -> Any:  # noqa: ANN401 - any setting
    """Return the value that the settings hold under a dotted name."""
    value: Any = settings
    for part in name.split("."):
        value = getattr(value, part)
    return value


def nearest_name(name: str, names: Iterable[str]) -> str:
    """Return ``; did you mean X?`` for the name most like this one, or nothing."""
    close = get_close_matches(name, list(names), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _walk(model: type[BaseModel], *, prefix: str) -> Iterator[Setting]:
    for key, field in model.model_fields.items():
        name = f"{prefix}{key}"
        if isinstance(field.annotation, type) and issubclass(
            field.annotation, BaseModel
        ):
            yield from _walk(field.annotation, prefix=f"{name}.")
        else:
            yield _setting(name, field)


def _setting(name: str, field: FieldInfo) -> Setting:
    types = set(_mentioned(field.annotation))
    return Setting(
        name=name,
        description=" ".join((field.description or "").split()),
        is_secret=SecretStr in types,
        shape=_shape(types),
        is_optional=type(None) in types,
    )


def _shape(types: set[object]) -> Shape:
    if dict in types:
        return "mapping"
    if not types.intersection(_LISTS):
        return "text"
    is_nested = any(
        isinstance(held, type) and issubclass(held, BaseModel) for held in types
    )
    return "list of mappings" if is_nested else "list"


def _mentioned(annotation: object) -> Iterator[object]:
    yield annotation
    if origin := get_origin(annotation):
        yield origin
    for argument in get_args(annotation):
        yield from _mentioned(argument)
