"""From what a model answers to quantiles of prices: by hand, mirrored, in order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.foundation.seen import inputs_of, markets, seen

from tsfm_runner.core.foundation.inputs import ModelInputs, mirrored
from tsfm_runner.core.foundation.outputs import price_quantiles
from tsfm_runner.core.foundation.signature import ANCHOR_STEPS, NATIVE_LEVELS

SEED = 20260402


def inputs_at(*last: float, scale: float = 0.01) -> ModelInputs:
    inputs = inputs_of([seen([price]) for price in last])
    return inputs._replace(scale=np.full(len(last), scale))


def answers(seed: int, n_markets: int, *, spread: float = 1.5) -> np.ndarray:
    shape = (n_markets, len(ANCHOR_STEPS), len(NATIVE_LEVELS))
    draws = np.random.default_rng(seed).normal(0.1, spread, shape)
    return np.sort(draws, axis=-1).astype(np.float32)


def answer(*rows: list[float]) -> np.ndarray:
    return np.array([rows], dtype=np.float32)


def test_a_change_is_so_many_scales_for_each_root_of_time() -> None:
    offsets = answer([-1, 0, 2], [-1.5, 0.5, 3])
    opposite = answer([-2, 0, 1], [-3, -0.5, 1.5])

    values = price_quantiles(offsets, opposite, inputs_at(0.5), steps=(1, 4), horizon=4)

    assert values[0, 0] == pytest.approx(np.array([0.49, 0.5, 0.52]))
    assert values[0, 3] == pytest.approx(np.array([0.47, 0.51, 0.56]))


def test_a_market_and_its_opposite_are_averaged() -> None:
    offsets, opposite = answer([-1, 0, 1]), answer([-3, 1, 2])

    values = price_quantiles(offsets, opposite, inputs_at(0.5), steps=(1,), horizon=1)

    assert values[0, 0] == pytest.approx(np.array([0.485, 0.495, 0.52]))


def test_between_answers_changes_are_linear_in_the_root_of_time() -> None:
    offsets = answers(SEED, 3)
    inputs = inputs_at(0.5, 0.4, 0.6, scale=0.001)

    values = price_quantiles(
        offsets, -offsets[..., ::-1], inputs, steps=ANCHOR_STEPS, horizon=288
    )

    roots = np.sqrt(ANCHOR_STEPS)
    wanted = np.sqrt(np.arange(1, 289))
    for market in range(3):
        for level in range(len(NATIVE_LEVELS)):
            reach = offsets[market, :, level].astype(float) * roots * 0.001
            expected = inputs.last[market] + np.interp(wanted, roots, reach)
            np.testing.assert_allclose(values[market, :, level], expected, atol=1e-12)


def test_beyond_the_last_answer_changes_grow_with_the_root_of_time() -> None:
    offsets = answer([-1, 0, 1], [-2, 0, 2])

    values = price_quantiles(offsets, offsets, inputs_at(0.5), steps=(1, 4), horizon=16)

    assert values[0, 8] == pytest.approx(np.array([0.44, 0.5, 0.56]))
    assert values[0, 15] == pytest.approx(np.array([0.42, 0.5, 0.58]))


def test_a_shorter_horizon_is_the_beginning_of_a_longer_one() -> None:
    offsets, opposite = answers(SEED, 4), answers(SEED + 1, 4)
    inputs = inputs_at(0.1, 0.3, 0.5, 0.9)

    short, long = (
        price_quantiles(offsets, opposite, inputs, steps=ANCHOR_STEPS, horizon=horizon)
        for horizon in (20, 288)
    )

    assert (long[:, :20] == short).all()


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    horizon=st.sampled_from([1, 12, 100, 288]),
    spread=st.sampled_from([0.01, 1.5, 400.0]),
)
def test_values_are_prices_in_order(seed: int, horizon: int, spread: float) -> None:
    inputs = inputs_of(markets(seed)[::5])
    offsets = answers(seed, inputs.last.size, spread=spread)
    opposite = answers(seed + 1, inputs.last.size, spread=spread)

    values = price_quantiles(
        offsets, opposite, inputs, steps=ANCHOR_STEPS, horizon=horizon
    )

    assert values.shape == (inputs.last.size, horizon, len(NATIVE_LEVELS))
    assert ((values >= 0) & (values <= 1)).all()
    assert (np.diff(values, axis=-1) >= 0).all()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_opposite_outcome_has_the_same_band_mirrored(seed: int) -> None:
    inputs = inputs_of(markets(seed)[::5])
    offsets = answers(seed, inputs.last.size)
    opposite = answers(seed + 1, inputs.last.size)

    values = price_quantiles(offsets, opposite, inputs, steps=ANCHOR_STEPS, horizon=40)

    flipped = price_quantiles(
        opposite, offsets, mirrored(inputs), steps=ANCHOR_STEPS, horizon=40
    )
    np.testing.assert_allclose(values, 1 - flipped[..., ::-1], rtol=0, atol=1e-12)


def test_a_market_that_never_moved_has_a_band() -> None:
    inputs = inputs_of([seen([0.5] * 288), seen([0.0] * 288), seen([1.0])])
    offsets = np.repeat(answer([-1, 0, 1]), 3, axis=0)

    values = price_quantiles(offsets, offsets, inputs, steps=(1,), horizon=1)

    assert (values[:, 0, 2] - values[:, 0, 0] > 1e-4).all()


def test_what_the_model_answered_is_left_as_it_was() -> None:
    offsets, opposite = answers(SEED, 1), answers(SEED + 1, 1)
    before = offsets.copy(), opposite.copy()

    price_quantiles(offsets, opposite, inputs_at(0.5), steps=ANCHOR_STEPS, horizon=3)

    assert (offsets == before[0]).all()
    assert (opposite == before[1]).all()
