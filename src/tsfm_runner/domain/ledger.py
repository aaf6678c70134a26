"""What is written down of every band, and of what happened after it."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from tsfm_runner.domain.signals import BreachSignal, DeliveryEntry
from tsfm_runner.domain.task import FloatArray

OutcomeSource: TypeAlias = Literal["request", "observation", "history"]
IdArray: TypeAlias = npt.NDArray[np.int64]
StepArray: TypeAlias = npt.NDArray[np.int16]
SingleArray: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class ForecastEntry:
    """One band as it was served, or as a baseline drew it beside one (a shadow).

    Attributes
    ----------
    id : int
        Ascending in the order of serving, unique in one ledger.
    raw, published : (horizon, n_levels) array
        Prices before and after calibration.
    target : (horizon, 2) array
        Lower and upper edge of the interval at the target coverage.
    scoring : (horizon, n) array
        What scoring the band needs to know of it, opaque to whoever stores it.
        It is empty, of shape (0, 0), for a band that is never scored.

    """

    id: int
    forecast_id: str
    market_id: str
    event_id: str | None
    cutoff_s: float
    step_s: int
    closes_at_s: float | None
    model_name: str
    model_version: str
    runtime: str
    is_shadow: bool
    fallback_reason: str | None
    segment: str
    status: str
    state_version: int
    recorded_at_s: float
    quantile_levels: tuple[float, ...]
    raw: FloatArray
    published: FloatArray
    target: FloatArray
    scoring: SingleArray

    @property
    def horizon(self) -> int:
        """The count of steps."""
        return len(self.published)

    @property
    def awaited_until_s(self) -> float:
        """When its last outcome is to be expected, counted from when it was served.

        A series of years ago, replayed today, has its outcomes today.
        """
        return self.recorded_at_s + self.horizon * self.step_s


@dataclass(frozen=True, slots=True)
class OutcomeEntry:
    """What the price of a market was at a moment; the first word on it counts."""

    market_id: str
    ts_s: float
    y: float
    source: OutcomeSource
    recorded_at_s: float


@dataclass(frozen=True, slots=True, eq=False)
class ScoreEntry:
    """The steps of forecasts that one outcome ended.

    ``forecast_ids`` and ``steps`` have one element for each such step, in the order
    in which they were scored; steps count from 1.
    """

    id: int
    market_id: str
    ts_s: float
    y: float
    forecast_ids: IdArray
    steps: StepArray


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """How the bands of one segment have done at one step, in whole counts."""

    model_name: str
    model_version: str
    step_s: int
    is_shadow: bool
    segment: str
    step: int
    n: int
    n_closed: int
    n_open: int
    mean_width: float
    mean_interval_score: float


@dataclass(frozen=True, slots=True)
class StateEntry:
    """The calibration state as it was after one score; ``blob`` is opaque."""

    applied_score_id: int
    updated_at_s: float
    blob: bytes
    segments: tuple[SegmentRow, ...]


LedgerEntry: TypeAlias = (
    ForecastEntry
    | OutcomeEntry
    | ScoreEntry
    | StateEntry
    | BreachSignal
    | DeliveryEntry
)


@dataclass(frozen=True, slots=True)
class LedgerContents:
    """What a process that starts reads back.

    ``state`` is the newest, None in a new ledger. ``scores`` are those after it, in
    order; ``forecasts`` all those that they name and all whose outcomes are awaited
    past the moment asked for, in order of id. ``ended`` holds, for the latter, every
    (forecast id, step) that was scored already. The next ids are free. ``breaches`` is
    the newest that is known of each breach that is open or not yet decided, or that
    closed lately (after the moment asked for).
    """

    state: StateEntry | None
    forecasts: tuple[ForecastEntry, ...]
    scores: tuple[ScoreEntry, ...]
    ended: frozenset[tuple[int, int]]
    next_forecast_id: int
    next_score_id: int
    breaches: tuple[BreachSignal, ...] = ()
    next_signal_id: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class LedgerForecast:
    """A forecast as it stands in the ledger, with what is known of its steps.

    ``outcomes`` has shape ``(horizon,)``; NaN where nothing was scored yet.
    """

    entry: ForecastEntry
    outcomes: FloatArray
