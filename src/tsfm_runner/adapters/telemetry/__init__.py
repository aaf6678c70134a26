"""Where everything that happens is told: Prometheus metrics and JSON logs."""

from tsfm_runner.adapters.telemetry.figures import MetricFigures
from tsfm_runner.adapters.telemetry.logs import open_log, silent_log
from tsfm_runner.adapters.telemetry.metrics import Metrics
from tsfm_runner.adapters.telemetry.teller import Teller

__all__ = ["MetricFigures", "Metrics", "Teller", "open_log", "silent_log"]
