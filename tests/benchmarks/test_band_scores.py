import numpy as np
import pytest
from benchmarks.band_scores import (
    Marks,
    by_group,
    group_sums,
    mark,
    score,
    tie_error,
)

OUTCOMES = np.array([[0.5], [0.6], [0.7], [0.3], [np.nan]], dtype=np.float32)
BANDS = np.tile(np.array([[[0.4, 0.6]]], dtype=np.float32), (5, 1, 1))
EVERY = np.ones(5, dtype=bool)
MARKETS = np.zeros(5, dtype=np.int64)


def random_marks(seed: int, *, shift: float = 0.0, scale: float = 1.0) -> Marks:
    rng = np.random.default_rng(seed)
    lower = rng.uniform(0.2, 0.5, size=(60, 3))
    edges = np.stack([lower, lower + rng.uniform(0, 0.3, size=(60, 3))], axis=-1)
    outcomes = rng.uniform(0.2, 0.8, size=(60, 3))
    return mark(shift + scale * edges, shift + scale * outcomes, coverage=0.8)


def test_scores_worked_by_hand() -> None:
    marks = mark(BANDS, OUTCOMES, coverage=0.8)

    found = score(marks, EVERY, MARKETS, coverage=0.8)

    # 0.5 lies inside, 0.6 on the edge, 0.7 and 0.3 each 0.1 outside.
    assert found.n.tolist() == [4]
    assert found.closed == pytest.approx([0.5])
    assert found.inside == pytest.approx([0.25])
    assert found.error == pytest.approx([0.3])
    assert found.width == pytest.approx([0.2], abs=1e-6)
    assert found.winkler == pytest.approx([0.2 + (1.0 + 1.0) / 4], abs=1e-6)


def test_a_target_between_open_and_closed_coverage_is_met() -> None:
    closed, inside = np.array([0.9, 0.7, 0.95]), np.array([0.6, 0.6, 0.85])

    error = tie_error(closed, inside, coverage=0.8)

    assert error == pytest.approx([0, 0.1, 0.05])


def test_an_outcome_within_the_tolerance_of_an_edge_lies_on_it() -> None:
    beside = np.array([[0.6 + 9e-6]], dtype=np.float64)
    edges = np.array([[[0.4, 0.6]]])

    marks = mark(edges, beside, coverage=0.8)

    assert marks.is_closed.all()
    assert not marks.is_open.any()


def test_a_shift_of_bands_and_outcomes_changes_no_score() -> None:
    here, there = random_marks(1), random_marks(1, shift=0.125)

    assert (here.is_closed == there.is_closed).all()
    assert there.winkler == pytest.approx(here.winkler, abs=1e-6)


def test_the_winkler_score_scales_with_prices() -> None:
    whole, half = random_marks(2), random_marks(2, scale=0.5)

    assert half.winkler == pytest.approx(whole.winkler / 2, abs=1e-6)


def test_the_winkler_score_is_two_pinball_losses_over_alpha() -> None:
    # Gneiting and Raftery (2007): an independent way to the same number.
    rng = np.random.default_rng(3)
    lower = rng.uniform(0.1, 0.5, size=200)
    upper, y = lower + rng.uniform(0, 0.4, size=200), rng.uniform(size=200)
    edges = np.stack([lower, upper], axis=-1)[:, None]

    found = mark(edges, y[:, None], coverage=0.9).winkler[:, 0]

    low_loss = np.maximum(0.05 * (y - lower), -0.95 * (y - lower))
    high_loss = np.maximum(0.95 * (y - upper), -0.05 * (y - upper))
    assert found == pytest.approx(2 / 0.1 * (low_loss + high_loss), abs=1e-5)


def test_only_markets_with_enough_origins_count_as_near_or_not() -> None:
    # Market 0 has 40 origins and covers 32 of them, market 1 misses all of its 40,
    # market 2 has too few.
    markets = np.repeat([0, 1, 2], [40, 40, 5])
    is_hit = np.concatenate([np.arange(40) < 32, np.zeros(40), np.ones(5)]).astype(bool)
    outcomes = np.where(is_hit, 0.5, 0.9)[:, None]
    edges = np.tile([[[0.4, 0.6]]], (85, 1, 1))
    marks = mark(edges, outcomes, coverage=0.8)

    found = score(marks, np.ones(85, dtype=bool), markets, coverage=0.8)

    assert found.near == pytest.approx([0.5])


def test_scores_of_no_origin_are_nothing() -> None:
    found = score(
        mark(BANDS, OUTCOMES, coverage=0.8),
        np.zeros(5, dtype=bool),
        MARKETS,
        coverage=0.8,
    )

    assert found.n.tolist() == [0]
    assert np.isnan(found.winkler).all()
    assert np.isnan(found.near).all()


def test_groups_are_counted_by_themselves() -> None:
    groups = np.array([0, 0, 2, 2, 2])

    counts, errors = by_group(
        mark(BANDS, OUTCOMES, coverage=0.8), EVERY, groups, coverage=0.8
    )

    assert counts[:, 0].tolist() == [2, 0, 2]
    assert errors[[0, 2], 0] == pytest.approx([0, 0.8])


def test_group_sums_add_up_to_the_whole() -> None:
    rng = np.random.default_rng(4)
    values, groups = rng.normal(size=(50, 3)), rng.integers(7, size=50)

    sums = group_sums(values, groups)

    assert sums.sum(axis=0) == pytest.approx(values.sum(axis=0))
    assert sums[2] == pytest.approx(values[groups == 2].sum(axis=0))
