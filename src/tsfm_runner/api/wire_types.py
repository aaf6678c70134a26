"""The types of single fields on the wire."""

import re
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from tsfm_runner.domain.frequency import Frequency
from tsfm_runner.domain.task import MAX_LEVEL, MIN_LEVEL
from tsfm_runner.errors import InvalidTaskError

MAX_EPOCH_S = 32_503_680_000  # the year 3000
MAX_PLAIN_NUMBER = 2**53
MAX_NAME_LENGTH = 256
_MAX_DEPTH = 4
_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)",
    re.ASCII,
)


def rfc3339(value: Any) -> datetime:  # noqa: ANN401 - the caller sends anything
    """Return the time that a text names; raise ``ValueError`` for any other value."""
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise ValueError("must be an RFC 3339 time with an offset")
    return datetime.fromisoformat(value.upper())


def _epoch_s(value: Any) -> float:  # noqa: ANN401 - the caller sends anything
    if isinstance(value, str):
        return rfc3339(value).timestamp()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(  # noqa: TRY004 - pydantic reports ValueError only
            "must be an RFC 3339 time or epoch seconds"
        )
    if not 0 <= value <= MAX_EPOCH_S:
        raise ValueError(f"must lie between 0 and {MAX_EPOCH_S} epoch seconds")
    return float(value)


def epoch_seconds_in_text(value: Any) -> float:  # noqa: ANN401 - the caller sends it
    """Return the time that a text names, be it RFC 3339 or a number."""
    with suppress(ValueError):
        value = float(value)
    return _epoch_s(value)


def _freq(text: str) -> str:
    try:
        return Frequency.parse(text).text
    except InvalidTaskError as failure:
        raise ValueError(failure.message) from failure


def _distinct(levels: list[float]) -> list[float]:
    if len(set(levels)) < len(levels):
        raise ValueError("must be distinct")
    return levels


def _plain(value: Any, depth: int = 1) -> Any:  # noqa: ANN401 - JSON is any
    """Return the value if it can be handed on as JSON, whoever reads it."""
    if depth > _MAX_DEPTH:
        raise ValueError(f"may be nested at most {_MAX_DEPTH} deep")
    if isinstance(value, str):
        value.encode()  # a lone surrogate is no text
    elif isinstance(value, int | float) and not abs(value) <= MAX_PLAIN_NUMBER:
        raise ValueError(f"numbers must lie within +-{MAX_PLAIN_NUMBER}")
    elif isinstance(value, list):
        for inner in value:
            _plain(inner, depth + 1)
    elif isinstance(value, dict):
        for name, inner in value.items():
            _plain(name, depth)
            _plain(inner, depth + 1)
    return value


_TIME_SCHEMA = {"type": "string", "format": "date-time"}
EPOCH_SCHEMA = {
    "anyOf": [_TIME_SCHEMA, {"type": "number", "minimum": 0, "maximum": MAX_EPOCH_S}]
}

Rfc3339: TypeAlias = Annotated[
    datetime, BeforeValidator(rfc3339), WithJsonSchema(_TIME_SCHEMA)
]
EpochSeconds: TypeAlias = Annotated[
    float, BeforeValidator(_epoch_s), WithJsonSchema(EPOCH_SCHEMA)
]
FreqText: TypeAlias = Annotated[
    str, Field(min_length=1, max_length=16), AfterValidator(_freq)
]
Number: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]
Probability: TypeAlias = Annotated[float, Field(ge=0, le=1)]
Level: TypeAlias = Annotated[float, Field(ge=MIN_LEVEL, le=MAX_LEVEL)]
Percent: TypeAlias = Annotated[float, Field(gt=0, le=99.8)]
Distinct = AfterValidator(_distinct)
Plain = BeforeValidator(_plain)
Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=MAX_NAME_LENGTH)]
