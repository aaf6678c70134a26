"""Probability series of prediction markets in, quantile bands out."""

from importlib import import_module, metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tsfm_runner.facade import Bands, Evaluation, evaluate, forecast

    __version__: str

__all__ = ["Bands", "Evaluation", "__version__", "evaluate", "forecast"]


def __getattr__(name: str) -> object:
    """Find what is asked for only then, so that importing the package is cheap."""
    if name == "__version__":
        return metadata.version("tsfm-runner")
    if name in __all__:
        return getattr(import_module("tsfm_runner.facade"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
