"""Blocks of windows as batches that a network is trained on, each from its number."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice, starmap
from typing import NamedTuple, TypeAlias

import numpy as np

from tsfm_runner.core.arrays import Float32Array
from tsfm_runner.core.foundation.inputs import model_inputs
from tsfm_runner.core.foundation.signature import ANCHOR_STEPS, CONTEXT_STEPS
from tsfm_runner.learning.windows import Habits, Windows, joined, made_harder
from tsfm_runner.ports import Arrays, Workers

MOST_BLOCKS = 100_000

WindowSource: TypeAlias = Callable[[int, np.random.Generator], Windows]
"""Makes a number of windows; another process must be able to import it."""


class Batch(NamedTuple):
    """What a network is shown, and what it should have known; float32, one row each.

    ``changes`` are in units of scale times the square root of the step, as the
    offsets are, and NaN where nobody knows.
    """

    features: Float32Array  # (n, n_features)
    channels: Float32Array  # (n, 3, 288)
    changes: Float32Array  # (n, n_steps)
    scale: Float32Array  # (n,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How training data are made, from nothing but numbers.

    A block is made at once; its windows are shuffled and dealt into batches, so
    that one batch is not all of one market. The same seed and number give the same
    block, whoever makes it and when.
    """

    sources: Sequence[tuple[WindowSource, float]]
    """Each with its share of the windows of every block."""
    seed: int
    batch_size: int = 512
    batches_per_block: int = 32
    habits: Habits = field(default_factory=Habits)

    def windows(self, rng: np.random.Generator) -> Windows:
        """Return the windows of one block, source by source."""
        n = self.batch_size * self.batches_per_block
        shares = np.array([share for _, share in self.sources])
        ends = np.round(n * np.cumsum(shares) / shares.sum()).astype(int)
        counts = np.diff(ends, prepend=0).tolist()
        made = zip(self.sources, counts, strict=True)
        return joined([source(count, rng) for (source, _), count in made if count])


def made_block(recipe: Recipe, number: int) -> Arrays:
    """Make the batches of one block, stacked; ``batches_of`` takes them apart."""
    rng = np.random.default_rng((recipe.seed, number))
    windows = recipe.windows(rng)
    order = rng.permutation(len(windows)).reshape(recipe.batches_per_block, -1)
    batches = [
        to_batch(made_harder(windows.rows(rows), habits=recipe.habits, rng=rng))
        for rows in order
    ]
    columns = zip(*batches, strict=True)
    return dict(zip(Batch._fields, map(np.stack, columns), strict=True))


def batches_of(block: Arrays) -> Iterator[Batch]:
    """Yield the batches of a block."""
    stacked = (block[name] for name in Batch._fields)
    return starmap(Batch, zip(*stacked, strict=True))


def feed(recipe: Recipe, *, first: int, workers: Workers) -> Generator[Batch]:
    """Yield the batch of this number and all after it, in order, whoever makes them."""
    n_before, n_skipped = divmod(first, recipe.batches_per_block)
    numbers = range(n_before, n_before + MOST_BLOCKS)
    units = [(recipe, number) for number in numbers]
    with closing(workers.run(made_block, units)) as made:
        for block in _in_order(made):
            yield from islice(batches_of(block), n_skipped, None)
            n_skipped = 0


def _in_order(made: Iterable[tuple[int, Arrays]]) -> Iterator[Arrays]:
    early: dict[int, Arrays] = {}
    wanted = 0
    for place, arrays in made:
        early[place] = arrays
        while wanted in early:
            yield early.pop(wanted)
            wanted += 1


def to_batch(windows: Windows) -> Batch:
    """Show windows as a model is shown them, with what came after."""
    inputs = model_inputs(
        windows.prices[:, :CONTEXT_STEPS],
        windows.lengths,
        windows.is_observed,
        windows.step_minutes,
        windows.steps_to_close,
    )
    units = inputs.scale[:, None] * np.sqrt(ANCHOR_STEPS)
    changes = (windows.future - inputs.last[:, None]) / units
    return Batch(
        inputs.features,
        inputs.channels,
        changes.astype(np.float32),
        inputs.scale.astype(np.float32),
    )
