"""Where a page goes on: numbers, in a form that nobody takes for any."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

_MAX_PLACE = 2**63 - 1


def cursor_of(*places: int) -> str:
    """Return the text that stands for a place, or for several together."""
    digits = b".".join(b"%d" % place for place in places)
    return urlsafe_b64encode(digits).rstrip(b"=").decode()


def place_of(cursor: str) -> int:
    """Return the place that a text stands for; raise ``ValueError`` for any other."""
    return places_of(cursor, 1)[0]


def places_of(cursor: str, n_places: int) -> tuple[int, ...]:
    """Return the places that a text stands for; raise ``ValueError`` for any other."""
    try:
        digits = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        places = tuple(map(int, digits.split(b".")))
    except ValueError:
        places = ()
    is_possible = all(0 <= place <= _MAX_PLACE for place in places)
    if len(places) != n_places or not is_possible or cursor_of(*places) != cursor:
        raise ValueError("must be the next_cursor of the page before")
    return places
