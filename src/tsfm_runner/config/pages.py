"""How much is kept for those who look at markets."""

from tsfm_runner.config.fields import Count, Section


class PagesConfig(Section):
    """What the pages of markets show, for as long as the process runs."""

    max_markets: Count = 5_000
    """Most markets that are shown; those not forecast for longest leave first."""
    max_bytes: Count = 256 * 1024**2
    """Most memory that their series and bands may take; then the same ones leave."""
