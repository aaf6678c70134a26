"""The priors by name, from which markets are drawn."""

from collections.abc import Mapping

from tsfm_runner.testing.markets.broad import BROAD
from tsfm_runner.testing.markets.profiles import Profile
from tsfm_runner.testing.markets.venues import VENUES

PRIORS: Mapping[str, tuple[Profile, ...]] = {"venues": VENUES, "broad": BROAD}
