"""Scores every calibration on one panel, whole and in parts, as plain numbers."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from band_scores import (
    BoolArray,
    FloatArray,
    IntArray,
    Marks,
    Score,
    by_group,
    group_sums,
    mark,
    score,
)
from panels import Origins, Panel
from replay import LEVELS, Replayed
from rivals import RawBands, rival_bands
from tsfm_runner.core.bootstrap import Interval, ratio_interval

OURS = "ours"
INTERVALS: Mapping[str, tuple[float, float]] = {
    "80 %": (0.1, 0.9),
    "90 %": (0.05, 0.95),
}
FIRST_STEPS = 36
LAST_HOURS = 12
ORIGINS_PER_STEP = 200
OFF = 0.03
N_DRAWS = 1_000
SECONDS_PER_HOUR = 3_600


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """How many segments have enough origins at each step, and how many are off."""

    n_large: IntArray
    n_off: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class IntervalStudy:
    """What was measured of one interval, by method and by part of the origins.

    ``slices`` holds for each part our scores and those without calibration.
    """

    coverage: float
    scores: Mapping[str, Score]
    slices: Mapping[str, tuple[Score, Score]]
    segments: Segments
    ratios: Mapping[str, Interval]


def study_interval(
    panel: Panel, origins: Origins, replayed: Replayed, *, name: str, seed: int
) -> IntervalStudy:
    """Hold our bands and those of every rival against what happened."""
    low, high = INTERVALS[name]
    coverage = round(high - low, 6)
    edges = [LEVELS.index(low), LEVELS.index(high)]
    raw = _raw_bands(panel, origins, replayed, edges, coverage)
    rows, markets = origins.is_test, origins.markets
    ours = mark(replayed.calibrated[..., edges], raw.outcomes, coverage=coverage)
    scores = {OURS: score(ours, rows, markets, coverage=coverage)}
    sums = _event_sums(panel, origins, ours)
    ratios: dict[str, Interval] = {}
    plain = ours
    for rival, found in rival_bands(raw):
        marks = mark(found, raw.outcomes, coverage=coverage)
        plain = marks if rival == "uncalibrated" else plain
        scores[rival] = score(marks, rows, markets, coverage=coverage)
        theirs = _event_sums(panel, origins, marks)
        ratios[rival] = ratio_interval(sums, theirs, n_draws=N_DRAWS, seed=seed)
    slices = {
        part: (
            score(ours, rows & where, markets, coverage=coverage),
            score(plain, rows & where, markets, coverage=coverage),
        )
        for part, where in _parts(panel, origins)
    }
    segments = _segments(ours, rows, replayed.segments, coverage)
    return IntervalStudy(coverage, scores, slices, segments, ratios)


def _raw_bands(
    panel: Panel,
    origins: Origins,
    replayed: Replayed,
    edges: list[int],
    coverage: float,
) -> RawBands:
    lower, upper = (replayed.raw[..., edge] for edge in edges)
    return RawBands(
        lower=lower,
        median=replayed.raw[..., LEVELS.index(0.5)],
        upper=upper,
        outcomes=origins.outcomes.astype(np.float32),
        markets=origins.markets,
        steps=origins.steps,
        sources=panel.sources[origins.markets],
        is_train=origins.is_train,
        miscoverage=1 - coverage,
    )


def _event_sums(panel: Panel, origins: Origins, marks: Marks) -> FloatArray:
    """Add up the Winkler scores of each event that has origins in the test part.

    The markets of an event move together, so whole events are drawn again.
    """
    groups = panel.groups[origins.markets[origins.is_test]]
    _, event = np.unique(groups, return_inverse=True)
    return group_sums(marks.winkler[origins.is_test], event)


def _parts(panel: Panel, origins: Origins) -> Iterator[tuple[str, BoolArray]]:
    yield f"first {FIRST_STEPS} steps", origins.ages <= FIRST_STEPS
    yield f"after {FIRST_STEPS} steps", origins.ages > FIRST_STEPS
    now_s = origins.steps * panel.spec.step_s
    hours = (panel.closes_at_s[origins.markets] - now_s) / SECONDS_PER_HOUR
    if np.isfinite(hours).any():
        yield f"< {LAST_HOURS} h to the end", hours < LAST_HOURS
        yield f">= {LAST_HOURS} h to the end", hours >= LAST_HOURS
    for source in np.unique(panel.sources):
        yield str(source), panel.sources[origins.markets] == source


def _segments(
    marks: Marks, rows: BoolArray, segments: IntArray, coverage: float
) -> Segments:
    counts, errors = by_group(marks, rows, segments, coverage=coverage)
    steps = np.arange(1, counts.shape[1] + 1)
    is_large = counts >= ORIGINS_PER_STEP * steps
    is_off = is_large & (errors > OFF)
    return Segments(is_large.sum(axis=0), is_off.sum(axis=0))


def status_shares(origins: Origins, replayed: Replayed) -> dict[str, float]:
    """Return how often each status stood on a certificate in the test part."""
    counts = np.bincount(
        replayed.statuses[origins.is_test], minlength=len(replayed.status_names)
    )
    shares = counts / max(1, counts.sum())
    return dict(zip(replayed.status_names, shares.tolist(), strict=True))


def as_json(study: IntervalStudy) -> dict[str, object]:
    """Return a study as lists of numbers, one element a step ahead."""
    return {
        "coverage": study.coverage,
        "scores": {name: _lists(one) for name, one in study.scores.items()},
        "slices": {
            name: {OURS: _lists(ours), "uncalibrated": _lists(plain)}
            for name, (ours, plain) in study.slices.items()
        },
        "segments": _lists(study.segments),
        "winkler_ratios": {name: _lists(one) for name, one in study.ratios.items()},
    }


def _lists(numbers: Score | Interval | Segments) -> dict[str, list[float | None]]:
    found = numbers._asdict() if isinstance(numbers, Interval) else asdict(numbers)
    return {name: _plain(values) for name, values in found.items()}


def _plain(values: npt.NDArray[np.generic]) -> list[float | None]:
    finite = np.isfinite(values.astype(float))
    listed = zip(values.tolist(), finite.tolist(), strict=True)
    return [value if is_finite else None for value, is_finite in listed]
