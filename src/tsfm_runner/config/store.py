"""Where forecasts, outcomes and calibration are kept, and for how long."""

from tsfm_runner.config.fields import Count, Positive, Section


class StoreConfig(Section):
    """The ledger of what was served and what happened after it."""

    url: str | None = None
    """SQLAlchemy address of a SQLite file; unset: `ledger.db` in the user's data
    folder. `sqlite://` keeps everything in memory only."""
    commit_interval_s: Positive = 0.5
    """Longest that an entry waits before it is written, together with others."""
    max_age_days: Positive = 30.0
    """Forecasts, outcomes and scores older than this are deleted."""
    max_bytes: Count = 2 * 1024**3
    """Size of the file above which the oldest of them are deleted too."""
    max_waiting: Count = 50_000
    """Most entries that wait while nothing can be written; then the oldest
    forecasts are let go, and counted."""
    snapshot_interval_s: Positive = 60.0
    """How often the calibration state is written down."""
