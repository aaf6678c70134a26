"""The learned scale: by hand, as a derivative, and found again in made-up data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tsfm_runner.core.conformal.scale import (
    FEATURES,
    LEAST_SCALE,
    N_FEATURES,
    learned_scale,
    newton_step,
    recent_rms,
    reference_scale,
    scale_features,
    scale_gradient,
)

TAIL = 0.1
TYPICAL = 0.02

widths = st.floats(0, 0.5)


@given(half_width=st.floats(1e-3, 0.5), reference=st.floats(1e-3, 0.5))
def test_a_reference_scale_is_a_geometric_mean(
    half_width: float, reference: float
) -> None:
    [scale] = reference_scale(np.array([half_width]), np.array([reference]))

    expected = np.sqrt(max(half_width, 0.2 * reference) * reference)
    assert scale == pytest.approx(expected)


@given(half_width=widths, reference=widths)
def test_a_reference_scale_is_never_nothing(
    half_width: float, reference: float
) -> None:
    [scale] = reference_scale(np.array([half_width]), np.array([reference]))

    assert scale >= LEAST_SCALE * np.sqrt(0.2) * (1 - 1e-12)


@given(half_width=st.floats(0.01, 0.4), reference=st.floats(0.01, 0.1))
def test_a_reference_scale_grows_with_its_parts_in_proportion(
    half_width: float, reference: float
) -> None:
    one = reference_scale(np.array([half_width]), np.array([reference]))
    two = reference_scale(np.array([3 * half_width]), np.array([3 * reference]))

    assert two == pytest.approx(3 * one)


def test_recent_changes_count_most() -> None:
    early, late = np.full(60, 0.5), np.full(60, 0.5)
    early[5:], late[55:] = 0.6, 0.6

    rms = recent_rms(np.stack([early, late]))

    assert rms[1] > 3 * rms[0] > 0


def test_changes_of_one_size_have_that_size() -> None:
    row = np.where(np.arange(50) % 2, 0.5, 0.53)

    assert recent_rms(row[None]) == pytest.approx([0.03])


def test_weights_of_changes_halve_every_eleven_steps() -> None:
    row = np.full(200, 0.5)
    row[-12:] = 0.6  # one change, eleven steps before the last

    [rms] = recent_rms(row[None])

    weights = 0.5 ** (np.arange(199) / 11)
    assert rms**2 == pytest.approx(0.01 * weights[11] / weights.sum(), rel=1e-9)


def features(**fields: np.ndarray) -> np.ndarray:
    usual = {
        "price": np.array([0.5]),
        "mean_changes": np.array([[0.009, 0.019, 0.009]]),
        "rms": np.array([0.019]),
        "n_changes": np.array([np.exp(4.5) - 1]),
        "half_width": np.array([[0.04, 0.04]]),
        "reference": np.array([[0.02, 0.02]]),
    }
    return scale_features(**(usual | fields))


def test_features_can_be_worked_out_by_hand() -> None:
    told = dict(zip(FEATURES, features()[0, 0].tolist(), strict=True))

    assert told == {
        "one": 1,
        "band_to_reference": pytest.approx(np.log(2)),
        "last_6_to_24_changes": pytest.approx(-np.log(2)),
        "last_24_to_all_changes": pytest.approx(np.log(2)),
        "distance_from_0_and_1": pytest.approx(np.log(0.52) + 1),
        "age": pytest.approx(0),
        "recent_rms_to_reference": pytest.approx(np.log(0.02 / 0.021)),
    }


def test_a_reference_is_held_against_changes_of_one_step() -> None:
    two_steps = features(reference=np.array([[0.02, 0.02 * np.sqrt(2)]]))

    assert two_steps[0, 0, -1] == pytest.approx(two_steps[0, 1, -1])


def test_a_band_without_width_counts_as_a_fifth_of_the_reference() -> None:
    flat = features(half_width=np.zeros((1, 2)))

    assert flat[0, :, 1] == pytest.approx(np.log([0.2, 0.2]))


@given(
    price=st.floats(0, 1),
    change=st.floats(0, 0.5),
    n_changes=st.integers(0, 5_000),
    half_width=widths,
    reference=widths,
)
def test_features_are_finite_and_of_the_order_of_one(
    price: float, change: float, n_changes: int, half_width: float, reference: float
) -> None:
    told = features(
        price=np.array([price]),
        mean_changes=np.array([[change, 0.0, 0.01]]),
        rms=np.array([change]),
        n_changes=np.array([float(n_changes)]),
        half_width=np.full((1, 2), half_width),
        reference=np.full((1, 2), reference),
    )

    assert (np.abs(told) < 10).all()


@given(price=st.floats(0, 1))
def test_a_market_and_its_complement_have_the_same_features(price: float) -> None:
    one, other = (features(price=np.array([each])) for each in (price, 1 - price))

    assert one == pytest.approx(other, abs=1e-6)


def test_weights_of_nothing_leave_the_reference_as_it_is() -> None:
    base = np.array([[0.01, 0.03]])

    scale = learned_scale(base, features(), np.zeros((2, N_FEATURES)))

    assert np.array_equal(scale, base)


@given(
    weights=hnp.arrays(np.float64, (2, N_FEATURES), elements=st.floats(-9, 9)),
)
def test_a_correction_is_bounded(weights: np.ndarray) -> None:
    base = np.array([[0.01, 0.03]])

    factor = learned_scale(base, features(), weights) / base

    assert (factor >= np.exp(-1.5) - 1e-12).all()
    assert (factor <= np.exp(1.5) + 1e-12).all()


def test_a_correction_is_a_power_of_each_feature() -> None:
    weights = np.zeros((2, N_FEATURES))
    weights[0, 1] = 0.5  # times sqrt(band / reference)
    weights[1, 0] = -1.0

    scale = learned_scale(np.array([[0.01, 0.01]]), features(), weights)

    assert scale[0] == pytest.approx([0.01 * np.sqrt(2), 0.01 / np.e])


def pinball(distance: np.ndarray, scale: np.ndarray) -> float:
    """Return the pinball loss of scales as quantiles that leave the tail beyond."""
    beyond = distance - scale
    loss = np.where(beyond > 0, (1 - TAIL) * beyond, -TAIL * beyond)
    return float(loss.sum())


def test_the_gradient_is_the_slope_of_the_pinball_loss_in_the_log_of_the_scale() -> (
    None
):
    rng = np.random.default_rng(20260311)
    told = rng.normal(size=(200, N_FEATURES))
    base = rng.uniform(0.005, 0.1, 200)
    distance = base * np.abs(rng.normal(size=200))

    (gradient,), _ = scale_gradient(
        told, distance / base, base, starts=np.array([0]), tail=TAIL
    )

    for place in range(N_FEATURES):
        moved = np.zeros(N_FEATURES)
        moved[place] = 1e-7
        up, down = (
            pinball(distance, base * np.exp(told @ (sign * moved))) for sign in (1, -1)
        )
        slope = (up - down) / 2e-7
        assert gradient[place] == pytest.approx(-slope / TYPICAL, rel=1e-5, abs=1e-5)


def test_each_cell_has_the_gradient_and_curvature_of_its_own_outcomes() -> None:
    rng = np.random.default_rng(20260312)
    told = rng.normal(size=(50, N_FEATURES))
    sizes, base = rng.exponential(size=50), rng.uniform(0.01, 0.1, 50)
    alone = np.array([0])

    whole = scale_gradient(told, sizes, base, starts=np.array([0, 20]), tail=TAIL)
    parts = [
        scale_gradient(told[rows], sizes[rows], base[rows], starts=alone, tail=TAIL)
        for rows in (slice(0, 20), slice(20, None))
    ]

    for both, first, second in zip(whole, *parts, strict=True):
        assert both == pytest.approx(np.concatenate((first, second)))


def test_gradients_and_curvatures_add_up() -> None:
    rng = np.random.default_rng(20260312)
    told = rng.normal(size=(50, N_FEATURES))
    sizes, base = rng.exponential(size=50), rng.uniform(0.01, 0.1, 50)

    one = scale_gradient(told, sizes, base, starts=np.array([0]), tail=TAIL)
    two = scale_gradient(told, sizes, base, starts=np.array([0, 20]), tail=TAIL)

    for whole, parts in zip(one, two, strict=True):
        assert whole[0] == pytest.approx(parts[0] + parts[1])


def test_a_curvature_is_symmetric_and_never_negative() -> None:
    rng = np.random.default_rng(20260313)
    told, base = rng.normal(size=(30, N_FEATURES)), rng.uniform(0.01, 0.1, 30)

    _, (curvature,) = scale_gradient(
        told, np.ones(30), base, starts=np.array([0]), tail=TAIL
    )

    assert curvature == pytest.approx(curvature.T)
    assert np.linalg.eigvalsh(curvature).min() >= -1e-9


def test_a_newton_step_can_be_worked_out_by_hand() -> None:
    precision = np.array([[[3.0, 0.0], [0.0, 1.0]]])

    step = newton_step(precision, np.array([[8.0, 6.0]]), ridge=1)

    assert step == pytest.approx(np.array([[2.0, 3.0]]))


def test_the_wish_to_change_nothing_keeps_steps_small() -> None:
    precision, gradient = np.zeros((1, 2, 2)), np.ones((1, 2))

    firm, soft = (newton_step(precision, gradient, ridge=r) for r in (1e6, 1e2))

    assert firm == pytest.approx(np.full((1, 2), 1e-6))
    assert soft == pytest.approx(np.full((1, 2), 1e-2))


def test_steps_find_the_exponents_that_the_data_were_made_with() -> None:
    rng = np.random.default_rng(20260314)
    truth = np.array([0.3, 0.5, -0.4, 0.2, 0.25, -0.15, 0.35])
    weights, precision = np.zeros((1, N_FEATURES)), np.zeros((1, 7, 7))

    for _ in range(1_500):
        told = rng.normal(scale=0.6, size=(40, N_FEATURES))
        told[:, 0] = 1
        base = rng.uniform(0.01, 0.03, 40)
        # Distances whose 0.9 quantile is the base times e ** (told . truth).
        distance = base * np.exp(told @ truth) * rng.exponential(size=40) / np.log(10)
        scale = base * np.exp(told @ weights[0])
        gradient, curvature = scale_gradient(
            told, distance / scale, base, starts=np.array([0]), tail=TAIL
        )
        precision = precision + curvature
        weights = weights + newton_step(precision, gradient, ridge=100)

    assert weights[0] == pytest.approx(truth, abs=0.08)
