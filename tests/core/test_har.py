"""HAR bands: worked values, invariances, and an independent loop per market."""

import json
import math
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.contexts import LEVELS, assert_is_band, contexts, known

from tsfm_runner.core.har import HarTable, har_features, har_quantiles, har_scale
from tsfm_runner.testing.markets import GENERATOR_VERSION

HORIZON = 6

TOY: dict[str, Any] = {
    "steps": [1, 4, 16],
    "windows": [2, 5],
    "coefficients": [
        [0.7, 0.1, 0.01, 0.0, 0.001],
        [1.0, 0.3, 0.02, 0.01, 0.0],
        [0.5, 0.9, 0.03, 0.01, 0.0],
    ],
    "prior": [0.05, 0.01, 0.0],
    "prior_weight": 3,
    "levels": [0.05, 0.2, 0.5, 0.8, 0.95],
    "offsets": [
        [-2.0, -1.0, 0.0, 1.0, 2.0],
        [-2.5, -0.5, 0.0, 0.5, 2.5],
        [-2.0, -1.0, 0.0, 1.0, 2.0],
    ],
    "floor": 0.00025,
}


@pytest.fixture(scope="module")
def table() -> HarTable:
    return HarTable.from_mapping(TOY)


@pytest.fixture(scope="module")
def shipped() -> HarTable:
    return HarTable.from_mapping(_shipped_document())


def _shipped_document() -> dict[str, Any]:
    text = files("tsfm_runner").joinpath("data/har.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def _loop_scale(row: np.ndarray, step: int) -> float:
    """Follow the definition one number at a time, with no array arithmetic."""
    last = [value for value in row.tolist() if not math.isnan(value)][-1]
    terms = [last * (1 - last), math.sqrt(last * (1 - last)), 1.0]
    expected = sum(w * t for w, t in zip(TOY["prior"], terms, strict=True))
    means = []
    for window in TOY["windows"]:
        moved = [
            abs(new - old)
            for old, new in zip(row[:-1].tolist(), row[1:].tolist(), strict=True)
        ][-window:]
        moved = [size for size in moved if not math.isnan(size)]
        filled = min(TOY["prior_weight"], window - len(moved))
        means.append((sum(moved) + filled * expected) / (len(moved) + filled))
    sizes = [
        sum(w * t for w, t in zip(weights, [*means, *terms], strict=True))
        for weights in TOY["coefficients"]
    ]
    return max(_between(step, TOY["steps"], sizes), float(TOY["floor"]))


def _between(step: int, knots: list[int], values: list[float]) -> float:
    for left in range(len(knots) - 1):
        if knots[left] <= step <= knots[left + 1]:
            share = math.log(step / knots[left]) / math.log(
                knots[left + 1] / knots[left]
            )
            return (1 - share) * values[left] + share * values[left + 1]
    raise AssertionError(step)


def _loop_band(row: np.ndarray, level: float) -> list[float]:
    knots = TOY["levels"]
    position = next(i for i, knot in enumerate(knots) if i and knot >= level)
    below = position - 1
    share = (level - knots[below]) / (knots[position] - knots[below])
    last = known(row)[-1]
    reach, band = 0.0, []
    for step in range(1, HORIZON + 1):
        columns = [
            (1 - share) * offsets[below] + share * offsets[position]
            for offsets in TOY["offsets"]
        ]
        offset = _between(step, TOY["steps"], columns)
        reach = max(reach, abs(offset) * _loop_scale(row, step))
        band.append(last + math.copysign(reach, level - 0.5) * (level != 0.5))
    return band


def test_a_band_can_be_worked_out_by_hand() -> None:
    table = HarTable.from_mapping(
        {
            "steps": [1, 4],
            "windows": [2],
            "coefficients": [[1, 0.08, 0, 0], [2, 0.16, 0, 0]],
            "prior": [0, 0, 0],
            "prior_weight": 1,
            "levels": [0.1, 0.5, 0.9],
            "offsets": [[-1, 0, 2], [-1, 0, 4]],
            "floor": 0.001,
        }
    )
    context = np.array([[0.50, 0.53, 0.50]])  # mean change 0.03, p(1 - p) = 0.25

    band = har_quantiles(
        context, horizon=4, quantile_levels=(0.1, 0.5, 0.7, 0.9), table=table
    )

    # Scales 0.05 and 0.10 at steps 1 and 4; half way in the logarithm at step 2.
    assert band[0, 0] == pytest.approx([0.45, 0.50, 0.55, 0.60])
    assert band[0, 1] == pytest.approx([0.425, 0.50, 0.6125, 0.725])
    assert band[0, 3] == pytest.approx([0.40, 0.50, 0.70, 0.90])


def test_a_window_that_is_not_full_is_filled_from_the_prior() -> None:
    context = np.array([[np.nan, 0.4, 0.5]])

    features = har_features(
        context,
        windows=np.array([1, 3]),
        prior=np.array([0.0, 0.08, 0.0]),
        prior_weight=1.0,
    )

    # The price 0.5 lets us expect 0.04: one known 0.1 and one of those.
    assert features[0] == pytest.approx([0.1, 0.07, 0.25, 0.5, 1.0])


@given(context=contexts())
@settings(deadline=None)
def test_every_market_agrees_with_a_plain_loop(
    context: np.ndarray, table: HarTable
) -> None:
    levels = (0.05, 0.1, 0.5, 0.65, 0.95)

    band = har_quantiles(context, horizon=HORIZON, quantile_levels=levels, table=table)

    for market, row in enumerate(context):
        for place, level in enumerate(levels):
            expected = _loop_band(row, level)
            assert band[market, :, place] == pytest.approx(expected, abs=1e-12)


@given(context=contexts())
@settings(deadline=None)
def test_any_context_gives_a_band(context: np.ndarray, shipped: HarTable) -> None:
    band = har_quantiles(context, horizon=24, quantile_levels=LEVELS, table=shipped)

    assert_is_band(band)
    last = np.array([known(row)[-1] for row in context])
    assert (band[:, :, LEVELS.index(0.5)] == last[:, None]).all()


@given(context=contexts())
@settings(deadline=None)
def test_a_market_stands_alone_in_its_batch(
    context: np.ndarray, shipped: HarTable
) -> None:
    together = har_quantiles(context, horizon=3, quantile_levels=LEVELS, table=shipped)

    for market, row in enumerate(context):
        trimmed = known(row)[None]
        alone = har_quantiles(trimmed, horizon=3, quantile_levels=LEVELS, table=shipped)
        np.testing.assert_allclose(together[market], alone[0], atol=1e-12)


@given(context=contexts())
@settings(deadline=None)
def test_the_mirrored_market_has_the_mirrored_band(
    context: np.ndarray, shipped: HarTable
) -> None:
    band = har_quantiles(context, horizon=12, quantile_levels=LEVELS, table=shipped)

    mirrored = har_quantiles(
        1 - context, horizon=12, quantile_levels=LEVELS, table=shipped
    )

    np.testing.assert_allclose(mirrored, 1 - band[..., ::-1], atol=1e-9)


@given(context=contexts(), factor=st.floats(1, 50))
@settings(deadline=None)
def test_scaling_the_coefficients_scales_the_expected_change(
    context: np.ndarray, factor: float
) -> None:
    bare = {**TOY, "floor": 1e-12}
    larger = {**bare, "coefficients": factor * np.array(TOY["coefficients"])}
    steps = [1, 3, 16]

    scale = har_scale(context, steps=steps, table=HarTable.from_mapping(bare))

    scaled = har_scale(context, steps=steps, table=HarTable.from_mapping(larger))
    np.testing.assert_allclose(scaled, factor * scale, rtol=1e-9, atol=1e-10)


def test_a_livelier_past_widens_the_band(shipped: HarTable) -> None:
    steps = np.arange(60)
    calm, lively = 0.5 + 0.001 * (steps % 2), 0.5 + 0.02 * (steps % 2)
    context = np.stack((calm, lively))
    context[:, -1] = 0.5

    scale = har_scale(context, steps=[1, 12], table=shipped)

    assert (scale[1] > 2 * scale[0]).all()


@pytest.mark.parametrize("price", [0.0, 1.0])
def test_a_dead_market_keeps_the_floor(price: float, shipped: HarTable) -> None:
    scale = har_scale(np.full((1, 400), price), steps=[1, 288], table=shipped)

    assert (scale == shipped.floor).all()


def test_one_price_alone_still_has_a_width(shipped: HarTable) -> None:
    band = har_quantiles(
        np.array([[0.3]]), horizon=1, quantile_levels=(0.1, 0.9), table=shipped
    )

    assert band[0, 0, 0] < 0.3 < band[0, 0, 1]


def test_a_missing_tail_leaves_the_last_known_price(shipped: HarTable) -> None:
    context = np.array([[0.3, 0.4, np.nan, np.nan]])

    band = har_quantiles(context, horizon=2, quantile_levels=(0.5,), table=shipped)

    assert band.tolist() == [[[0.4], [0.4]]]


def test_a_market_without_a_price_is_refused(table: HarTable) -> None:
    with pytest.raises(ValueError, match="a value that is known"):
        har_scale(np.array([[0.5], [np.nan]]), steps=[1], table=table)


@pytest.mark.parametrize("level", [0.04, 0.96])
def test_levels_outside_the_table_are_refused(level: float, table: HarTable) -> None:
    with pytest.raises(ValueError, match="levels must lie in"):
        har_quantiles(
            np.array([[0.5]]), horizon=1, quantile_levels=(level,), table=table
        )


@pytest.mark.parametrize("step", [0, 17])
def test_steps_outside_the_table_are_refused(step: int, table: HarTable) -> None:
    with pytest.raises(ValueError, match="steps must lie in"):
        har_scale(np.array([[0.5]]), steps=[step], table=table)


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("steps", [2, 4, 16], "steps must start at 1"),
        ("windows", [5, 2], "windows must be positive and ascend"),
        ("windows", [], "windows must have shape"),
        ("coefficients", [[1.0]], "coefficients must have shape"),
        ("coefficients", [[-1, 0, 0, 0, 0]] * 3, "must be finite and not negative"),
        ("prior", [0, 0, -1], "prior must be finite and not negative"),
        ("prior_weight", 0, "prior_weight must be at least 1"),
        ("levels", [0.05, 0.2, 0.6, 0.8, 0.95], "name 0.5"),
        ("offsets", [[-2, -1, 0.1, 1, 2]] * 3, "be 0 at level 0.5"),
        ("offsets", [[-2, 1, 0, 1, 2]] * 3, "offsets must be finite, ascend"),
        ("floor", 0, "floor must be positive"),
        ("floor", None, "not a HAR table"),
    ],
)
def test_a_table_that_breaks_its_rules_is_refused(
    key: str, value: object, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        HarTable.from_mapping({**TOY, key: value})


def test_a_table_without_a_key_is_refused() -> None:
    with pytest.raises(ValueError, match="floor"):
        HarTable.from_mapping({key: TOY[key] for key in TOY if key != "floor"})


def test_the_shipped_table_says_where_it_came_from() -> None:
    document = _shipped_document()

    assert document["provenance"]["data"] == "simulated markets only"
    assert document["provenance"]["n_markets"] >= 10_000
    assert isinstance(document["provenance"]["seed"], int)
    assert document["provenance"]["generator_version"] == GENERATOR_VERSION


def test_the_shipped_table_answers_every_level_and_step_of_a_task(
    shipped: HarTable,
) -> None:
    band = har_quantiles(
        np.array([[0.5, 0.51]]),
        horizon=288,
        quantile_levels=(0.001, 0.5, 0.999),
        table=shipped,
    )

    assert band.shape == (1, 288, 3)
    assert shipped.windows.tolist() == [6, 24, 72, 288]


def test_the_shipped_table_expects_more_movement_over_more_steps(
    shipped: HarTable,
) -> None:
    rng = np.random.default_rng(20260220)
    context = np.clip(0.5 + 0.01 * rng.standard_normal((5, 300)).cumsum(axis=1), 0, 1)

    scale = har_scale(context, steps=shipped.steps, table=shipped)

    assert (scale[:, -1] > 3 * scale[:, 0]).all()
