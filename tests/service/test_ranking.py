"""Which markets a cycle takes, and what each setting of the ranking changes."""

import pytest

from tsfm_runner.config import CycleConfig
from tsfm_runner.domain.standing import MarketStanding
from tsfm_runner.service.ranking import most_important

FIELD = {
    "plain": MarketStanding(),
    "watched": MarketStanding(is_watched=True),
    "alarming": MarketStanding(is_alert_candidate=True),
    "busy": MarketStanding(volume=900.0, open_interest=1.0),
    "held": MarketStanding(volume=30.0, open_interest=800.0),
}


def ranked(config: CycleConfig, field: dict[str, MarketStanding]) -> list[str]:
    names = list(field)
    places = most_important(names, list(field.values()), config)
    return [names[place] for place in places]


def test_watched_markets_come_first_then_candidates_then_volume() -> None:
    order = ranked(CycleConfig(), FIELD)

    assert order == ["watched", "alarming", "busy", "held", "plain"]


def test_no_more_than_the_top_is_taken() -> None:
    order = ranked(CycleConfig(top=2), FIELD)

    assert order == ["watched", "alarming"]


@pytest.mark.parametrize(
    ("change", "first"),
    [
        ({"watchlist_weight": 1.0}, "alarming"),
        ({"alert_candidate_weight": 5.0}, "alarming"),
        ({"volume_weight": 9.0}, "busy"),
        ({"open_interest_weight": 9.0}, "held"),
    ],
)
def test_each_weight_can_change_who_is_first(
    change: dict[str, float], first: str
) -> None:
    order = ranked(CycleConfig.model_validate(change), FIELD)

    assert ranked(CycleConfig(), FIELD)[0] != first
    assert order[0] == first


def test_markets_that_tie_stand_in_order_of_their_names() -> None:
    field = {name: MarketStanding(volume=5.0) for name in ("c", "a", "b")}

    assert ranked(CycleConfig(), field) == ["a", "b", "c"]


def test_nothing_known_of_any_market_still_ranks_them() -> None:
    field = {name: MarketStanding() for name in ("b", "a")}

    assert ranked(CycleConfig(), field) == ["a", "b"]


def test_no_market_is_no_ranking() -> None:
    assert ranked(CycleConfig(), {}) == []
