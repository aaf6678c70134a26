"""What is known of a model in a segment: sums over groups of outcomes."""

from collections.abc import Mapping
from dataclasses import dataclass

from tsfm_runner.core.arrays import FloatArray
from tsfm_runner.domain.verdict import SegmentKey

COVERAGE = 0.8
"""Of the interval that is judged; its levels are 0.1 and 0.9."""


@dataclass(frozen=True, slots=True, eq=False)
class SegmentEvidence:
    """Outcomes of one model in one segment, and of baselines at the very same ones.

    All steps ahead count together. Arrays have one element for each group, which is
    the unit of independence: an event, or a market where no event is known.

    Attributes
    ----------
    n : (n_groups,) array
        Outcomes, at least one in each group.
    closed, open : (n_groups,) array
        Outcomes inside the model's 80 % interval, with the edges and without.
    score : (n_groups,) array
        Sum of the interval scores of the model.
    baselines : mapping of name to (n_groups,) array
        The same sum of each baseline, at least one of them.

    """

    key: SegmentKey
    n: FloatArray
    closed: FloatArray
    open: FloatArray
    score: FloatArray
    baselines: Mapping[str, FloatArray]
