"""What the edges of the program talk to."""

from dataclasses import dataclass

from tsfm_runner.service.catalogue import Catalogue
from tsfm_runner.service.forecasting import ForecastService


@dataclass(frozen=True, slots=True)
class Backend:
    """The use cases of one running process."""

    forecasts: ForecastService
    catalogue: Catalogue
