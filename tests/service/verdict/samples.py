"""Evidence and verdicts to decide from."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from tsfm_runner.core.arrays import FloatArray
from tsfm_runner.domain.verdict import (
    SegmentKey,
    SegmentVerdict,
    Verdict,
    VerdictReason,
)
from tsfm_runner.service.verdict.evidence import SegmentEvidence

KEY = SegmentKey("chronos2", "main", 300, "category=none")
NOW = datetime(2026, 2, 20, 12, tzinfo=UTC)
_EWMA: Mapping[str, float] = {"ewma": 1.0}


def evidence(  # noqa: PLR0913 - one keyword for each thing that tests vary
    *,
    ratio: float = 0.8,
    n_groups: int = 20,
    per_group: int = 50,
    spread: float = 0.02,
    closed: float = 0.8,
    open_: float = 0.8,
    coverage_spread: float = 0.01,
    baselines: Mapping[str, float] = _EWMA,
    key: SegmentKey = KEY,
) -> SegmentEvidence:
    """Return outcomes whose sums give exactly these means.

    ``ratio`` is the mean score of the model, ``baselines`` those of baselines;
    ``spread`` says how much the ratio differs from group to group, and
    ``coverage_spread`` how much the coverage does.
    """
    n = np.full(n_groups, float(per_group))
    waves = _waves(n_groups)
    own = ratio * (1 + spread * waves)
    held = coverage_spread * waves
    scores = {
        name: mean * n * (1 + spread * np.roll(waves, place))
        for place, (name, mean) in enumerate(baselines.items(), start=1)
    }
    return SegmentEvidence(
        key, n, n * (closed + held), n * (open_ + held), n * own, scores
    )


def _waves(n_groups: int) -> FloatArray:
    """Return numbers whose mean is 0 and whose mean square is 1."""
    rng = np.random.default_rng(n_groups)
    free = rng.normal(size=n_groups) if n_groups > 1 else np.zeros(1)
    centred: FloatArray = free - free.mean()
    return centred / max(float(centred.std()), 1e-9)


def decided(**fields: Any) -> SegmentVerdict:  # noqa: ANN401 - fields are any
    """Return what was decided of a segment, by default that the model is proven."""
    is_proven = fields.get("is_proven", True)
    usual: dict[str, Any] = {
        "key": KEY,
        "is_proven": True,
        "reason": None if is_proven else VerdictReason.NOT_BETTER,
        "better_baseline": "ewma",
        "against": "ewma",
        "ratio": 0.9,
        "low": 0.85,
        "high": 0.95,
        "closed": 0.81,
        "open": 0.79,
        "error": 0.0,
        "n": 5_000,
        "n_groups": 50,
    }
    return SegmentVerdict(**(usual | fields))


def verdict(*segments: SegmentVerdict, version: int = 1) -> Verdict:
    """Return a verdict of an evaluation on these segments."""
    return Verdict(version, NOW, "evaluation", ("ewma",), segments)
