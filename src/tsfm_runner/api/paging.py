"""Where a page goes on: a number, in a form that nobody takes for one."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

_MAX_PLACE = 2**63 - 1


def cursor_of(place: int) -> str:
    """Return the text that stands for a place."""
    return urlsafe_b64encode(b"%d" % place).rstrip(b"=").decode()


def place_of(cursor: str) -> int:
    """Return the place that a text stands for; raise ``ValueError`` for any other."""
    try:
        digits = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        place = int(digits)
    except ValueError:
        place = -1
    if not 0 <= place <= _MAX_PLACE or cursor_of(place) != cursor:
        raise ValueError("must be the next_cursor of the page before")
    return place
