"""A batch body taken apart into the bodies of its requests."""

import json
from typing import Annotated, Any

import msgspec

from tsfm_runner.api.decode import parse_json
from tsfm_runner.api.problems import ProblemError, field_error, invalid_request
from tsfm_runner.api.schemas import MAX_BATCH

_KEY = b'"requests"'


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    requests: Annotated[
        list[msgspec.Raw], msgspec.Meta(min_length=1, max_length=MAX_BATCH)
    ]


_decode = msgspec.json.Decoder(_Envelope).decode


def split_batch(body: bytes) -> list[bytes]:
    """Return the body of each request; they may still hold anything that is JSON.

    Raises ``ProblemError`` for a body that is no batch.
    """
    try:
        envelope = _decode(body)
    except (ValueError, RecursionError):
        return _split_slowly(body)
    if b"\\" in body or body.count(_KEY) > 1:
        # The key may stand twice in the envelope, where the last one won.
        return _split_slowly(body)
    return [bytes(raw) for raw in envelope.requests]


def _split_slowly(body: bytes) -> list[bytes]:
    requests = _requests(parse_json(body))
    return [json.dumps(request).encode() for request in requests]


def _requests(value: Any) -> list[Any]:  # noqa: ANN401 - JSON is any
    if not isinstance(value, dict):
        error = field_error((), "must be an object with the key 'requests'", value)
        raise ProblemError(invalid_request([error]))
    unknown = [
        field_error((key,), "is not a known key", given)
        for key, given in value.items()
        if key != "requests"
    ]
    requests = value.get("requests")
    if unknown:
        raise ProblemError(invalid_request(unknown))
    if not isinstance(requests, list) or not 1 <= len(requests) <= MAX_BATCH:
        rule = f"must be a list of 1 to {MAX_BATCH} requests"
        raise ProblemError(
            invalid_request([field_error(("requests",), rule, requests)])
        )
    return requests
