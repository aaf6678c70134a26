"""What a model is shown: against plain loops, mirrored, padded, one by one."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.foundation.plain_features import (
    Context,
    plain_channels,
    plain_features,
)
from tests.core.foundation.seen import (
    WIDTH,
    aligned,
    column,
    extreme_contexts,
    inputs_of,
    market,
    markets,
    opposite,
    seen,
)

from tsfm_runner.core.foundation.inputs import ModelInputs, mirrored, model_inputs
from tsfm_runner.core.foundation.signature import FEATURES, N_CHANNELS, N_FEATURES

SEED = 20260401
SEEN_ALIKE = ("features", "channels", "last", "scale")


def assert_alike(one: ModelInputs, other: ModelInputs, *, tolerance: float) -> None:
    for name in SEEN_ALIKE:
        np.testing.assert_allclose(
            getattr(one, name), getattr(other, name), rtol=0, atol=tolerance
        )


def rows(inputs: ModelInputs, which: slice) -> ModelInputs:
    features, channels, last, scale = inputs
    return ModelInputs(features[which], channels[which], last[which], scale[which])


def assert_plain(contexts: Sequence[Context]) -> None:
    inputs = inputs_of(contexts)
    for number, context in enumerate(contexts):
        told = dict(zip(FEATURES, inputs.features[number].tolist(), strict=True))
        assert told == pytest.approx(plain_features(context), abs=2e-6)
        channels = np.array(plain_channels(context))
        np.testing.assert_allclose(inputs.channels[number], channels, atol=2e-6)
        assert inputs.last[number] == context.last
        assert inputs.scale[number] == pytest.approx(context.scale, rel=1e-12)


def test_every_number_is_what_a_plain_loop_finds() -> None:
    assert_plain(markets(SEED))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), n_steps=st.integers(1, WIDTH))
def test_any_market_is_what_a_plain_loop_finds(seed: int, n_steps: int) -> None:
    assert_plain([market(np.random.default_rng(seed), n_steps)])


def test_inputs_have_the_shapes_and_types_of_the_signature() -> None:
    inputs = inputs_of([seen([0.5]), seen([0.2, 0.3])])

    assert inputs.features.shape == (2, N_FEATURES)
    assert inputs.channels.shape == (2, N_CHANNELS, WIDTH)
    assert inputs.features.dtype == inputs.channels.dtype == np.float32
    assert inputs.last.dtype == inputs.scale.dtype == np.float64


@settings(max_examples=60, deadline=None)
@given(contexts=st.lists(extreme_contexts(), min_size=1, max_size=4))
def test_every_context_is_told_in_small_finite_numbers(contexts: list[Context]) -> None:
    inputs = inputs_of(contexts)

    assert (np.abs(inputs.features) <= 6).all()  # False for NaN
    assert (np.abs(inputs.channels) <= 6.5).all()
    assert np.isfinite(inputs.scale).all()
    assert (inputs.scale > 0).all()


def test_a_context_that_never_moves_is_told_as_at_rest() -> None:
    inputs = inputs_of([seen([0.3] * 288)])

    for name in ("moving_share", "last_move", "range", "change_48", "largest_move"):
        assert column(inputs, name) == [0]
    assert not inputs.channels[0, :2].any()
    assert (inputs.channels[0, 2] == 1).all()


def test_gaps_are_known_from_padding_and_from_prices() -> None:
    context = Context((0.4, 0.4, 0.5), (True, False, True), 5, np.nan)

    [channels] = inputs_of([context]).channels

    assert channels[2, -5:].tolist() == [-1, -1, 1, 0, 1]


@pytest.mark.parametrize("padding", [np.nan, np.inf, 0.0, 0.7])
def test_what_padding_holds_is_not_seen(padding: float) -> None:
    contexts = markets(SEED + 1)

    inputs = inputs_of(contexts, padding=padding, is_padding_observed=0)

    assert_alike(inputs, inputs_of(contexts), tolerance=0)


def test_a_longer_past_is_not_seen_beyond_the_length() -> None:
    long = seen(np.random.default_rng(SEED).random(WIDTH).tolist())
    arguments = (np.ones((1, WIDTH), bool), np.array([5.0]), np.array([np.nan]))

    cut = model_inputs(aligned([long.prices]), np.array([30]), *arguments)

    assert_alike(cut, inputs_of([seen(long.prices[-30:])]), tolerance=0)


def test_a_market_is_told_alike_alone_and_among_others() -> None:
    contexts = markets(SEED + 2)

    together = inputs_of(contexts)

    for number, context in enumerate(contexts):
        among_others = rows(together, slice(number, number + 1))
        assert_alike(inputs_of([context]), among_others, tolerance=0)


def test_order_of_markets_makes_no_difference() -> None:
    contexts = markets(SEED + 3)

    backwards = inputs_of(contexts[::-1])

    forwards = rows(backwards, slice(None, None, -1))
    assert_alike(forwards, inputs_of(contexts), tolerance=0)


def test_moves_twice_as_large_are_told_alike_but_for_their_scale() -> None:
    walk = np.cumsum(np.random.default_rng(SEED).normal(0, 0.004, WIDTH))
    walk -= walk[-1]

    inputs = inputs_of([seen((0.5 + walk).tolist()), seen((0.5 + 2 * walk).tolist())])

    differs = np.abs(inputs.features[0] - inputs.features[1]) > 0.1
    assert {FEATURES[number] for number in differs.nonzero()[0]} == {
        "log_scale",
        "log_logit_scale",
    }
    np.testing.assert_allclose(inputs.channels[0], inputs.channels[1], atol=0.01)


def test_the_mirror_is_what_the_opposite_outcome_is_told() -> None:
    contexts = markets(SEED + 4)

    opposites = inputs_of([opposite(context) for context in contexts])

    assert_alike(mirrored(inputs_of(contexts)), opposites, tolerance=1e-6)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), n_steps=st.integers(1, WIDTH))
def test_any_mirror_is_what_the_opposite_outcome_is_told(
    seed: int, n_steps: int
) -> None:
    context = market(np.random.default_rng(seed), n_steps)

    assert_alike(
        mirrored(inputs_of([context])), inputs_of([opposite(context)]), tolerance=1e-6
    )


def test_a_mirror_of_a_mirror_is_what_it_was() -> None:
    inputs = inputs_of(markets(SEED + 5))

    assert_alike(mirrored(mirrored(inputs)), inputs, tolerance=1e-15)


def test_a_mirror_leaves_what_it_shows_as_it_was() -> None:
    inputs = inputs_of([seen([0.2, 0.4])])
    before = inputs.channels.copy()

    mirrored(inputs)

    assert (inputs.channels == before).all()


@pytest.mark.parametrize(
    ("width", "length", "price", "told"),
    [
        (287, 1, 0.5, "288 steps wide"),
        (288, 0, 0.5, "lengths"),
        (288, 289, 0.5, "lengths"),
        (288, 9, np.nan, "finite"),
        (288, 1, np.inf, "finite"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_contexts_that_cannot_be_shown_are_refused(
    width: int, length: int, price: float, told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        model_inputs(
            np.full((1, width), price),
            np.array([length]),
            np.ones((1, width), dtype=bool),
            np.array([5.0]),
            np.array([np.nan]),
        )
