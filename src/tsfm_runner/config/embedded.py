"""The models that run in our own process."""

from pathlib import Path

from tsfm_runner.config.fields import Count, Section


class EmbeddedConfig(Section):
    """The models that run in our own process, on the CPU, without any network."""

    enabled: bool = True
    """Without it there is no embedded rung."""
    model: str = "tsfm-mini"
    """Model that is asked when the request names none."""
    models_dir: Path | None = None
    """Folder of your own models; unset: `models` in the user's data folder."""
    threads: Count = 1
    """Threads that compute one call."""
    max_series_per_call: Count = 256
    """Most series in one call; a model computes them together."""
