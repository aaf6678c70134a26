"""Chronos-2 and Chronos-Bolt in our own process, with the extra ``chronos``."""

from tsfm_runner.adapters.chronos.revisions import chronos_revisions
from tsfm_runner.adapters.chronos.runtime import ChronosRuntime, open_chronos

__all__ = ["ChronosRuntime", "chronos_revisions", "open_chronos"]
