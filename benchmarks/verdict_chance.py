"""How often a model that is no better seems proven, by chance alone.

Segments are simulated in which model and baseline differ by chance only: groups of
very different sizes and scores, as events are. A verdict allows for 2.5 %.
"""

import argparse

import numpy as np

from tsfm_runner.config import VerdictConfig
from tsfm_runner.domain.verdict import SegmentKey
from tsfm_runner.service.verdict.evidence import SegmentEvidence
from tsfm_runner.service.verdict.measuring import measure

SEED = 20261126
KEY = SegmentKey("model", "1", 300, "segment")
N_GROUPS = (8, 12, 20, 40, 100)
SIZE, SCORE, DIFFERENCE = 1.0, 0.7, 0.15


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


def main() -> None:
    """Print the share for some numbers of groups."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segments", type=int, default=4_000)
    asked = parser.parse_args()
    for n_groups in N_GROUPS:
        share = share_by_chance(n_groups, asked.segments)
        print(f"groups={n_groups} segments={asked.segments} by_chance={share:.4f}")


if __name__ == "__main__":
    main()
