"""Where a price is, and where beside its past, by hand."""

import math

import pytest
from tests.core.foundation.seen import window_of

from tsfm_runner.core.foundation.position import position_features


def test_an_even_price_is_nought_on_every_signed_measure() -> None:
    features = position_features(window_of([0.5] * 60))

    for name in ("logit_price", "price", "above_mean", "change_12", "cent_distance"):
        assert features[name] == pytest.approx(0)


def test_prices_at_the_edge_are_told_as_just_inside() -> None:
    features = position_features(window_of([0.0], [0.0004], [1.0]))

    edge = math.log(0.0005 / 0.9995) / 3
    assert features["logit_price"] == pytest.approx([edge, edge, -edge])
    assert features["log_edge_distance"] == pytest.approx(math.log(0.0005) / 2 + 1)


def test_a_price_is_told_beside_the_mean_of_what_is_known() -> None:
    window = window_of([0.3, 0.5], [0.3] * 48 + [0.5] * 12)

    features = position_features(window)

    short, long = window.scale
    for name in ("above_mean_12", "above_mean_48", "above_mean"):
        assert features[name][0] == pytest.approx(math.asinh(0.1 / short))
    assert features["above_mean_12"][1] == pytest.approx(0)
    assert features["above_mean_48"][1] == pytest.approx(math.asinh(0.15 / long))
    assert features["above_mean"][1] == pytest.approx(math.asinh(0.16 / long))


def test_ranges_reach_as_far_back_as_they_say() -> None:
    prices = [0.9] + [0.2] * 20 + [0.6] * 40 + [0.4] * 6 + [0.5]
    window = window_of(prices)

    features = position_features(window)

    [scale] = window.scale
    assert features["range_12"] == pytest.approx(math.asinh(0.2 / scale) / 2)
    assert features["range_48"] == pytest.approx(math.asinh(0.4 / scale) / 2)
    assert features["range"] == pytest.approx(math.asinh(0.7 / scale) / 3)
    assert features["below_high_48"] == pytest.approx(math.asinh(0.1 / scale) / 2)
    assert features["above_low_48"] == pytest.approx(math.asinh(0.3 / scale) / 2)


def test_changes_are_taken_from_the_first_price_where_the_context_is_shorter() -> None:
    window = window_of([0.3] + [0.4] * 12, [0.2, 0.3] + [0.4] * 11 + [0.5])

    features = position_features(window)

    assert features["change_12"] == pytest.approx(
        [math.asinh(0.1 / window.scale[0]), math.asinh(0.2 / window.scale[1])]
    )
    assert features["change_48"] == pytest.approx(
        [math.asinh(0.1 / window.scale[0]), math.asinh(0.3 / window.scale[1])]
    )


@pytest.mark.parametrize(
    ("prices", "cents", "half_cents", "tenths"),
    [
        ([0.07, 0.29, 0.57, 0.58], 1, 1, 1),  # 100 times these is no whole number
        ([0.5, 0.505], 0.5, 1, 1),
        ([0.5, 0.505, 0.511, 0.512], 0.25, 0.5, 1),
        ([0.5005], 0, 0, 0),
        ([0.50003, 0.50004], 0.5, 0.5, 0.5),  # a 300th of a cent is near enough
    ],
)
def test_shares_count_the_prices_on_each_grid(
    prices: list[float], cents: float, half_cents: float, tenths: float
) -> None:
    features = position_features(window_of(prices))

    assert features["cent_share"] == pytest.approx(cents)
    assert features["half_cent_share"] == pytest.approx(half_cents)
    assert features["tenth_cent_share"] == pytest.approx(tenths)


def test_half_a_cent_is_as_far_as_a_price_can_be_from_one() -> None:
    features = position_features(window_of([0.505], [0.5025], [0.4975]))

    assert features["cent_distance"] == pytest.approx([1, 0.5, 0.5])
