"""Which markets a report draws, and their bands over time."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

import numpy as np

from tsfm_runner.core.arrays import IntArray
from tsfm_runner.core.metric_sums import MetricSums
from tsfm_runner.core.metrics import TOLERANCE, interval_index
from tsfm_runner.evaluation.bounds import number
from tsfm_runner.evaluation.design import BAND, Design
from tsfm_runner.evaluation.panel import Origins, Panel, ahead_of
from tsfm_runner.evaluation.results import StepResults
from tsfm_runner.evaluation.schema import DrawnMarket

_LEAST_OUTCOMES = 100
_LONGEST = 300
_SHOWN = 4
_MEDIAN = 0.5


def drawn_markets(  # noqa: PLR0913 - one argument a thing to look at
    results: StepResults,
    panel: Panel,
    origins: Origins,
    design: Design,
    *,
    entry: int,
    questions: Mapping[str, str],
) -> Iterator[DrawnMarket]:
    """Yield the markets whose bands did worst and best at the last step.

    Worst are those whose coverage is furthest off, best those that keep it with the
    lowest score for how far their prices went.
    """
    step, levels = design.horizon, design.quantile_levels
    sums = MetricSums(levels, results.by_market[entry, :, step - 1])
    means = sums.per_outcome()
    errors, scores = sums.tie_error(BAND), means.weighted_interval_score()
    moves = means.absolute_error()  # not quite 0 where none: bands are of float32
    usable = np.flatnonzero((sums.n >= _LEAST_OUTCOMES) & (moves > TOLERANCE))
    relative = scores[usable] / moves[usable]
    worst = usable[np.lexsort((relative, -errors[usable]))][:_SHOWN]
    by_merit = usable[np.lexsort((relative, errors[usable]))].tolist()
    best = [place for place in by_merit if place not in set(worst.tolist())]
    chosen: list[tuple[Literal["worst", "best"], int]] = [
        *(("worst", place) for place in worst.tolist()),
        *(("best", place) for place in best[:_SHOWN]),
    ]
    lower, median = interval_index(levels, BAND), levels.index(_MEDIAN)
    for kind, place in chosen:
        rows = _rows(results, origins, place)
        name = panel.markets[place].market_id
        bands = results.last[entry][rows]
        moments = (origins.steps[rows] + step) * panel.step_s
        yield {
            "entry": results.entries[entry].text,
            "freq": results.freq,
            "market_id": name,
            "question": questions.get(name),
            "place": kind,
            "step": step,
            "wis": number(scores[place]),
            "error": number(errors[place]),
            "times": [datetime.fromtimestamp(at, UTC).isoformat() for at in moments],
            "prices": _prices(panel, origins, rows, step),
            "bands": [
                {
                    "coverage": BAND,
                    "lower": _listed(bands[:, lower]),
                    "upper": _listed(bands[:, -1 - lower]),
                }
            ],
            "median": _listed(bands[:, median]),
        }


def _rows(results: StepResults, origins: Origins, market: int) -> IntArray:
    rows = np.flatnonzero((origins.markets == market) & results.is_scored)
    return rows[-_LONGEST:]


def _prices(
    panel: Panel, origins: Origins, rows: IntArray, step: int
) -> list[float | None]:
    [prices] = ahead_of(panel, origins.at(rows), np.array([step]), panel.prices)
    return [number(price) for price in prices[:, 0].tolist()]


def _listed(values: Sequence[float] | np.ndarray) -> list[float | None]:
    return [round(float(value), 6) for value in values]
