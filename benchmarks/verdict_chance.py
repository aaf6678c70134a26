"""How often a model that is no better seems proven, by chance alone.

Segments are simulated in which model and baseline differ by chance only: groups of
very different sizes and scores, as events are. A verdict allows for 2.5 %. Then the
model has rare losses: 0.9 of the score of the baseline in 19 of 20 events, 2.9 times
it in the rest. Last, what is no better is decided on again and again, on the last 14
days of two events a day.
"""

import argparse
from datetime import UTC, datetime

import numpy as np

from tsfm_runner.config import VerdictConfig
from tsfm_runner.domain.verdict import SegmentKey
from tsfm_runner.service.verdict.deciding import Occasion, decide
from tsfm_runner.service.verdict.evidence import SegmentEvidence
from tsfm_runner.service.verdict.measuring import measure

SEED = 20261126
KEY = SegmentKey("model", "1", 300, "segment")
N_GROUPS = (8, 12, 20, 40, 100)
SIZE, SCORE, DIFFERENCE = 1.0, 0.7, 0.15
RARE = 0.05
DAYS, WINDOW_DAYS = 140, 14


def share_by_chance(n_groups: int, n_segments: int) -> float:
    """Return the share of segments in which the model seems significantly better."""
    rng = np.random.default_rng(SEED)
    rules = VerdictConfig()
    n_better = 0
    for _ in range(n_segments):
        n = np.ceil(rng.lognormal(3.5, SIZE, n_groups))
        usual = n * rng.lognormal(0, SCORE, n_groups)
        model, baseline = usual * rng.lognormal(0, DIFFERENCE, (2, n_groups))
        held = 0.8 * n
        one = SegmentEvidence(KEY, n, held, held, model, {"ewma": baseline})
        n_better += measure(one, rules, "ewma").is_surely_better
    return n_better / n_segments


def share_with_rare_losses(n_groups: int, n_segments: int) -> float:
    """Return the same share for a model that loses rarely, and then much."""
    rng = np.random.default_rng(SEED)
    n, rules, n_better = np.full(n_groups, 60.0), VerdictConfig(), 0
    for _ in range(n_segments):
        baseline = n * rng.lognormal(0, 0.5, n_groups)
        model = baseline * np.where(rng.random(n_groups) < RARE, 2.9, 0.9)
        one = SegmentEvidence(KEY, n, 0.8 * n, 0.8 * n, model, {"ewma": baseline})
        n_better += measure(one, rules, "ewma").is_surely_better
    return n_better / n_segments


def proven_over_time(every_days: int, n_segments: int) -> tuple[float, float]:
    """Return the share of days on which a model is proven, and of segments ever."""
    rng, rules = np.random.default_rng(SEED), VerdictConfig()
    occasion = Occasion(datetime(2026, 1, 1, tzinfo=UTC), "ledger", "ewma")
    days = np.zeros((n_segments, DAYS), dtype=np.bool_)
    for segment in days:
        baseline = 60 * rng.lognormal(0, 0.5, (DAYS + WINDOW_DAYS, 2))
        model = baseline * rng.lognormal(-(0.25**2) / 2, 0.25, baseline.shape)
        current = None
        for day in range(DAYS):
            if day % every_days == 0:
                own, other = (
                    one[day : day + WINDOW_DAYS].ravel() for one in (model, baseline)
                )
                n = np.full(own.size, 60.0)
                held = 0.8 * n
                one = SegmentEvidence(KEY, n, held, held, own, {"ewma": other})
                current = decide([one], current, rules, occasion)
            segment[day] = current is not None and bool(current.n_proven)
    return float(days.mean()), float(days.any(axis=1).mean())


def main() -> None:
    """Print the share for some numbers of groups."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segments", type=int, default=4_000)
    asked = parser.parse_args()
    for n_groups in N_GROUPS:
        share = share_by_chance(n_groups, asked.segments)
        print(f"groups={n_groups} segments={asked.segments} by_chance={share:.4f}")
    for n_groups in N_GROUPS:
        share = share_with_rare_losses(n_groups, asked.segments)
        print(f"groups={n_groups} segments={asked.segments} rare_losses={share:.4f}")
    n_segments = max(asked.segments // 50, 1)
    for every_days in (1, 7, WINDOW_DAYS):
        of_days, ever = proven_over_time(every_days, n_segments)
        print(f"every_days={every_days} days_proven={of_days:.2f} ever={ever:.2f}")


if __name__ == "__main__":
    main()
