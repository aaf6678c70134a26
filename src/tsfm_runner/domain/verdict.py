"""Where a model is proven better than the baselines, and where it is not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal, NamedTuple, TypeAlias

VerdictOrigin: TypeAlias = Literal["evaluation", "ledger"]


class VerdictReason(StrEnum):
    """What a model lacks in a segment to be proven there; the list is closed."""

    TOO_FEW_GROUPS = "too_few_groups"
    TOO_FEW_OUTCOMES = "too_few_outcomes"
    NOT_BETTER = "not_better"
    NOT_SIGNIFICANT = "not_significant"
    COVERAGE_OFF = "coverage_off"
    COVERAGE_UNSURE = "coverage_unsure"


class SegmentKey(NamedTuple):
    """What is decided by itself: one revision of a model at one step in a segment.

    ``segment`` is the name of a segment as certificates tell it.
    """

    model_name: str
    model_version: str
    step_s: int
    segment: str


@dataclass(frozen=True, slots=True)
class SegmentVerdict:
    """What was decided of one model in one segment, and from what.

    Attributes
    ----------
    reason : VerdictReason or None
        What the model lacks; None where nothing. A model that was proven before may
        stay so although it lacks something now.
    better_baseline : str
        The baseline to serve where the model is not.
    against : str
        The baseline with the lowest mean score, with which the model was compared.
    ratio, low, high : float or None
        Interval score (80 %) of the model over that of the baseline, and its 95 %
        interval; None where it cannot be told.
    closed, open, error : float or None
        Coverage of the model's 80 % interval with the edges and without, and how far
        it is from the target when ties are given their due.

    """

    key: SegmentKey
    is_proven: bool
    reason: VerdictReason | None
    better_baseline: str
    against: str
    ratio: float | None
    low: float | None
    high: float | None
    closed: float | None
    open: float | None
    error: float | None
    n: int
    n_groups: int

    @property
    def serves(self) -> str:
        """The name of what is served: the model, or a baseline."""
        return self.key.model_name if self.is_proven else self.better_baseline


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided of every model in every segment that was looked at.

    ``version`` counts the verdicts, each of which goes on from the one before.
    """

    version: int
    decided_at: datetime
    source: VerdictOrigin
    baselines: tuple[str, ...]
    segments: tuple[SegmentVerdict, ...]
    _by_key: Mapping[SegmentKey, SegmentVerdict] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """Make every segment easy to find."""
        by_key = {one.key: one for one in self.segments}
        object.__setattr__(self, "_by_key", by_key)

    @property
    def models(self) -> tuple[tuple[str, str], ...]:
        """The name and the revision of every model that was looked at."""
        return tuple(sorted({one.key[:2] for one in self.segments}))

    @property
    def n_proven(self) -> int:
        """In how many segments a model is proven."""
        return sum(one.is_proven for one in self.segments)

    def find(self, key: SegmentKey) -> SegmentVerdict | None:
        """Return what was decided of a model in a segment; None: nothing."""
        return self._by_key.get(key)


class StandingVerdict(NamedTuple):
    """The verdict that holds now; ``number`` is another one after every change."""

    number: int
    verdict: Verdict | None
