"""Parts of the documentation that are made from the code they speak of.

mkdocs calls ``on_page_markdown`` with every page; a line ``<!-- made: NAME -->``
there becomes the part of that name, so that none can fall behind the code.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import typer
from typer.cli import get_docs_for_click

from tsfm_runner.adapters.model_registry import load_registry
from tsfm_runner.adapters.models import ModelManifest, ModelStore
from tsfm_runner.adapters.models.store import SHIPPED_MODELS
from tsfm_runner.api.schemas import ForecastRequest
from tsfm_runner.cli.app import app
from tsfm_runner.cli.exit_codes import EXIT_CODES_HELP
from tsfm_runner.config import Settings
from tsfm_runner.domain.model import Capabilities
from tsfm_runner.testing.markets import PRIORS
from tsfm_runner.testing.markets.profiles import Profile, Range, Spread

Schema: TypeAlias = Mapping[str, Any]
Row: TypeAlias = tuple[str, ...]

_PLACE = re.compile(r"^<!-- made: (?P<name>\w+) -->$", re.MULTILINE)
_WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "`true` or `false`",
    "object": "mapping",
    "path": "file",
    "uri": "address",
    "password": "secret",
    "date-time": "RFC 3339 time",
}
_PARTS_OF_KIND = ("", "pace", "venue")
_TOLD_ABOVE = frozenset(
    {
        *("category", "question", "shape", "weight", "weight_hourly"),
        *("pace", "venue"),
    }
)
_BOUNDS = {
    "minimum": "≥ {}",
    "exclusiveMinimum": "> {}",
    "maximum": "≤ {}",
    "exclusiveMaximum": "< {}",
    "minItems": "at least {}",
    "maxItems": "at most {}",
    "maxLength": "at most {} characters",
    "maxProperties": "at most {} names",
}


def on_page_markdown(markdown: str, **_: object) -> str:
    """Return the page with every marked place filled (called by mkdocs)."""
    return _PLACE.sub(lambda place: PARTS[place["name"]](), markdown)


def settings_tables() -> str:
    """Return a table for each section of the settings, and one for the rest."""
    root = Settings.model_json_schema()
    rest: dict[str, Schema] = {}
    parts: list[str] = []
    for name, field in root["properties"].items():
        section = _referenced(field, root)
        if section is None:
            rest[name] = field
            continue
        rows = _setting_rows(f"{name}.", section["properties"], root)
        parts += [f"### {name}", section["description"], _settings_table(rows)]
    return "\n\n".join([_settings_table(_setting_rows("", rest, root)), *parts])


def request_table() -> str:
    """Return the fields of a forecast request, nested ones by dotted name."""
    schema = ForecastRequest.model_json_schema()
    return _table(("field", "allowed", "meaning"), _request_rows("", schema, schema))


def models_table() -> str:
    """Return every model of the registry that is shipped."""
    known, prod = load_registry(None, "dev"), load_registry(None, "prod")
    headings = ("model", "runtime", "licence", "in `prod`", "quantiles")
    limits = ("context", "horizon", "covariates", "series a call")
    return _table(
        (*headings, *limits),
        (
            (
                f"`{model.name}`",
                model.provider,
                model.license_name,
                "yes" if prod.is_allowed(model.name) else "no",
                *_abilities(model.capabilities),
            )
            for model in known.models.values()
        ),
    )


def shipped_model() -> str:
    """Return what the manifest of the model says that comes with the package."""
    manifest = ModelStore((SHIPPED_MODELS,)).find("tsfm-mini").manifest
    return _table(("", ""), _manifest_rows(manifest))


def priors() -> str:
    """Return every constant of each prior: of most kinds of events, and of others."""
    parts: list[str] = []
    for name, profiles in PRIORS.items():
        kinds = ", ".join(
            f"{one.category} ({one.shape}, {one.weight:g} / {one.weight_hourly:g})"
            for one in profiles
        )
        told = f"Kinds, with shares of all events at 5 minutes / at 1 hour: {kinds}."
        rows = [row for part in _PARTS_OF_KIND for row in _constants(profiles, part)]
        table = _table(("constant", "most kinds", "other kinds"), rows)
        parts += [f"### {name}", told, table]
    return "\n\n".join(parts)


def commands() -> str:
    """Return every command of the program: what it does, and its options."""
    program = typer.main.get_command(app)
    context = typer.Context(program)
    text = get_docs_for_click(
        obj=program, ctx=context, indent=1, name="tsfm-runner", title="Every command"
    )
    said_above = (EXIT_CODES_HELP, "* `--help`: Show this message and exit.")
    return "\n".join(line for line in text.splitlines() if line not in said_above)


def decisions() -> str:
    """Return a link to every decision record, by its first heading."""
    paths = sorted((Path(__file__).parent / "adr").glob("0*.md"))
    titles = [path.read_text(encoding="utf-8").partition("\n")[0] for path in paths]
    return "\n".join(
        f"- [{title.removeprefix('# ')}]({path.name})"
        for title, path in zip(titles, paths, strict=True)
    )


PARTS: Mapping[str, Callable[[], str]] = {
    "settings": settings_tables,
    "request": request_table,
    "models": models_table,
    "shipped_model": shipped_model,
    "priors": priors,
    "commands": commands,
    "decisions": decisions,
}


def _abilities(can: Capabilities) -> Row:
    levels = can.quantile_levels
    covariates = {"past": can.past_covariates, "future": can.future_covariates}
    return (
        levels if isinstance(levels, str) else ", ".join(map(str, levels)),
        str(can.max_context or ""),
        str(can.max_horizon or ""),
        ", ".join(word for word, is_known in covariates.items() if is_known),
        str(can.max_series_per_call or ""),
    )


def _manifest_rows(manifest: ModelManifest) -> Iterator[Row]:
    yield "name, revision", f"`{manifest.name}`, `{manifest.revision}`"
    yield "licence", f"{manifest.license_name} (`{manifest.license_tag}`)"
    yield "parameters", f"{manifest.n_parameters:,}"
    yield "file", f"{manifest.n_bytes:,} bytes, SHA-256 `{manifest.sha256}`"
    yield "signature", f"`{manifest.signature}`"
    yield "steps ahead", ", ".join(map(str, manifest.steps))
    yield "levels", ", ".join(map(str, manifest.quantile_levels))
    for key, value in manifest.made_by.items():
        yield f"made by: {key}", f"`{json.dumps(value)}`"


def _constants(profiles: Sequence[Profile], part: str) -> Iterator[Row]:
    """Yield a row for each constant of a part of a profile."""
    owners = {one.category: getattr(one, part) if part else one for one in profiles}
    for name in next(iter(owners.values())).__dataclass_fields__:
        if name in _TOLD_ABOVE:
            continue
        kinds: dict[str, list[str]] = {}
        for category, owner in owners.items():
            kinds.setdefault(_constant(getattr(owner, name)), []).append(category)
        most, *others = sorted(kinds, key=lambda told: -len(kinds[told]))
        exceptions = (f"{', '.join(kinds[told])}: {told}" for told in others)
        yield f"`{name}`", most, "; ".join(exceptions)


def _constant(value: object) -> str:
    match value:
        case Range(low, high):
            return f"{low:g} to {high:g} (log)" if low < high else f"{low:g}"
        case Spread(low, high):
            return f"{low:g} to {high:g}" if low < high else f"{low:g}"
        case tuple():
            counts = {one: value.count(one) for one in dict.fromkeys(value)}
            return ", ".join(f"{one:g} ({n})" for one, n in counts.items())
        case _:
            return f"{value:g}"


def _settings_table(rows: Iterable[Row]) -> str:
    return _table(("setting", "default", "allowed", "meaning"), rows)


def _setting_rows(
    prefix: str, fields: Mapping[str, Schema], root: Schema
) -> Iterator[Row]:
    for key, field in fields.items():
        default, part = field.get("default"), _referenced(field, root)
        is_shown = part is None and default not in (None, [])
        shown = f"`{json.dumps(default)}`" if is_shown else ""
        meaning = " ".join(field.get("description", "").split())  # one row, one line
        yield f"`{prefix}{key}`", shown, _allowed(field, root), meaning
        item = _referenced(field.get("items", {}), root)
        if item is not None:
            yield from _setting_rows(f"{prefix}{key}[].", item["properties"], root)
        for value in _values(field):
            named = _referenced(value, root)
            if named is not None:
                rows = _setting_rows(f"{prefix}{key}.NAME.", named["properties"], root)
                yield from rows
        if part is not None:
            yield from _setting_rows(
                f"{prefix}{key}.", _filled(part, default or {}), root
            )


def _values(field: Schema) -> list[Schema]:
    """Return what a mapping of names of the user's own may hold."""
    values = [*field.get("patternProperties", {}).values()]
    other = field.get("additionalProperties")
    return [*values, other] if isinstance(other, dict) else values


def _filled(part: Schema, defaults: Mapping[str, Any]) -> dict[str, Schema]:
    """Return the fields of a part of a section with the defaults that it has there."""
    return {
        key: {**field, "default": defaults.get(key)}
        for key, field in part["properties"].items()
    }


def _request_rows(prefix: str, part: Schema, root: Schema) -> Iterator[Row]:
    for key, field in part["properties"].items():
        told = "" if key not in part.get("required", ()) else "; required"
        meaning = field.get("description", "")
        yield f"`{prefix}{key}`", _allowed(field, root) + told, meaning
        for alternative in _alternatives(field):
            inner = _referenced(alternative, root)
            if inner is not None:
                yield from _request_rows(f"{prefix}{key}.", inner, root)


def _allowed(field: Schema, root: Schema) -> str:
    return " or ".join(_allowed_one(part, root) for part in _alternatives(field))


def _allowed_one(field: Schema, root: Schema) -> str:
    if _referenced(field, root) is not None:
        return "mapping"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    word = _WORDS.get(field.get("format", ""), _WORDS.get(field.get("type", ""), "any"))
    bounds = [
        text.format(_number(field[key]))
        for key, text in _BOUNDS.items()
        if key in field
    ]
    if "items" not in field:
        return ", ".join([word, *bounds])
    return "; ".join([f"list of {_allowed(field['items'], root)}", *bounds])


def _number(bound: float) -> str:
    return f"{bound:,.0f}" if bound == int(bound) else str(bound)


def _alternatives(field: Schema) -> list[Schema]:
    """Return what a field may hold; null only says that it may be left out."""
    options: list[Schema] = field.get("anyOf", [field])
    return [option for option in options if option.get("type") != "null"]


def _referenced(field: Schema, root: Schema) -> Schema | None:
    """Return the definition that a field refers to, if it does."""
    name = field.get("$ref", "").rpartition("/")[2]
    definition: Schema | None = root["$defs"].get(name)
    return definition


def _table(headings: Row, rows: Iterable[Row]) -> str:
    lines = [headings, tuple("---" for _ in headings), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
