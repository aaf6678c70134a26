"""Every metric of a study computed anew from its bands, one outcome at a time.

Written from the definitions in docs/evaluation-schema.md with loops and the
standard library alone: nothing of the study's own arithmetic is used.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import fsum, sqrt
from pathlib import Path

import polars as pl

TIE = 1e-6
FOLLOW_HOURS = 6
FOLLOW_MOVE = 0.03
STEPS = {"5m": timedelta(minutes=5), "1h": timedelta(hours=1)}

Prices = Mapping[str, Mapping[datetime, float]]
Means = dict[str, float]
Weigh = Callable[[Sequence["Outcome"]], Means]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one band was worth, once its outcome was known."""

    entry: str
    freq: str
    market: str
    group: str
    cutoff: datetime
    step: int
    age: int
    scores: Means


def read_outcomes(
    bands: Path, prices: Prices, groups: Mapping[str, str]
) -> list[Outcome]:
    """Return all bands of a file that are scored and whose outcome is known."""
    table = pl.read_parquet(bands)
    names = [name for name in table.columns if name.startswith("q")]
    levels = [float(name[1:]) for name in names]
    return [
        Outcome(
            row["entry"],
            row["freq"],
            row["market_id"],
            groups[row["market_id"]],
            row["cutoff"],
            row["step"],
            sum(at <= row["cutoff"] for at in prices[row["market_id"]]),
            _scores(
                dict(zip(levels, (row[name] for name in names), strict=True)),
                row["y"],
                _later(
                    prices[row["market_id"]], row["cutoff"], row["step"], row["freq"]
                ),
            ),
        )
        for row in table.iter_rows(named=True)
        if row["is_scored"] and row["y"] is not None
    ]


def _later(
    prices: Mapping[datetime, float], cutoff: datetime, step: int, freq: str
) -> list[float]:
    """Return the prices of the six hours after an outcome."""
    outcome = cutoff + step * STEPS[freq]
    end = outcome + timedelta(hours=FOLLOW_HOURS)
    times = []
    at = outcome + STEPS[freq]
    while at <= end:
        times.append(at)
        at += STEPS[freq]
    return [prices[at] for at in times if at in prices]


def _scores(band: Mapping[float, float], y: float, later: Sequence[float]) -> Means:
    lows = [level for level in band if level < 0.5]
    median = band[0.5]
    scores = {"absolute error": abs(y - median), "squared error": (y - median) ** 2}
    weighted = abs(y - median) / 2
    for level, quantile in band.items():
        far = abs(y - quantile)
        loss = (level if y >= quantile else 1 - level) * far
        scores[f"pinball {level}"] = loss
        scores[f"below {level}"] = float(y - quantile < -TIE)
        scores[f"at {level}"] = float(y - quantile <= TIE)
    for level in lows:
        lower, upper = band[level], band[round(1 - level, 9)]
        alpha = 2 * level
        coverage = round(1 - alpha, 9)
        score = upper - lower
        if y < lower:
            score += 2 / alpha * (lower - y)
        if y > upper:
            score += 2 / alpha * (y - upper)
        weighted += alpha / 2 * score
        is_below, is_above = y - lower < -TIE, y - upper > TIE
        is_on = abs(y - lower) <= TIE or abs(y - upper) <= TIE
        scores |= {
            f"closed {coverage}": float(not is_below and not is_above),
            f"open {coverage}": float(not is_below and not is_above and not is_on),
            f"low miss {coverage}": float(is_below),
            f"high miss {coverage}": float(is_above),
            f"width {coverage}": upper - lower,
            f"interval score {coverage}": score,
        }
    scores["wis"] = weighted / (len(lows) + 0.5)
    scores["mean pinball"] = fsum(scores[f"pinball {level}"] for level in band) / len(
        band
    )
    is_low, is_high = scores["low miss 0.8"] > 0, scores["high miss 0.8"] > 0
    furthest = 0.0
    if later and is_low:
        furthest = y - min(later)
    if later and is_high:
        furthest = max(later) - y
    scores["breach"] = float(is_low or is_high)
    scores["breach known"] = float((is_low or is_high) and bool(later))
    scores["followed"] = float(furthest >= FOLLOW_MOVE - TIE)
    return scores


def each_alike(outcomes: Sequence[Outcome]) -> Means:
    """Return means in which every outcome counts alike."""
    return {
        name: fsum(one.scores[name] for one in outcomes) / len(outcomes)
        for name in outcomes[0].scores
    }


def groups_alike(outcomes: Sequence[Outcome]) -> Means:
    """Return means in which every group counts alike."""
    groups = [each_alike(members) for members in by(outcomes, lambda one: one.group)]
    return {
        name: fsum(group[name] for group in groups) / len(groups) for name in groups[0]
    }


WEIGHTINGS: Mapping[str, Weigh] = {"group": groups_alike, "origin": each_alike}


def by(
    outcomes: Iterable[Outcome], key: Callable[[Outcome], object]
) -> list[list[Outcome]]:
    """Return the outcomes of each key together."""
    found: dict[object, list[Outcome]] = defaultdict(list)
    for one in outcomes:
        found[key(one)].append(one)
    return list(found.values())


def tie_error(means: Means, coverage: float) -> float:
    """Return how far the target lies outside of open to closed coverage."""
    closed, inside = means[f"closed {coverage}"], means[f"open {coverage}"]
    return max(coverage - closed, inside - coverage, 0.0)


def interval_of(means: Means, coverage: float) -> dict[str, float]:
    """Return what is told of an interval."""
    return {
        "coverage": coverage,
        "closed": means[f"closed {coverage}"],
        "open": means[f"open {coverage}"],
        "error": tie_error(means, coverage),
        "below": means[f"low miss {coverage}"],
        "above": means[f"high miss {coverage}"],
        "width": means[f"width {coverage}"],
        "interval_score": means[f"interval score {coverage}"],
    }


def level_of(means: Means, level: float) -> dict[str, float]:
    """Return what is told of a level."""
    return {
        "level": level,
        "below": means[f"below {level}"],
        "at_or_below": means[f"at {level}"],
        "pinball": means[f"pinball {level}"],
    }


def pooled(means: Means) -> dict[str, float | None]:
    """Return what is told of all levels together."""
    known = means["breach known"]
    return {
        "mean_pinball": means["mean pinball"],
        "wis": means["wis"],
        "mae": means["absolute error"],
        "rmse": sqrt(means["squared error"]),
        "breach_rate": means["breach"],
        "follow_through": means["followed"] / known if known else None,
    }


def near(outcomes: Sequence[Outcome], coverage: float) -> float | None:
    """Return the share of markets with 30 outcomes that are within 5 points."""
    markets = [
        members
        for members in by(outcomes, lambda one: one.market)
        if len(members) >= 30
    ]
    errors = [tie_error(each_alike(members), coverage) for members in markets]
    return (
        sum(error <= 0.05 + 1e-9 for error in errors) / len(errors) if errors else None
    )
