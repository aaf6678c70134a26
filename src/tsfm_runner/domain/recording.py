"""Markets as they were recorded, to be studied or learned from."""

from dataclasses import dataclass

from tsfm_runner.domain.task import FloatArray, MarketFacts


@dataclass(frozen=True, slots=True, eq=False)
class RecordedMarket:
    """One market of a recording.

    Attributes
    ----------
    times_s : (n_points,) array
        Epoch seconds, strictly ascending.
    prices : (n_points,) array
        In [0, 1]; NaN where unknown, at least one known.
    step_s : int
        The step at which it is studied.
    group : str
        The unit of independence: the event, or the market where none is known.
    source : str
        Where the recording comes from; empty where that is not known.

    """

    market_id: str
    times_s: FloatArray
    prices: FloatArray
    step_s: int
    group: str
    source: str
    facts: MarketFacts
