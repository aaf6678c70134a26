"""Models that run in our own process, behind our port."""

from tsfm_runner.adapters.embedded.dispatch import InProcessRuntime
from tsfm_runner.adapters.embedded.model import EmbeddedModel, Shown, open_model
from tsfm_runner.adapters.embedded.runtime import EmbeddedRuntime

__all__ = [
    "EmbeddedModel",
    "EmbeddedRuntime",
    "InProcessRuntime",
    "Shown",
    "open_model",
]
