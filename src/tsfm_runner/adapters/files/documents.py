"""Split a file of request documents into single requests; one bad line costs one."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tsfm_runner.adapters.files.series import SkippedMarket
from tsfm_runner.errors import UnreadableInputError


@dataclass(frozen=True, slots=True, eq=False)
class RequestDocument:
    """One request in wire shape, and where it stood."""

    place: str
    body: dict[str, Any]


def split_requests(content: bytes) -> Iterator[RequestDocument | SkippedMarket]:
    """Yield each request of a JSON document, or of each line.

    A document is one request, a list of them, or ``{"requests": [...]}``; what is
    no single JSON document is read as one document a line.

    Raises ``UnreadableInputError`` when there is nothing to read.
    """
    if not content.strip():
        raise UnreadableInputError("the input is empty")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        yield from _split_lines(content)
    else:
        yield from _requests_in(document, place="request")


def _split_lines(content: bytes) -> Iterator[RequestDocument | SkippedMarket]:
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip():
            continue
        place = f"line {number}"
        try:
            document = json.loads(line)
        except (ValueError, RecursionError) as exc:
            yield SkippedMarket(place, f"no JSON: {exc}")
        else:
            yield from _requests_in(document, place=place)


def _requests_in(
    document: object, *, place: str
) -> Iterator[RequestDocument | SkippedMarket]:
    items: list[object] = [document]
    if isinstance(document, list):
        items = document
    elif isinstance(document, dict) and isinstance(document.get("requests"), list):
        items = document["requests"]
    for number, item in enumerate(items, start=1):
        where = place if len(items) == 1 else f"{place} {number}"
        if isinstance(item, dict):
            yield RequestDocument(where, item)
        else:
            yield SkippedMarket(where, "a request must be a JSON object")
