"""How the bands of a model did beside those of baselines, event by event."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tsfm_runner.core.bootstrap import Interval, ratio_interval
from tsfm_runner.core.metric_sums import MetricSums
from tsfm_runner.core.metrics import metrics

MODEL = "model"
RIVALS = ("ewma", "har", "rolling_quantile")
LEVELS = tuple(round(tenth / 10, 1) for tenth in range(1, 10))
COVERAGE = 0.8
N_DRAWS = 1_000
SEED = 20260220

FloatArray = npt.NDArray[np.float64]


def scored(
    bands: Mapping[str, FloatArray], futures: FloatArray, *, weights: FloatArray
) -> dict[str, FloatArray]:
    """Return the sums of each method over the steps of each window, as they count.

    Each has shape (n_windows, n_columns); see `metric_columns`.
    """
    unknown = np.full(futures.shape, np.nan)
    return {
        name: metrics(
            values, futures, quantile_levels=LEVELS, rise=unknown, fall=unknown
        ).sum(axis=1)
        * weights[:, None]
        for name, values in bands.items()
    }


def judged(
    sums: Mapping[str, FloatArray], events: npt.NDArray[np.str_]
) -> dict[str, Any]:
    """Return the ratios of the model to each baseline, and the scores of each."""
    _, groups = np.unique(events, return_inverse=True)
    by_event = {name: _summed(rows, groups) for name, rows in sums.items()}
    model = by_event[MODEL].mean_pinball()
    return {
        "n_windows": len(events),
        "n_events": int(groups.max()) + 1,
        "ratios": {
            name: _told(_interval(model, by_event[name].mean_pinball()))
            for name in RIVALS
        },
        "scores": {name: _scores(rows) for name, rows in by_event.items()},
    }


def _summed(rows: FloatArray, groups: npt.NDArray[np.int64]) -> MetricSums:
    sums = np.zeros((int(groups.max()) + 1, rows.shape[1]))
    np.add.at(sums, groups, rows)
    return MetricSums(LEVELS, sums)


def _interval(above: FloatArray, below: FloatArray) -> Interval:
    return ratio_interval(above, below, n_draws=N_DRAWS, seed=SEED)


def _scores(by_event: MetricSums) -> dict[str, Any]:
    columns = {
        "open": by_event.open(COVERAGE),
        "closed": by_event.closed(COVERAGE),
        "width": by_event.width(COVERAGE),
        "interval_score": by_event.interval_score(COVERAGE),
        "mean_pinball": by_event.mean_pinball(),
    }
    return {name: _told(_interval(sums, by_event.n)) for name, sums in columns.items()}


def _told(found: Interval) -> dict[str, float | None]:
    return {
        name: float(edge) if np.isfinite(edge) else None
        for name, edge in found._asdict().items()
    }
