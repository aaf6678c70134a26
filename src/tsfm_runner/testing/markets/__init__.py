"""Realistic prediction markets from a seed."""

from tsfm_runner.testing.markets.frames import to_frames
from tsfm_runner.testing.markets.living import LivingMarkets, Sighting
from tsfm_runner.testing.markets.priors import PRIORS, PriorName
from tsfm_runner.testing.markets.simulation import (
    GENERATOR_VERSION,
    MarketListing,
    SimulatedMarkets,
    simulate_markets,
)

__all__ = [
    "GENERATOR_VERSION",
    "PRIORS",
    "LivingMarkets",
    "MarketListing",
    "PriorName",
    "Sighting",
    "SimulatedMarkets",
    "simulate_markets",
    "to_frames",
]
