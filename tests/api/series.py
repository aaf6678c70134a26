"""Strategies for series as callers send them, the awkward ones above all."""

from typing import Any

from hypothesis import strategies as st

from tsfm_runner.config import BaselineMethod, Space

Point = float | int | None

METHODS: tuple[BaselineMethod, ...] = ("ewma", "kalman", "rolling_quantile", "har")
SPACES: tuple[Space, ...] = ("logit", "identity")

_any_price = st.floats(0, 1)
_cents = st.integers(0, 100).map(lambda cents: cents / 100)


def _walk(steps: list[int]) -> list[Point]:
    cents, walked = 50, []
    for step in steps:
        cents = min(100, max(0, cents + step))
        walked.append(cents / 100)
    return [*walked]


def _with_hole(series: list[Point], start: int, length: int) -> list[Point]:
    start = min(start, len(series) - 1)
    return [*series[:start], *[None] * length, *series[start:]]


_full = st.one_of(
    st.lists(_any_price, min_size=2, max_size=80),
    st.lists(_cents, min_size=2, max_size=80),
    st.lists(st.sampled_from([0, 1]), min_size=2, max_size=60),
    st.tuples(_any_price, st.integers(2, 60)).map(lambda pair: [pair[0]] * pair[1]),
    st.sampled_from([[0, 0], [1, 1], [0, 1], [1, 0], [0.5, 0.5], [5e-324, 1]]),
    st.lists(st.integers(-3, 3), min_size=2, max_size=300).map(_walk),
    st.lists(st.sampled_from([0, 0, 0, 30, -30]), min_size=30, max_size=60).map(_walk),
)
_with_nulls = st.lists(st.one_of(_any_price, st.none()), min_size=2, max_size=80)
_with_gap = st.builds(_with_hole, _full, st.integers(0, 80), st.integers(1, 40))

series: st.SearchStrategy[list[Any]] = st.one_of(_full, _with_nulls, _with_gap).filter(
    lambda points: any(point is not None for point in points)
)
levels: st.SearchStrategy[list[float]] = st.one_of(
    st.just([0.1, 0.5, 0.9]),
    st.lists(st.floats(0.001, 0.999), min_size=1, max_size=8, unique=True),
)
