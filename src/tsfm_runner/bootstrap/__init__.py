"""Builds every object of a process from its settings; nobody else does."""

from tsfm_runner.bootstrap.application import build_app
from tsfm_runner.bootstrap.backend import open_backend, open_warming
from tsfm_runner.bootstrap.backfilling import KeepSignals, open_for_backfill
from tsfm_runner.bootstrap.calibration import read_learned
from tsfm_runner.bootstrap.runtimes import Runtimes

__all__ = [
    "KeepSignals",
    "Runtimes",
    "build_app",
    "open_backend",
    "open_for_backfill",
    "open_warming",
    "read_learned",
]
