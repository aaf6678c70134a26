"""Our models and bands behind the routes of a tollama daemon, in its own words."""

from tsfm_runner.api.tollama.errors import render
from tsfm_runner.api.tollama.forecasts import FORECAST_ROUTES
from tsfm_runner.api.tollama.forecasts import router as forecasts_router
from tsfm_runner.api.tollama.routes import router as models_router
from tsfm_runner.api.tollama.schemas import (
    TollamaForecast,
    TollamaName,
    TollamaPull,
    TollamaStreamedForecast,
)

__all__ = ["BODIES", "FORECAST_ROUTES", "RENDERS", "ROUTERS"]

BODIES = (TollamaForecast, TollamaStreamedForecast, TollamaName, TollamaPull)
"""What requests of these routes hold, for their documentation."""
RENDERS = dict.fromkeys(("/api/", "/v1/"), render)
"""How problems are told below these paths."""
ROUTERS = (forecasts_router, models_router)
