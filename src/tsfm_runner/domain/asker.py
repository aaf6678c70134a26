"""Who asks for a forecast: what request, and where in a trace."""

from collections.abc import Iterable
from typing import NamedTuple

# Several requests may share a call; most servers take headers of 8 KiB in all.
MAX_ID_CHARACTERS = 2_048


class Asker(NamedTuple):
    """The id of a request, and the place in its trace (W3C `traceparent`).

    Both are empty where there is none.
    """

    request_id: str = ""
    traceparent: str = ""


NOBODY = Asker()


def joined_ids(askers: Iterable[Asker]) -> str:
    """Return the ids of all requests between commas, each once, as many as fit."""
    ids = dict.fromkeys(asker.request_id for asker in askers if asker.request_id)
    joined = ""
    for request_id in ids:
        longer = f"{joined},{request_id}" if joined else request_id
        if len(longer) > MAX_ID_CHARACTERS:
            break
        joined = longer
    return joined
