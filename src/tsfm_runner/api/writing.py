"""Answers in their written form: bytes that do not change, and how it was served."""

from typing import NamedTuple

import msgspec

from tsfm_runner.api.answers import answer_to_wire
from tsfm_runner.domain.forecast import ServedForecast

_encode = msgspec.json.Encoder().encode
_END = b"}}"  # of `meta`, the last member, and of the answer


class Written(NamedTuple):
    """An answer and its bytes, up to what tells how it is served this time."""

    served: ServedForecast
    head: bytes


def write(served: ServedForecast) -> Written:
    """Write an answer out, ready to be completed with `whole` any number of times."""
    return Written(served, _encode(answer_to_wire(served)).removesuffix(_END))


def whole(head: bytes, served: ServedForecast) -> bytes:
    """Return the bytes of an answer that is served in this way this time."""
    use = served.cache
    if use is None:
        told = b',"cache_hit":false,"cache_stale":false,"cache_age_s":null'
    else:
        stale = b"true" if use.is_stale else b"false"
        told = b',"cache_hit":true,"cache_stale":%b,"cache_age_s":%.3f' % (
            stale,
            use.age_s,
        )
    return b'%b%b,"latency_ms":%.3f}}' % (head, told, served.latency_ms)
