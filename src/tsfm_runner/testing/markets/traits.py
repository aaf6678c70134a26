"""Constants of each simulated event and of the markets in it."""

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from tsfm_runner.testing.markets.normal import FloatArray

IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

BASE_STEP_S: Final = 300
HOUR_S: Final = 3_600


@dataclass(frozen=True, slots=True, eq=False)
class SessionTraits:
    """When news comes to each event; every array has shape ``(n_events,)``.

    ``phase`` is when in the week the recording starts, as a share of it; ``rest``
    is what is left of the pace outside sessions.
    """

    are_kept: BoolArray
    hours: FloatArray
    rest: FloatArray
    phase: FloatArray
    rest_at_weekends: BoolArray


@dataclass(frozen=True, slots=True, eq=False)
class HazardTraits:
    """What may decide each event at any moment; arrays have shape ``(n_events,)``.

    ``rate`` is the chance of it in one step, 0 where there is no such thing.
    """

    rate: FloatArray
    start: FloatArray
    is_no: BoolArray


@dataclass(frozen=True, slots=True, eq=False)
class EventTraits:
    """Constants of each event; every array has shape ``(n_events,)``."""

    profile: IntArray
    n_markets: IntArray
    volatility: FloatArray
    stage_steps: FloatArray
    stage_pace: FloatArray
    steps_to_close: FloatArray
    cluster_sd: FloatArray
    cluster_memory: FloatArray
    gust_sd: FloatArray
    burst_gain: FloatArray
    burst_memory: FloatArray
    active_factor: FloatArray
    wake_rate: FloatArray
    rest_rate: FloatArray
    news_rate: FloatArray
    news_size: FloatArray
    news_memory: FloatArray
    jump_rate: FloatArray
    jump_size: FloatArray
    day_swing: FloatArray
    day_phase: FloatArray
    tick: FloatArray
    is_tapered: BoolArray
    is_mid: BoolArray
    sessions: SessionTraits
    hazards: HazardTraits


@dataclass(frozen=True, slots=True, eq=False)
class MarketTraits:
    """Constants of each market; arrays have shape ``(n_markets,)``.

    ``edges`` has shape ``(2, n_markets)``: the market pays when the event's score
    ends between two thresholds, given here as probits of ending above them.
    """

    event: IntArray
    edges: FloatArray
    updates: FloatArray
    update_response: FloatArray
    inaction_ticks: FloatArray
    half_spread_ticks: FloatArray
    noise: FloatArray
    noise_memory: FloatArray
    bounce_rate: FloatArray
    flicker_rate: FloatArray
    speed: FloatArray
    slip_rate: FloatArray
    slip_size: FloatArray
    slip_memory: FloatArray
