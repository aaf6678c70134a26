"""Contexts of every kind that a model can be shown, and the arrays they make."""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st
from tests.core.foundation.plain_features import Context

from tsfm_runner.core.arrays import FloatArray
from tsfm_runner.core.foundation.inputs import ModelInputs, model_inputs
from tsfm_runner.core.foundation.signature import FEATURES
from tsfm_runner.core.foundation.window import Window, open_window

WIDTH = 288
TICKS = (0.01, 0.005, 0.001, 0.0005, 0.0001)
CADENCES = (1, 5, 7, 15, 60, 120, 480, 1440)


def inputs_of(
    contexts: Sequence[Context],
    *,
    padding: float = np.nan,
    is_padding_observed: int = 1,
) -> ModelInputs:
    n_markets = len(contexts)
    is_observed = np.full((n_markets, WIDTH), bool(is_padding_observed))
    for row, context in zip(is_observed, contexts, strict=True):
        row[WIDTH - len(context.prices) :] = context.is_observed
    return model_inputs(
        aligned([context.prices for context in contexts], padding=padding),
        np.array([len(context.prices) for context in contexts]),
        is_observed,
        np.array([context.step_minutes for context in contexts]),
        np.array([context.steps_to_close for context in contexts]),
    )


def aligned(rows: Sequence[Sequence[float]], *, padding: float = np.nan) -> FloatArray:
    prices = np.full((len(rows), WIDTH), padding)
    for row, known in zip(prices, rows, strict=True):
        row[WIDTH - len(known) :] = known
    return prices


def window_of(*rows: Sequence[float]) -> Window:
    return open_window(aligned(rows), np.array([len(row) for row in rows]))


def column(inputs: ModelInputs, name: str) -> list[float]:
    values: list[float] = inputs.features[:, FEATURES.index(name)].tolist()
    return values


def seen(
    prices: Sequence[float],
    *,
    step_minutes: float = 5,
    steps_to_close: float = np.nan,
) -> Context:
    return Context(tuple(prices), (True,) * len(prices), step_minutes, steps_to_close)


def opposite(context: Context) -> Context:
    return Context(
        tuple(1 - price for price in context.prices),
        context.is_observed,
        context.step_minutes,
        context.steps_to_close,
    )


def market(rng: np.random.Generator, n_steps: int) -> Context:
    """Return a market that clusters, rests, has a tick, gaps and perhaps a close."""
    level = np.exp(rng.normal(-4, 1.5) + np.cumsum(rng.normal(0, 0.2, n_steps)))
    moves = rng.normal(size=n_steps) * level * (rng.random(n_steps) < rng.random())
    path = np.clip(rng.random() + np.cumsum(moves), 0, 1)
    tick = rng.choice(TICKS)
    prices = np.clip(np.rint(path / tick) * tick, 0, 1)
    is_observed = rng.random(n_steps) < rng.choice([1.0, 0.7])
    return Context(
        tuple(prices.tolist()),
        tuple(is_observed.tolist()),
        step_minutes=float(rng.choice(CADENCES)),
        steps_to_close=float(rng.choice([np.nan, -3, 0, 0.5, 40, 1e6])),
    )


LENGTHS = (1, 2, 3, 4, 5, 12, 13, 14, 47, 49, 100, 287, 288)


def markets(seed: int) -> list[Context]:
    rng = np.random.default_rng(seed)
    return [market(rng, n_steps) for n_steps in LENGTHS for _ in range(4)]


EXTREME_PRICES = st.one_of(
    st.floats(0, 1),
    st.sampled_from([0, 1, 5e-324, 1e-300, 0.5, np.nextafter(0.5, 1), 1 - 1e-16]),
)


@st.composite
def extreme_contexts(draw: st.DrawFn) -> Context:
    prices = draw(
        st.one_of(
            st.lists(EXTREME_PRICES, min_size=1, max_size=30),
            st.tuples(EXTREME_PRICES, st.integers(1, 288)).map(
                lambda drawn: [drawn[0]] * drawn[1]
            ),
            st.tuples(EXTREME_PRICES, EXTREME_PRICES, st.integers(1, 144)).map(
                lambda drawn: [drawn[0], drawn[1]] * drawn[2]
            ),
        )
    )
    return Context(
        tuple(map(float, prices)),
        (draw(st.booleans()),) * len(prices),
        step_minutes=draw(st.sampled_from([1, 5, 60, 1440])),
        steps_to_close=draw(st.sampled_from([np.nan, np.inf, -1, 0, 5e-324, 1e300])),
    )
