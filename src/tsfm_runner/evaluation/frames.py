"""The tables of a study as data frames, for notebooks and for Parquet."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import polars as pl

from tsfm_runner.core.metric_sums import MetricSums
from tsfm_runner.domain.recording import RecordedMarket
from tsfm_runner.evaluation.design import Design
from tsfm_runner.evaluation.results import StepResults
from tsfm_runner.evaluation.schema import Document
from tsfm_runner.evaluation.study import Study

TableName: TypeAlias = Literal["overall", "segments", "ratios", "cold_start"]
_PERCENT = 100


def table_frame(document: Document, name: TableName) -> pl.DataFrame:
    """Return a table of the document with one column a number.

    What is told of an interval of 80 % ends in ``_80``, what is told of the level
    0.1 in ``_q0.1``.
    """
    rows = [_flat(row) for row in document[name]]
    return pl.DataFrame(rows, infer_schema_length=None)


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    flat = {
        name: value
        for name, value in row.items()
        if name not in ("intervals", "levels")
    }
    for interval in row.get("intervals", ()):
        ending = f"{_PERCENT * interval['coverage']:g}"
        flat |= {
            f"{name}_{ending}": value
            for name, value in interval.items()
            if name != "coverage"
        }
    for level in row.get("levels", ()):
        ending = f"q{level['level']:g}"
        flat |= {
            f"{name}_{ending}": value
            for name, value in level.items()
            if name != "level"
        }
    return flat


def market_scores(study: Study) -> Iterator[pl.DataFrame]:
    """Yield the scores of every market: a row an entry, market and step.

    Markets without an outcome at a step are left out there.
    """
    for results in study.results:
        markets = study.plan.markets_at(results.step_s)
        for place in range(len(results.entries)):
            yield _market_frame(results, place, markets, study.plan.design)


def _market_frame(
    results: StepResults,
    place: int,
    markets: Sequence[RecordedMarket],
    design: Design,
) -> pl.DataFrame:
    entry = results.entries[place]
    sums = MetricSums(design.quantile_levels, results.by_market[place])
    n_markets, horizon = sums.n.shape
    has_outcomes = sums.n.reshape(-1) > 0

    def per_market(values: Sequence[str | None]) -> pl.Series:
        repeated = np.repeat(np.arange(n_markets), horizon)[has_outcomes]
        return pl.Series(values, dtype=pl.String)[repeated]

    steps = np.tile(np.arange(1, horizon + 1), n_markets)[has_outcomes]
    frame = pl.DataFrame(
        {
            "entry": pl.repeat(entry.text, steps.size, eager=True),
            "model": pl.repeat(entry.model, steps.size, eager=True),
            "kind": pl.repeat(entry.kind, steps.size, eager=True),
            "freq": pl.repeat(results.freq, steps.size, eager=True),
            "market_id": per_market([one.market_id for one in markets]),
            "group": per_market([one.group for one in markets]),
            "source": per_market([one.source for one in markets]),
            "category": per_market([one.facts.category for one in markets]),
            "step": steps,
        }
    )
    columns = {
        name: values.reshape(-1)[has_outcomes]
        for name, values in _scores(sums, design).items()
    }
    return frame.with_columns(
        pl.Series("n", columns.pop("n").astype(np.int64)),
        *(pl.Series(name, values).fill_nan(None) for name, values in columns.items()),
    )


def _scores(sums: MetricSums, design: Design) -> dict[str, np.ndarray]:
    means = sums.per_outcome()
    columns = {"n": sums.n}
    for coverage in design.coverages:
        ending = f"{_PERCENT * coverage:g}"
        columns |= {
            f"closed_{ending}": means.closed(coverage),
            f"open_{ending}": means.open(coverage),
            f"below_{ending}": means.below(coverage),
            f"above_{ending}": means.above(coverage),
            f"width_{ending}": means.width(coverage),
            f"interval_score_{ending}": means.interval_score(coverage),
        }
    pinball = means.pinball()
    columns |= {
        f"pinball_q{level:g}": pinball[..., index]
        for index, level in enumerate(design.quantile_levels)
    }
    return columns | {
        "mean_pinball": means.mean_pinball(),
        "wis": means.weighted_interval_score(),
        "mae": means.absolute_error(),
        "rmse": sums.root_mean_squared_error(),
        "follow_through": sums.follow_through(),
    }
