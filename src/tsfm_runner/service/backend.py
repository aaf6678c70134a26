"""What the edges of the program talk to."""

from collections.abc import Callable
from dataclasses import dataclass

from tsfm_runner.ports import Telemetry
from tsfm_runner.service.board.board import Board
from tsfm_runner.service.board.health import RuntimeHealth
from tsfm_runner.service.calibration.calibrator import Calibrator
from tsfm_runner.service.catalogue import Catalogue
from tsfm_runner.service.delivering.couriers import Couriers
from tsfm_runner.service.feed import Feed
from tsfm_runner.service.forecasting import ForecastService
from tsfm_runner.service.signals.engine import SignalEngine


@dataclass(frozen=True, slots=True)
class Backend:
    """The use cases of one running process.

    ``give_up`` answers whatever still waits for a model with a baseline, so that a
    process that stops leaves nobody without an answer.
    """

    forecasts: ForecastService
    calibrator: Calibrator
    signals: SignalEngine
    catalogue: Catalogue
    telemetry: Telemetry
    give_up: Callable[[], None]
    feed: Feed
    board: Board
    health: RuntimeHealth
    webhooks: Couriers
