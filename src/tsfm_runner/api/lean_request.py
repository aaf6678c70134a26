"""Read the usual request in one pass; leave everything else to the schema.

The schema of `schemas.py` says what a request may hold and words every error. This
module knows no error: a body that it cannot vouch for it hands back, and the schema
decides. A test holds the two against each other.
"""

from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from tsfm_runner.api.wire_types import MAX_NAME_LENGTH
from tsfm_runner.domain.task import (
    MAX_HORIZON,
    MAX_LEVEL,
    MAX_LEVELS,
    MAX_POINTS,
    MIN_EPS,
    MIN_LEVEL,
    MIN_POINTS,
    Liquidity,
    Provider,
    Space,
)

_Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=MAX_NAME_LENGTH)]
_Price: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
_Level: TypeAlias = Annotated[float, Meta(ge=MIN_LEVEL, le=MAX_LEVEL)]


class _LeanTransform(msgspec.Struct, forbid_unknown_fields=True):
    space: Space | None = None
    eps: Annotated[float, Meta(ge=MIN_EPS, lt=0.5)] | None = None


class _LeanModel(msgspec.Struct, forbid_unknown_fields=True):
    provider: Provider | None = None
    model_name: _Name | None = None
    model_version: _Name | None = None
    params: None = None


class LeanRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The fields of a request but its rarest: covariates, parameters, other times."""

    market_id: _Name
    as_of_ts: str
    y: Annotated[
        list[_Price | None], Meta(min_length=MIN_POINTS, max_length=MAX_POINTS)
    ]
    freq: Annotated[str, Meta(min_length=1, max_length=16)] | None = None
    horizon_steps: Annotated[int, Meta(ge=1, le=MAX_HORIZON)] | None = None
    quantiles: (
        Annotated[list[_Level], Meta(min_length=1, max_length=MAX_LEVELS)] | None
    ) = None
    transform: _LeanTransform | None = None
    model: _LeanModel | None = None
    liquidity_bucket: Liquidity | None = None
    category: _Name | None = None
    event_id: _Name | None = None
    closes_at: str | None = None
    tte_seconds: Annotated[float, Meta(ge=0, le=1e10)] | None = None
    tick_size: Annotated[float, Meta(gt=0, le=0.5)] | None = None
    max_gap_minutes: Annotated[float, Meta(gt=0, le=1e6)] | None = None
    level: None = None
    y_ts: None = None
    x_past: None = None
    x_future: None = None


_decode = msgspec.json.Decoder(LeanRequest).decode


def read_lean(body: bytes) -> LeanRequest | None:
    """Return the request, or None when the schema must decide.

    msgspec takes the last of two values under one key. It would go unseen but for
    the quotes: with no backslash in the body, two of them stand around each key
    and each text, so a key too many is two quotes too many.
    """
    if b"\\" in body:
        return None
    try:
        request = _decode(body)
    except (ValueError, RecursionError):
        return None
    if body.count(b'"') != 2 * _n_texts(request):
        return None
    if request.quantiles and len(set(request.quantiles)) < len(request.quantiles):
        return None
    return request


def _n_texts(struct: msgspec.Struct) -> int:
    """Return how many keys and texts were read; a key with null is not counted."""
    values = msgspec.structs.astuple(struct)
    n_texts = 0
    for value in values:
        if value is None:
            continue
        n_texts += 1
        if type(value) is str:
            n_texts += 1
        elif isinstance(value, msgspec.Struct):
            n_texts += _n_texts(value)
    return n_texts
