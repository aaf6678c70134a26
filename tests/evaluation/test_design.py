"""What a study asks, and the parts that its work falls into."""

import numpy as np
import pytest
from tests.evaluation.recordings import make_design, make_market

from tsfm_runner.domain.recording import RecordedMarket
from tsfm_runner.errors import InvalidTaskError
from tsfm_runner.evaluation.design import (
    LEVELS,
    Part,
    frequency_of,
    parts_of,
)


def test_each_pair_of_levels_is_an_interval_from_narrow_to_wide() -> None:
    assert make_design().coverages == (0.5, 0.8, 0.9)
    assert make_design(quantile_levels=(0.1, 0.5, 0.9)).coverages == (0.8,)


@pytest.mark.parametrize("horizon", [1, 288])
def test_a_horizon_may_be_as_long_as_a_request_allows(horizon: int) -> None:
    assert make_design(horizon=horizon).horizon == horizon


@pytest.mark.parametrize("horizon", [0, 289])
def test_another_horizon_is_refused(horizon: int) -> None:
    with pytest.raises(InvalidTaskError) as caught:
        make_design(horizon=horizon)

    assert str(caught.value) == f"horizon: must lie between 1 and 288, got {horizon}"


@pytest.mark.parametrize(
    "levels",
    [
        (0.001, 0.1, 0.5, 0.9, 0.999),
        (0.1, 0.1 + 0.2, 0.5, 0.7, 0.9),  # 0.30000000000000004
    ],
)
def test_levels_may_be_any_that_are_mirrored(levels: tuple[float, ...]) -> None:
    assert make_design(quantile_levels=levels).quantile_levels == levels


@pytest.mark.parametrize(
    "levels",
    [
        (),
        (0.5,),
        (0.1, 0.9),
        (0.05, 0.5, 0.95),
        (0.1, 0.2, 0.5, 0.9),
        (0.9, 0.5, 0.1),
        (0.1, 0.5, 0.5, 0.9),
        (0.1, 0.1, 0.5, 0.9, 0.9),
        (0.0005, 0.1, 0.5, 0.9, 0.9995),
        (0.1, float("nan"), 0.9),
    ],
)
def test_levels_without_what_is_judged_are_refused(levels: tuple[float, ...]) -> None:
    with pytest.raises(InvalidTaskError, match="quantile_levels: must ascend"):
        make_design(quantile_levels=levels)


def told(parts: list[Part]) -> dict[str, list[str]]:
    return {part.name: [one.market_id for one in part.markets] for part in parts}


def markets(*each: tuple[str, int, str, int]) -> list[RecordedMarket]:
    return [
        make_market(name, np.full(n_prices, 0.5), group=group, step_s=step_s)
        for name, n_prices, group, step_s in each
    ]


def test_a_part_holds_whole_groups_of_one_step() -> None:
    found = parts_of(
        markets(
            ("d", 10, "y", 3_600),
            ("c", 15_000, "z", 300),
            ("b", 19_999, "y", 300),
            ("a", 1, "z", 300),
            ("e", 30_000, "x", 300),
        )
    )

    assert told(found) == {
        "5m-0000": ["e"],
        "5m-0001": ["b", "a", "c"],
        "1h-0000": ["d"],
    }
    assert [part.step_s for part in found] == [300, 300, 3_600]


def test_parts_do_not_depend_on_the_order_of_markets() -> None:
    given = markets(*((f"m{place}", 9_000, f"g{place % 5}", 300) for place in range(9)))

    assert told(parts_of(given)) == told(parts_of(given[::-1]))


def test_there_may_be_no_parts() -> None:
    assert parts_of([]) == []


@pytest.mark.parametrize(
    ("step_s", "freq"), [(60, "1m"), (5_400, "90m"), (3_600, "1h"), (86_400, "1d")]
)
def test_a_step_is_told_as_people_write_it(step_s: int, freq: str) -> None:
    assert (frequency_of(step_s).text, frequency_of(step_s).step_s) == (freq, step_s)


def test_the_usual_levels_have_the_band_that_is_judged() -> None:
    assert {0.1, 0.5, 0.9} <= set(LEVELS)
