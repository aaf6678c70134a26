"""Every constant of a prior changes what is simulated, and every prior is sound."""

import dataclasses
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar, get_args

import numpy as np
import pytest
from tests.testing.markets.market_samples import END, LIVELY, SEED

from tsfm_runner.testing.markets import PRIORS, PriorName, SimulatedMarkets
from tsfm_runner.testing.markets.profiles import (
    Pace,
    Profile,
    Range,
    Spread,
    Venue,
    numbers_of,
)
from tsfm_runner.testing.markets.simulation import simulate_profiles

Part = TypeVar("Part", Pace, Venue, Profile)

N_MARKETS, N_STEPS = 120, 80
NAMED_ONLY = {"category", "question"}
OTHER_SHAPES = replace(
    LIVELY, category="other", shape="ladder", weight=0.05, weight_hourly=0.05
)


def fields_of(part: type[Pace | Venue | Profile]) -> list[str]:
    names = [field.name for field in dataclasses.fields(part)]
    return [name for name in names if name not in {"pace", "venue"}]


def with_all(part: Part) -> Part:
    """Return a part with every share at a half and no range of a single number."""
    values = {name: getattr(part, name) for name in fields_of(type(part))}
    return replace(part, **{name: widened(values[name], name) for name in values})


def widened(value: object, name: str) -> Any:  # noqa: ANN401 - as many types as fields
    match value:
        case float() if name.endswith(("_share", "_chance")):
            return 0.5
        case Range(low=low, high=high) | Spread(low=low, high=high) if low == high:
            return type(value)(low, 10 * low)
        case _:
            return value


OFTEN = Range(0.002, 0.05)
EVERYTHING = replace(
    with_all(LIVELY),
    pace=replace(
        with_all(LIVELY.pace), news_rate=OFTEN, jump_rate=OFTEN, hazard_rate=OFTEN
    ),
    venue=replace(with_all(LIVELY.venue), slip_rate=OFTEN),
)
EXTREMES = {"shape": "bands", "category": "strange", "question": "Why?"}


def extreme(value: object, name: str) -> Any:  # noqa: ANN401 - as many types as fields
    """Return a value of a field as far off as may be."""
    match value:
        case Range(low=low) | Spread(low=low):
            return type(value)(low, low)
        case tuple():
            return value[:1]
        case float():
            return 0.0
        case _:
            return EXTREMES[name]


def changed(part: type[Pace | Venue | Profile], name: str) -> Profile:
    owners = {Pace: EVERYTHING.pace, Venue: EVERYTHING.venue, Profile: EVERYTHING}
    fresh = {name: extreme(getattr(owners[part], name), name)}
    if part is Pace:
        return replace(EVERYTHING, pace=replace(EVERYTHING.pace, **fresh))
    if part is Venue:
        return replace(EVERYTHING, venue=replace(EVERYTHING.venue, **fresh))
    return replace(EVERYTHING, **fresh)


@cache
def simulated(profile: Profile, *, step_s: int) -> SimulatedMarkets:
    return simulate_profiles(
        N_MARKETS,
        (profile, OTHER_SHAPES),
        n_steps=N_STEPS,
        step_s=step_s,
        seed=SEED,
        end=END,
    )


@pytest.mark.parametrize(
    ("part", "name"),
    [(part, name) for part in (Pace, Venue, Profile) for name in fields_of(part)],
)
def test_every_constant_changes_what_is_simulated(
    part: type[Pace | Venue | Profile], name: str
) -> None:
    step_s = 3_600 if name.endswith("_hourly") else 300

    usual = simulated(EVERYTHING, step_s=step_s)
    strange = simulated(changed(part, name), step_s=step_s)

    is_same = np.array_equal(usual.prices, strange.prices) and np.array_equal(
        usual.bids, strange.bids, equal_nan=True
    )
    assert is_same == (name in NAMED_ONLY)
    assert not is_same or usual.listings != strange.listings


def test_the_weight_at_the_hour_is_for_the_hour() -> None:
    hourly = replace(EVERYTHING, weight_hourly=0.0)

    usual, same = (simulated(kind, step_s=300) for kind in (EVERYTHING, hourly))

    assert (usual.prices == same.prices).all()
    rows = simulated(hourly, step_s=3_600).listings
    assert {row.category for row in rows} == {"other"}


def test_a_constant_that_is_none_is_not_found() -> None:
    with pytest.raises(AttributeError, match="volume"):
        numbers_of((LIVELY,), "volume")


def test_every_prior_has_its_name() -> None:
    assert set(get_args(PriorName)) == set(PRIORS)


@pytest.mark.parametrize("prior", sorted(PRIORS))
def test_the_constants_of_every_prior_can_be(prior: str) -> None:
    for profile in PRIORS[prior]:
        for part in (profile, profile.pace, profile.venue):
            for name in fields_of(type(part)):
                value = getattr(part, name)
                if isinstance(value, Range):
                    assert 0 < value.low <= value.high, name
                elif isinstance(value, Spread):
                    assert 0 <= value.low <= value.high, name
                elif name.endswith(("_share", "_chance")):
                    assert 0 <= value <= 1, name
        assert profile.venue.ticks
        assert profile.ended_at.high <= 1
        assert profile.pace.hazard_start.high < 1
    for weight in ("weight", "weight_hourly"):
        assert (numbers_of(PRIORS[prior], weight) > 0).all()
