"""The tollama daemon as a forecast runtime, over one HTTP exchange a call."""

from tsfm_runner.adapters.tollama.runtime import TollamaRuntime
from tsfm_runner.adapters.tollama.session import open_session

__all__ = ["TollamaRuntime", "open_session"]
