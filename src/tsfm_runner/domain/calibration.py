"""What an answer says of its calibration, and how bands have done so far."""

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from tsfm_runner.domain.task import FloatArray

ConformalStatus: TypeAlias = Literal[
    "calibrated", "warming_up", "drifting", "uncalibrated", "disabled"
]
BandCalibration: TypeAlias = Literal["conformal", "raw"]


class StreamKey(NamedTuple):
    """Whose scores are learned from together: one revision of a model at one step."""

    model_name: str
    model_version: str
    step_s: int


@dataclass(frozen=True, slots=True, eq=False)
class Certificate:
    """How far a band can be trusted.

    Attributes
    ----------
    n : int
        Scored steps of bands of the model in the segment.
    empirical_coverage : float or None
        Share of them that ended inside the target interval, edges included; None
        without any.
    coverage_interval : (float, float) or None
        95 % interval of that share which allows for outcomes of one event moving
        together; None with fewer than two events.
    lower, upper : (horizon,) array
        The interval at the target coverage; prices.
    state_version : int
        Grows with everything that is learned.
    updated_at_s : float or None
        Epoch seconds of when the model's state last learned; None if never.

    """

    status: ConformalStatus
    segment: str
    n: int
    empirical_coverage: float | None
    coverage_interval: tuple[float, float] | None
    target_coverage: float
    lower: FloatArray
    upper: FloatArray
    state_version: int
    updated_at_s: float | None

    @property
    def band(self) -> BandCalibration:
        """Whether the band that is served is a calibrated one."""
        return "raw" if self.status in ("uncalibrated", "disabled") else "conformal"


@dataclass(frozen=True, slots=True)
class Drift:
    """A segment whose outcomes no longer fitted what was learned, at one step."""

    stream: StreamKey
    segment: str
    step: int
    miss_rate: float
    inside_rate: float


class IntervalRecord(NamedTuple):
    """How one kind of interval has done: counts, and means in probability units."""

    n_closed: int
    n_open: int
    mean_width: float
    mean_interval_score: float


class TargetRecord(NamedTuple):
    """How target intervals as served did in one segment at one step: sums."""

    segment: str
    step: int
    n: float
    n_closed: float
    n_open: float
    width: float


@dataclass(frozen=True, slots=True)
class CoverageRecord:
    """How the bands of one model did in one segment at one step.

    ``served`` is the 10/90 interval as it was published and ``raw`` as the model
    drew it; ``target`` is the interval at the target coverage.
    """

    stream: StreamKey
    is_shadow: bool
    segment: str
    step: int
    n: int
    served: IntervalRecord
    raw: IntervalRecord
    target: IntervalRecord
