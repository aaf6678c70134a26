"""What the edges of the program talk to."""

from collections.abc import Callable
from dataclasses import dataclass

from tsfm_runner.ports import Telemetry
from tsfm_runner.service.calibration.calibrator import Calibrator
from tsfm_runner.service.catalogue import Catalogue
from tsfm_runner.service.forecasting import ForecastService


@dataclass(frozen=True, slots=True)
class Backend:
    """The use cases of one running process.

    ``give_up`` answers whatever still waits for a model with a baseline, so that a
    process that stops leaves nobody without an answer.
    """

    forecasts: ForecastService
    calibrator: Calibrator
    catalogue: Catalogue
    telemetry: Telemetry
    give_up: Callable[[], None]
