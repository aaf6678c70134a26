"""A batch depends on its number and the seed, and on nothing else."""

from itertools import islice

import numpy as np
import pytest
from tests.learning.sources import small_recipe, walks

from tsfm_runner.adapters.local_workers import LocalWorkers
from tsfm_runner.core.foundation.signature import (
    ANCHOR_STEPS,
    CONTEXT_STEPS,
    N_FEATURES,
)
from tsfm_runner.learning.batches import (
    Batch,
    Recipe,
    batches_of,
    feed,
    made_block,
    to_batch,
)
from tsfm_runner.learning.windows import Windows


def some(n: int, *, first: int, n_workers: int = 1) -> list[Batch]:
    with LocalWorkers(n_workers) as workers:
        batches = feed(small_recipe(), first=first, workers=workers)
        return list(islice(batches, n))


def are_same(some: Batch, others: Batch) -> bool:
    pairs = zip(some, others, strict=True)
    return all(np.array_equal(one, other, equal_nan=True) for one, other in pairs)


def test_a_feed_that_begins_later_gives_the_same_batches() -> None:
    whole = some(8, first=0)

    later = some(4, first=4)

    assert all(map(are_same, later, whole[4:]))
    assert not are_same(whole[0], whole[1])


def test_batches_come_in_order_from_several_processes() -> None:
    alone = some(7, first=1)

    together = some(7, first=1, n_workers=2)

    assert all(map(are_same, together, alone))


def test_another_seed_gives_other_batches() -> None:
    blocks = [made_block(small_recipe(seed), 0)["features"] for seed in (1, 1, 2)]

    assert (blocks[0] == blocks[1]).all()
    assert (blocks[0] != blocks[2]).any()


def lows(n: int, _: np.random.Generator) -> Windows:
    return flat(n, 0.25)


def highs(n: int, _: np.random.Generator) -> Windows:
    return flat(n, 0.75)


def flat(n: int, price: float) -> Windows:
    return Windows(
        np.full((n, 2 * CONTEXT_STEPS), price),
        np.full(n, CONTEXT_STEPS),
        np.ones((n, CONTEXT_STEPS), dtype=bool),
        np.full(n, 5.0),
        np.full(n, np.nan),
    )


def test_every_block_holds_the_share_of_each_source() -> None:
    recipe = Recipe(
        sources=[(lows, 0.6), (highs, 0.4)], seed=1, batch_size=10, batches_per_block=5
    )

    windows = recipe.windows(np.random.default_rng(1))

    assert np.mean(windows.prices[:, 0] == 0.25) == 0.6


def test_a_change_is_told_in_units_of_scale_and_root_of_the_step() -> None:
    windows = walks(20, np.random.default_rng(9))

    batch = to_batch(windows)

    after_nine = windows.prices[:, CONTEXT_STEPS + 8] - windows.prices[:, 287]
    where = ANCHOR_STEPS.index(9)
    assert batch.changes[:, where] * batch.scale * 3 == pytest.approx(
        after_nine, abs=1e-6
    )
    assert batch.features.shape == (20, N_FEATURES)
    assert {array.dtype for array in batch} == {np.dtype(np.float32)}


def test_blocks_come_apart_into_their_batches() -> None:
    block = made_block(small_recipe(), 4)

    batches = list(batches_of(block))

    assert len(batches) == 3
    assert (batches[2].channels == block["channels"][2]).all()
