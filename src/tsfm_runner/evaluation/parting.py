"""Scores where markets are alike: by segment, and by the age of a market."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from tsfm_runner.core.arrays import FloatArray, IntArray
from tsfm_runner.core.metric_sums import MetricSums, equal_groups
from tsfm_runner.evaluation.bounds import Bounds, bounds_of, draws_of, number
from tsfm_runner.evaluation.design import BAND, Design
from tsfm_runner.evaluation.results import StepResults, told_steps
from tsfm_runner.evaluation.schema import ColdStart, SegmentScore
from tsfm_runner.evaluation.summing import AGES

LEAST_IN_SEGMENT = 200  # outcomes of the first step


def segment_rows(results: StepResults, design: Design) -> Iterator[SegmentScore]:
    """Yield how all entries did in each segment with enough outcomes.

    Groups weigh alike; the last row of a segment is that of all steps together.
    """
    steps = told_steps(design.horizon)
    for segment, name in enumerate(results.segments):
        cells = np.flatnonzero(results.cells[:, 1] == segment)
        found = results.by_cell[:, cells]
        if found[0, :, 0, 0].sum() < LEAST_IN_SEGMENT:
            continue
        together = found.sum(axis=2, keepdims=True)
        chosen = np.concatenate((found[:, :, _places(steps)], together), axis=2)
        draws = draws_of(cells.size)
        for place, entry in enumerate(results.entries):
            scores = _Scores.of(chosen[place], draws, design)
            for index, step in enumerate([*steps, None]):
                yield {
                    "entry": entry.text,
                    "freq": results.freq,
                    "segment": name,
                    "step": step,
                    "n_markets": int(results.segment_markets[segment]),
                    "n": int(scores.n[index]),
                    "n_groups": int(scores.n_groups[index]),
                    "intervals": scores.intervals(index, with_error=True),
                    "wis": scores.wis(index),
                }


def start_rows(results: StepResults, design: Design) -> Iterator[ColdStart]:
    """Yield how all entries did while markets were young; groups weigh alike."""
    steps = told_steps(design.horizon)
    for age in np.unique(results.starts[:, 1]).tolist():
        rows = np.flatnonzero(results.starts[:, 1] == age)
        chosen = results.by_start[:, rows][:, :, _places(steps)]
        draws = draws_of(rows.size)
        for place, entry in enumerate(results.entries):
            scores = _Scores.of(chosen[place], draws, design)
            for index, step in enumerate(steps):
                yield {
                    "entry": entry.text,
                    "freq": results.freq,
                    "age": int(AGES[age]),
                    "step": step,
                    "n": int(scores.n[index]),
                    "n_groups": int(scores.n_groups[index]),
                    "intervals": scores.intervals(index, with_error=False),
                }


def _places(steps: Sequence[int]) -> list[int]:
    return [step - 1 for step in steps]


class _Scores(NamedTuple):
    """The scores of one entry over some groups, one place a step that is told."""

    n: IntArray
    n_groups: IntArray
    pooled: MetricSums
    bounds: Bounds
    coverages: tuple[float, ...]

    @classmethod
    def of(cls, groups: FloatArray, draws: FloatArray, design: Design) -> "_Scores":
        """Pool the sums of groups, (n_groups, n_steps, n_columns)."""
        sums = MetricSums(design.quantile_levels, equal_groups(groups))
        return cls(
            groups[..., 0].sum(axis=0).astype(np.int64),
            np.count_nonzero(groups[..., 0], axis=0),
            MetricSums(design.quantile_levels, sums.sums.sum(axis=0)),
            bounds_of(sums, draws, design),
            tuple(coverage for coverage in design.coverages if coverage >= BAND),
        )

    def wis(self, index: int) -> float | None:
        means = self.pooled.per_outcome()
        return number(means.weighted_interval_score()[index])

    def intervals(self, index: int, *, with_error: bool) -> Any:  # noqa: ANN401
        means = self.pooled.per_outcome()
        rows = []
        for coverage in self.coverages:
            row = {
                "coverage": coverage,
                **self.bounds.edges(f"closed {coverage}", "closed", index),
                **self.bounds.edges(f"open {coverage}", "open", index),
                "width": number(means.width(coverage)[index]),
                "interval_score": number(means.interval_score(coverage)[index]),
            }
            if with_error:
                row["error"] = number(self.pooled.tie_error(coverage)[index])
            rows.append(row)
        return rows
