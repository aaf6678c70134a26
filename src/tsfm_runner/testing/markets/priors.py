"""The priors by name, from which markets are drawn."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

from tsfm_runner.testing.markets.broad import BROAD
from tsfm_runner.testing.markets.profiles import Profile
from tsfm_runner.testing.markets.venues import VENUES

PriorName: TypeAlias = Literal["venues", "broad"]

PRIORS: Mapping[str, tuple[Profile, ...]] = {"venues": VENUES, "broad": BROAD}
