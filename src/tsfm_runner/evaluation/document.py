"""Tell a study as one document, see `tsfm_runner.evaluation.schema`."""

import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import chain
from typing import Any

import numpy as np

from tsfm_runner.core.metric_sums import MetricSums
from tsfm_runner.domain.frequency import step_text
from tsfm_runner.evaluation.bounds import N_DRAWS, SEED
from tsfm_runner.evaluation.parting import segment_rows, start_rows
from tsfm_runner.evaluation.pooling import overall_rows, ratio_rows
from tsfm_runner.evaluation.results import EntryName, Pool, pools_of
from tsfm_runner.evaluation.schema import (
    SCHEMA,
    Document,
    DrawnMarket,
    Entry,
    Fallback,
    Manifest,
)
from tsfm_runner.evaluation.scoring import KINDS
from tsfm_runner.evaluation.showing import drawn_markets
from tsfm_runner.evaluation.study import Plan, Study

_SETTINGS = ("preparation", "baseline", "band", "calibration", "drift", "task")
_VERSIONS = ("tsfm-runner", "numpy")


@dataclass(frozen=True, slots=True)
class DataTold:
    """What is told of the data: ``skipped`` are pairs of market and reason."""

    name: str
    sha256: str
    skipped: tuple[tuple[str, str], ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    questions: Mapping[str, str] = field(default_factory=dict)


def manifest_of(plan: Plan, data: DataTold) -> Manifest:
    """Return what it takes to run a study again, byte for byte."""
    markets = [market for part in plan.parts for market in part.markets]
    settings = plan.design.settings
    cuts = {
        source: datetime.fromtimestamp(cut_s, UTC).isoformat()
        for source, cut_s in plan.split.cuts_s.items()
    }
    return {
        "data": {
            "name": data.name,
            "sha256": data.sha256,
            "n_markets": len(markets),
            "n_groups": len({market.group for market in markets}),
            "n_points": sum(int(market.times_s.size) for market in markets),
        },
        "split": {
            "name": plan.split.name,
            "seed": plan.split.seed,
            "cuts": cuts,
            "held_out": sorted(plan.split.held_out),
        },
        "horizon": plan.design.horizon,
        "quantile_levels": list(plan.design.quantile_levels),
        "steps": [step_text(step_s) for step_s in plan.steps],
        "seeds": {"split": plan.split.seed, "bootstrap": SEED, "n_draws": N_DRAWS},
        "settings": {
            name: getattr(settings, name).model_dump(mode="json") for name in _SETTINGS
        },
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in _VERSIONS},
            **{f"model {model.name}": model.revision for model in plan.models},
        },
    }


def document_of(study: Study, data: DataTold) -> Document:
    """Return everything that a study found; the same for the same plan and data."""
    plan, results = study.plan, study.results
    design, entries = plan.design, results[0].entries
    pools = pools_of(results)
    rows = chain.from_iterable
    return {
        "schema": SCHEMA,
        "manifest": manifest_of(plan, data),
        "quantile_levels": list(design.quantile_levels),
        "coverages": list(design.coverages),
        "horizon": design.horizon,
        "entries": [_entry(entry) for entry in entries],
        "skipped": [{"market_id": name, "reason": why} for name, why in data.skipped],
        "left_out": dict(data.left_out),
        "leakage_checks": [
            {"check": check.name, "told": check.told, "passed": True}
            for check in plan.checks
        ],
        "overall": list(rows(overall_rows(pool, entries, design) for pool in pools)),
        "segments": list(rows(segment_rows(each, design) for each in results)),
        "ratios": list(rows(ratio_rows(pool, entries, design) for pool in pools)),
        "cold_start": list(rows(start_rows(each, design) for each in results)),
        "fallbacks": list(_fallbacks(study)),
        "markets": _markets(study, pools[0], data.questions),
    }


def _entry(entry: EntryName) -> Entry:
    return {
        "entry": entry.text,
        "model": entry.model,
        "kind": entry.kind,
        "is_baseline": entry.is_baseline,
    }


def _fallbacks(study: Study) -> Iterator[Fallback]:
    for (model, step_s), reasons in study.fallbacks.items():
        for kind in KINDS:
            for reason, count in sorted(reasons.items()):
                yield {
                    "entry": f"{model}/{kind}",
                    "freq": step_text(step_s),
                    "reason": reason,
                    "n": count,
                }


def _markets(
    study: Study, pool: Pool, questions: Mapping[str, str]
) -> list[DrawnMarket]:
    """Return markets of the best calibrated entry, at each step where there are any."""
    plan = study.plan
    sums = MetricSums(plan.design.quantile_levels, pool.by_group[:, :, -1].sum(axis=1))
    scores = np.asarray(sums.per_outcome().weighted_interval_score())
    calibrated = np.arange(len(scores)) % len(KINDS) == KINDS.index("calibrated")
    entry = int(np.argmin(np.where(calibrated, scores, np.inf)))
    shown: list[Any] = []
    for results in study.results:
        panel, origins = plan.panel_at(results.step_s)
        shown += drawn_markets(
            results, panel, origins, plan.design, entry=entry, questions=questions
        )
    return shown
