"""Choose the markets that matter most."""

from collections.abc import Sequence

import numpy as np

from tsfm_runner.config import CycleConfig
from tsfm_runner.core.ranking import priority
from tsfm_runner.domain.standing import MarketStanding


def most_important(
    market_ids: Sequence[str],
    standings: Sequence[MarketStanding],
    config: CycleConfig,
) -> list[int]:
    """Return the positions of the ``config.top`` first markets, best first.

    Markets with as many points stand in order of their names, so that the same
    input is always ranked the same way.
    """
    if not market_ids:
        return []
    points = priority(
        np.array([[each.is_watched, each.is_alert_candidate] for each in standings]),
        np.array([[each.volume, each.open_interest] for each in standings]),
        claim_weights=np.array(
            [config.watchlist_weight, config.alert_candidate_weight]
        ),
        amount_weights=np.array([config.volume_weight, config.open_interest_weight]),
    )
    ranked = sorted(
        range(len(market_ids)), key=lambda place: (-points[place], market_ids[place])
    )
    return ranked[: config.top]
