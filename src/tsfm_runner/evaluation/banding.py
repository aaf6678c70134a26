"""Every band of a study as rows of a table, for whoever wants to score them anew."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from tsfm_runner.evaluation.panel import Origins, Panel, outcomes_of
from tsfm_runner.evaluation.scoring import KINDS
from tsfm_runner.evaluation.study import Study, drawn_name, scored_name
from tsfm_runner.ports import WorkStore

_TOGETHER = 20_000  # origins
_MS = 1_000


def band_frames(study: Study, store: WorkStore) -> Iterator[pl.DataFrame]:
    """Yield the bands of every entry that was kept: a row an origin and step.

    Columns: entry, freq, market_id, cutoff, step, y (null where unknown), is_scored,
    and ``q<level>`` in single precision, in which they were scored.
    """
    for results in study.results:
        panel, origins = study.plan.panel_at(results.step_s)
        for place, model in enumerate(study.plan.models):
            scored = store.read(scored_name(place, results.step_s))
            raw = np.concatenate(
                [
                    store.read(drawn_name(place, part))["values"]
                    for part in study.plan.parts_at(results.step_s)
                ]
            )
            for kind, values in zip(KINDS, (raw, scored["bands"]), strict=True):
                for start in range(0, len(values), _TOGETHER):
                    rows = slice(start, start + _TOGETHER)
                    frame = _frame(
                        panel,
                        origins.at(rows),
                        values[rows],
                        study.plan.design.quantile_levels,
                    )
                    yield frame.select(
                        pl.lit(f"{model.name}/{kind}").alias("entry"),
                        pl.lit(results.freq).alias("freq"),
                        *("market_id", "cutoff", "step", "y"),
                        pl.Series(
                            "is_scored",
                            np.repeat(results.is_scored[rows], values.shape[1]),
                        ),
                        pl.col("^q.*$"),
                    )


def _frame(
    panel: Panel, origins: Origins, values: np.ndarray, levels: tuple[float, ...]
) -> pl.DataFrame:
    n_origins, horizon, _ = values.shape
    names = pl.Series([market.market_id for market in panel.markets])
    cutoffs = pl.Series(origins.steps * panel.step_s * _MS).cast(
        pl.Datetime("ms", "UTC")
    )
    repeated = np.repeat(np.arange(n_origins), horizon)
    outcomes = outcomes_of(panel, origins, horizon=horizon).reshape(-1)
    return pl.DataFrame(
        {
            "market_id": names[origins.markets[repeated]],
            "cutoff": cutoffs[repeated],
            "step": np.tile(np.arange(1, horizon + 1, dtype=np.int32), n_origins),
            "y": pl.Series(outcomes).fill_nan(None),
            **{
                f"q{level:g}": values[..., place].reshape(-1)
                for place, level in enumerate(levels)
            },
        }
    )
