"""How often 95 % intervals over groups cover, on simulated studies.

Outcomes of a group move together, and groups have very unequal sizes. Three figures
are estimated: a coverage of 0.9, a mean score whose groups are skewed, and the ratio
of two scores on the same outcomes. Plain percentiles stand beside ours.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer
from rich.console import Console
from rich.table import Table

from tsfm_runner.core.bootstrap import Interval, group_draws, interval_of

FloatArray = npt.NDArray[np.float64]
Simulated = tuple[FloatArray, FloatArray]
Simulate = Callable[[np.random.Generator, FloatArray], Simulated]

N_GROUPS = (5, 8, 10, 20, 50, 200)
SPREADS = (0.5, 1.2)
COVERAGE = 0.9
WITHIN = 0.05
N_DRAWS = 1_000
N_TOGETHER = 100


def coverages(rng: np.random.Generator, sizes: FloatArray) -> Simulated:
    """Hits of each group, whose own coverage scatters around 0.9, and outcomes."""
    strength = 1 / WITHIN - 1
    own = rng.beta(COVERAGE * strength, (1 - COVERAGE) * strength, sizes.shape)
    return rng.binomial(sizes.astype(int), own).astype(float), sizes


def scores(rng: np.random.Generator, sizes: FloatArray) -> Simulated:
    """Scores of each group, around levels of a gamma distribution, and outcomes."""
    levels = rng.gamma(2, 0.5, sizes.shape)
    return sizes * levels * rng.gamma(sizes / 4, 4 / sizes), sizes


def ratios(rng: np.random.Generator, sizes: FloatArray) -> Simulated:
    """Scores of two models on each group, equally good and alike."""
    levels = sizes * rng.gamma(1, 1, sizes.shape)
    ours, theirs = np.exp(rng.normal(0, 0.15, (2, *sizes.shape)))
    return levels * ours, levels * theirs


SIMULATED: Mapping[str, tuple[Simulate, float]] = {
    "coverage": (coverages, COVERAGE),
    "mean score": (scores, 1),
    "ratio": (ratios, 1),
}


def plain(
    draws: FloatArray, numerator: FloatArray, denominator: FloatArray
) -> Interval:
    """Return the interval between plain percentiles."""
    drawn = (draws @ numerator) / (draws @ denominator)
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    return Interval(numerator.sum(axis=0) / denominator.sum(axis=0), low, high)


def held(simulate: Simulate, truth: float, size: tuple[int, int], spread: float) -> str:
    """Return how often plain and our intervals hold the truth, in per cent."""
    n_groups, n_studies = size
    hits = np.zeros(2)
    for seed in range(0, n_studies, N_TOGETHER):
        rng = np.random.default_rng([seed, n_groups])
        sizes = np.ceil(np.exp(rng.normal(4, spread, (n_groups, N_TOGETHER))))
        numerator, denominator = simulate(rng, sizes)
        draws = group_draws(n_groups, n_draws=N_DRAWS, seed=seed)
        for place, method in enumerate((plain, partial(interval_of, coverage=0.95))):
            interval = method(draws, numerator, denominator)
            hits[place] += np.mean((interval.low <= truth) & (truth <= interval.high))
    return " ".join(f"{share:.1f}" for share in 100 * hits * N_TOGETHER / n_studies)


def main(
    studies: Annotated[int, typer.Option(min=N_TOGETHER, help="Of each kind.")] = 4_000,
) -> None:
    """Print the table of how often plain intervals, and ours, hold the truth."""
    table = Table("figure", "spread", *(f"{n} groups" for n in N_GROUPS))
    for name, (simulate, truth) in SIMULATED.items():
        for spread in SPREADS:
            cells = [held(simulate, truth, (n, studies), spread) for n in N_GROUPS]
            table.add_row(name, f"{spread:g}", *cells)
    Console(width=100).print(table)


if __name__ == "__main__":
    typer.run(main)
