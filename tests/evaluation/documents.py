"""Documents of studies that never were: plausible numbers, from a seed."""

from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import numpy as np

from tsfm_runner.evaluation.schema import (
    ALL_FREQS,
    SCHEMA,
    AgeInterval,
    ColdStart,
    Document,
    DrawnMarket,
    Entry,
    LevelScore,
    Manifest,
    Metric,
    Overall,
    OverallInterval,
    Ratio,
    SegmentInterval,
    SegmentScore,
    Weighting,
)

LEVELS = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95]
COVERAGES = [0.5, 0.8, 0.9]
METRICS: tuple[Metric, ...] = (
    "interval_score_0.8",
    "interval_score_0.9",
    "wis",
    "mean_pinball",
)
WEIGHTINGS: tuple[Weighting, ...] = ("group", "origin")
START = datetime(2026, 2, 20, tzinfo=UTC)
_Z = {0.5: 0.67, 0.8: 1.28, 0.9: 1.64}
_BASELINES = ("ewma", "kalman", "rolling_quantile", "har")


class StudyMaker:
    """Makes the parts of a document, each number from one generator."""

    def __init__(self, seed: int, models: tuple[str, ...], horizon: int) -> None:
        self._rng = np.random.default_rng(seed)
        self.horizon = horizon
        self.entries: list[Entry] = [
            Entry(
                entry=f"{model}/{kind}",
                model=model,
                kind=kind,
                is_baseline=model in _BASELINES,
            )
            for model in models
            for kind in ("raw", "calibrated")
        ]
        self._skill = {
            one["entry"]: self._rng.uniform(1.0, 1.25)
            * (0.92 if one["kind"] == "calibrated" else 1.0)
            for one in self.entries
        }

    def _off(self, one: Entry) -> float:
        """Return by how much coverage misses: little where calibrated."""
        spread = 0.004 if one["kind"] == "calibrated" else 0.06
        return float(self._rng.normal(0, spread))

    def age_interval(
        self, one: Entry, coverage: float, step: int, noise: float
    ) -> AgeInterval:
        off = self._off(one) + float(self._rng.normal(0, noise / 2))
        ties = 0.6 * coverage * (1 - coverage) * 3 / (1 + step / 3)
        closed = float(np.clip(coverage + off + 0.25 * ties, 0.02, 0.98))
        inside = float(np.clip(coverage + off - 0.75 * ties, 0.01, closed))
        width = 0.02 * _Z[coverage] * step**0.5 * (1 + off)
        score = width * 2.1 * self._skill[one["entry"]]
        return AgeInterval(
            coverage=coverage,
            closed=closed,
            closed_low=max(closed - noise, 0.0),
            closed_high=min(closed + noise, 1.0),
            open=inside,
            open_low=max(inside - noise, 0.0),
            open_high=min(inside + noise, 1.0),
            width=width,
            interval_score=score,
        )

    def segment_interval(
        self, one: Entry, coverage: float, step: int, noise: float
    ) -> SegmentInterval:
        made = self.age_interval(one, coverage, step, noise)
        closed, inside = made["closed"] or 0.0, made["open"] or 0.0
        error = max(coverage - closed, inside - coverage, 0.0)
        return SegmentInterval(**made, error=error)

    def overall_interval(
        self, one: Entry, coverage: float, step: int | None
    ) -> OverallInterval:
        made = self.segment_interval(one, coverage, step or 5, 0.012)
        outside, score = 1 - (made["closed"] or 0.0), made["interval_score"] or 0.0
        near = 0.95 - 0.05 * (step or 0) - abs(self._off(one))
        return OverallInterval(
            **made,
            below=outside * 0.45,
            above=outside * 0.55,
            interval_score_low=0.96 * score,
            interval_score_high=1.05 * score,
            near=None if step is None else max(near, 0.1),
            near_ceiling=None if step is None else min(max(near, 0.1) + 0.06, 1.0),
        )

    def level(self, one: Entry, level: float, step: int | None) -> LevelScore:
        ties, off = 0.3 / (1 + (step or 5) / 3), self._off(one) * (1 - level)
        below = float(np.clip(level + off - ties * level * (1 - level) * 2, 0, 1))
        reached = float(np.clip(level + off + ties * level * (1 - level) * 2, 0, 1))
        return LevelScore(
            level=level,
            below=below,
            below_low=max(below - 0.01, 0.0),
            below_high=min(below + 0.01, 1.0),
            at_or_below=reached,
            at_or_below_low=max(reached - 0.01, 0.0),
            at_or_below_high=min(reached + 0.01, 1.0),
            pinball=0.01 * level * (1 - level) * (step or 5) ** 0.5,
        )

    def overall(self, freqs: list[str]) -> Iterator[Overall]:
        steps = (None, *range(1, self.horizon + 1))
        for one, freq, step, weighting in product(
            self.entries, freqs, steps, WEIGHTINGS
        ):
            size = 0.02 * (step or 5) ** 0.5 * self._skill[one["entry"]]
            yield Overall(
                entry=one["entry"],
                freq=freq,
                step=step,
                weighting=weighting,
                n=int(self._rng.integers(20_000, 200_000)),
                n_markets=3072,
                n_groups=622,
                intervals=[self.overall_interval(one, c, step) for c in COVERAGES],
                levels=[self.level(one, level, step) for level in LEVELS],
                mean_pinball=0.21 * size,
                wis=0.47 * size,
                mae=0.6 * size,
                rmse=1.1 * size,
                breach_rate=0.19,
                follow_through=0.31,
            )

    def segments(self, freqs: list[str], names: list[str]) -> Iterator[SegmentScore]:
        for one, freq, name, step in product(
            self.entries, freqs, names, (None, 1, self.horizon)
        ):
            n_groups = int(self._rng.integers(4, 300))
            noise = 0.3 / n_groups**0.5
            yield SegmentScore(
                entry=one["entry"],
                freq=freq,
                segment=name,
                step=step,
                n=n_groups * 40,
                n_markets=n_groups * 3,
                n_groups=n_groups,
                intervals=[
                    self.segment_interval(one, c, step or 5, noise) for c in COVERAGES
                ],
                wis=0.01 * self._skill[one["entry"]],
            )

    def ratios(self, freqs: list[str]) -> Iterator[Ratio]:
        steps = (None, *range(1, self.horizon + 1))
        rivals = [one for one in self.entries if one["is_baseline"]]
        for one, rival, freq, step, weighting, metric in product(
            self.entries, rivals, freqs, steps, WEIGHTINGS, METRICS
        ):
            if one is rival:
                continue
            ratio = self._skill[one["entry"]] / self._skill[rival["entry"]]
            ratio *= float(np.exp(self._rng.normal(0, 0.01)))
            low, high = ratio * 0.975, ratio * 1.027
            yield Ratio(
                entry=one["entry"],
                against=rival["entry"],
                freq=freq,
                step=step,
                weighting=weighting,
                metric=metric,
                ratio=ratio,
                low=low,
                high=high,
                is_significant=high < 1 or low > 1,
            )

    def cold_start(self, freqs: list[str]) -> Iterator[ColdStart]:
        for one, freq, age, step in product(
            self.entries, freqs, range(1, 73), (1, self.horizon)
        ):
            yield ColdStart(
                entry=one["entry"],
                freq=freq,
                age=age,
                step=step,
                n=1200 - 10 * age,
                n_groups=400,
                intervals=[
                    self.age_interval(one, c, step, 0.02 + 0.05 / age**0.5)
                    for c in COVERAGES
                ],
            )

    def market(
        self, one: Entry, freq: str, name: str, *, is_worst: bool
    ) -> DrawnMarket:
        n, step = 160, self.horizon
        moves = self._rng.normal(0, 0.012, n) * (self._rng.random(n) < 0.5)
        prices = np.clip(np.round(0.4 + np.cumsum(moves), 2), 0.01, 0.99)
        known = np.concatenate([np.full(step, np.nan), prices[:-step]])
        half = 0.008 * step**0.5 * (0.4 if is_worst else 1.0)

        def shifted(times_half: float) -> list[float | None]:
            edge = np.clip(known + times_half * half, 0, 1)
            return [None if np.isnan(value) else float(value) for value in edge]

        return DrawnMarket(
            entry=one["entry"],
            freq=freq,
            market_id=name,
            question=f"Will {name} happen before the end of the month?",
            place="worst" if is_worst else "best",
            step=step,
            wis=0.031 if is_worst else 0.004,
            error=0.22 if is_worst else 0.0,
            times=[
                f"{START + timedelta(minutes=5 * k):%Y-%m-%dT%H:%M:%SZ}"
                for k in range(n)
            ],
            prices=[float(price) for price in prices],
            bands=[
                {"coverage": c, "lower": shifted(-_Z[c]), "upper": shifted(_Z[c])}
                for c in COVERAGES
            ],
            median=shifted(0.0),
        )


def segment_names(n: int) -> list[str]:
    """Return the first names of the cross product of a few parts."""
    parts = (
        ("weather", "politics", "sports", "crypto", "other"),
        ("<0.03", "0.03-0.12", "0.12-0.3", "0.3-0.6", ">0.6"),
        ("<12", "24-36", "72-216", "none"),
        ("<0.03", "0.03-0.12", ">0.12"),
        ("<36", ">=36"),
    )
    keys = ("category", "moving", "expiry", "edge", "age")
    cells = list(product(*parts))[:: max(1, 600 // n)][:n]
    return [
        ",".join(f"{key}={part}" for key, part in zip(keys, cell, strict=True))
        for cell in cells
    ]


def manifest(horizon: int) -> Manifest:
    return Manifest(
        data={
            "name": "recorded-dev",
            "sha256": "9f2c" * 16,
            "n_markets": 3072,
            "n_groups": 622,
            "n_points": 1_204_331,
        },
        split={
            "name": "time",
            "seed": 20260220,
            "cuts": {
                "polymarket": "2025-11-02T00:00:00Z",
                "kalshi": "2025-12-24T12:00:00Z",
            },
        },
        horizon=horizon,
        quantile_levels=LEVELS,
        steps=["5m", "1h"],
        seeds={"bootstrap": 7, "ceiling": 8},
        settings={"context_length": 288, "calibration": {"enabled": True, "aim": 0.9}},
        versions={"tsfm-runner": "0.1.0", "numpy": "2.3.1"},
        created_at="2026-02-21T08:00:00+00:00",
    )


def study(
    seed: int = 20260220,
    *,
    models: tuple[str, ...] = ("ewma", "har", "chronos2"),
    freqs: tuple[str, ...] = (ALL_FREQS, "5m", "1h"),
    horizon: int = 12,
    n_segments: int = 24,
) -> Document:
    """Return a document with everything in it."""
    maker = StudyMaker(seed, models, horizon)
    every = list(freqs)
    return Document(
        schema=SCHEMA,
        manifest=manifest(horizon),
        quantile_levels=LEVELS,
        coverages=COVERAGES,
        horizon=horizon,
        entries=maker.entries,
        skipped=[
            {"market_id": "rain-in-oslo", "reason": "a price of 1.2 is outside [0, 1]"},
            {"market_id": "empty-market", "reason": "no prices"},
        ],
        left_out={"selected on the outcome": 310, "fewer than 30 prices": 41},
        leakage_checks=[
            {"check": "groups apart", "told": "622 groups, none twice", "passed": True},
            {"check": "future shuffled", "told": "0 bands differ", "passed": True},
        ],
        overall=list(maker.overall(every)),
        segments=list(maker.segments(every, segment_names(n_segments))),
        ratios=list(maker.ratios(every)),
        cold_start=list(maker.cold_start(every)),
        fallbacks=[
            {
                "entry": "chronos2/raw",
                "freq": "5m",
                "reason": "too_few_points",
                "n": 12,
            },
        ],
        markets=[
            maker.market(one, every[-1], f"{name}-{one['model']}", is_worst=is_worst)
            for one in maker.entries
            for name, is_worst in (
                ("rate-cut", True),
                ("final-goal", True),
                ("snow-day", False),
                ("no-change", False),
            )
        ],
        timing={"elapsed_s": 212.4, "n_origins": 1_032_117, "peak_memory_mb": 1830.0},
    )


def copied(document: Document) -> Any:  # noqa: ANN401
    """Return a document of its own, any part of which may be changed."""
    return deepcopy(document)


def without_numbers(value: Any, *, key: str = "") -> Any:  # noqa: ANN401
    """Return the same document with null wherever one may stand."""
    kept = {"coverage", "level", "seed"}
    if isinstance(value, dict):
        return {name: without_numbers(part, key=name) for name, part in value.items()}
    if isinstance(value, list):
        is_fixed = key in {"coverages", "quantile_levels"}
        return value if is_fixed else [without_numbers(part, key=key) for part in value]
    is_null = (isinstance(value, float) and key not in kept) or key == "question"
    return None if is_null else value
