"""What teaches and what is scored: by hand, and never the same event on both sides."""

from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evaluation.recordings import START_S, STEP_S, make_market

from tsfm_runner.domain.recording import RecordedMarket
from tsfm_runner.errors import UnreadableInputError
from tsfm_runner.evaluation.panel import Origins, Panel, make_panel, origins_of
from tsfm_runner.evaluation.splits import Masks, SplitName, make_split


def market(  # noqa: PLR0913 - one argument a fact
    name: str,
    n_prices: int,
    *,
    first: int = 0,
    group: str | None = None,
    source: str = "made",
    step_s: int = STEP_S,
) -> RecordedMarket:
    prices = np.linspace(0.3, 0.6, n_prices)
    return make_market(
        name, prices, first=first, group=group, source=source, step_s=step_s
    )


def panels_of(*markets: RecordedMarket) -> list[tuple[Panel, Origins]]:
    found = []
    for step_s in sorted({one.step_s for one in markets}):
        alike = [one for one in markets if one.step_s == step_s]
        panel = make_panel(alike, step_s=step_s, max_gap_s=0)
        found.append((panel, origins_of(panel)))
    return found


def divided(
    name: SplitName, *markets: RecordedMarket, seed: int = 1
) -> tuple[list[tuple[Panel, Origins]], list[Masks]]:
    panels = panels_of(*markets)
    split = make_split(name, panels, seed=seed)
    return panels, [split.masks(*each) for each in panels]


def steps_scored(panels: list[tuple[Panel, Origins]], masks: list[Masks]) -> set[str]:
    """Return the origins that are scored, as market and step."""
    return {
        f"{panel.markets[place].market_id} {step - START_S // panel.step_s}"
        for (panel, origins), mask in zip(panels, masks, strict=True)
        for place, step in zip(
            origins.markets[mask.is_scored].tolist(),
            origins.steps[mask.is_scored].tolist(),
            strict=True,
        )
    }


def test_in_time_what_lies_after_six_tenths_of_all_origins_is_scored() -> None:
    panels, masks = divided("time", market("ten", 11))

    assert steps_scored(panels, masks) == {"ten 7", "ten 8", "ten 9", "ten 10"}
    assert masks[0].teaches.all()
    assert not masks[0].is_cold.any()


def test_in_time_each_source_has_its_own_cut() -> None:
    early, late = market("early", 6), market("late", 6, first=50, source="other")

    split = make_split("time", panels_of(early, late), seed=1)

    assert split.cuts_s == {
        "made": START_S + 4 * STEP_S,
        "other": START_S + 54 * STEP_S,
    }
    panels, masks = divided("time", early, late)
    assert steps_scored(panels, masks) == {"early 4", "early 5", "late 54", "late 55"}


def test_in_time_origins_of_all_steps_make_the_cut_together() -> None:
    fine, coarse = market("fine", 4), market("coarse", 3, step_s=2 * STEP_S)

    # Origins at 1, 2, 3 and at 2, 4, counted in fine steps: the cut is the fourth.
    panels, masks = divided("time", fine, coarse)

    assert steps_scored(panels, masks) == {"fine 3", "coarse 2"}


def test_a_market_of_a_new_event_is_cold_in_time() -> None:
    panels, masks = divided("time", market("old", 31), market("new", 5, first=25))

    is_new = panels[0][1].markets == 1
    assert masks[0].is_scored[is_new].all()
    np.testing.assert_array_equal(masks[0].is_cold, is_new)


def test_of_events_two_fifths_are_held_out_whole() -> None:
    markets = [market(f"m{place}", 6, group=f"g{place // 2}") for place in range(10)]

    split = make_split("event", panels_of(*markets), seed=1)
    [(panel, origins)], [masks] = divided("event", *markets)

    assert len(split.held_out) == 2
    assert split.held_out < {f"g{place}" for place in range(5)}
    is_held_out = np.array([group in split.held_out for group in panel.groups])
    np.testing.assert_array_equal(masks.teaches, ~is_held_out)
    np.testing.assert_array_equal(masks.is_scored, is_held_out[origins.markets])
    np.testing.assert_array_equal(masks.is_cold, masks.is_scored)


def test_of_events_each_source_holds_out_its_own() -> None:
    markets = [
        market(f"{source}{place}", 6, source=source)
        for source, n_groups in (("big", 10), ("small", 3))
        for place in range(n_groups)
    ]

    held_out = make_split("event", panels_of(*markets), seed=1).held_out

    assert sum(group.startswith("big") for group in held_out) == 4
    assert sum(group.startswith("small") for group in held_out) == 1


def test_an_event_stays_whole_across_sources_and_steps() -> None:
    markets = [
        market(
            f"m{place}",
            6,
            group=f"g{place % 5}",
            source=f"source-{place % 2}",
            step_s=STEP_S * (1 + place % 3 // 2),
        )
        for place in range(30)
    ]

    panels, masks = divided("event", *markets)

    sides: dict[str, set[bool]] = {}
    for (panel, _), mask in zip(panels, masks, strict=True):
        for group, teaches in zip(panel.groups, mask.teaches.tolist(), strict=True):
            sides.setdefault(group, set()).add(teaches)
    assert all(len(side) == 1 for side in sides.values())
    assert {True, False} == set(chain.from_iterable(sides.values()))


def test_cold_scores_the_first_36_prices_of_new_events() -> None:
    panels, masks = divided(
        "cold",
        market("old", 200),
        market("new", 60, first=195),
        market("of an old event", 60, first=195, group="old"),
    )

    scored = steps_scored(panels, masks)
    assert scored == {f"new {195 + age - 1}" for age in range(2, 37)}
    assert masks[0].teaches.all()


def test_cold_takes_an_event_for_old_that_had_a_price_at_another_step() -> None:
    hourly = market("hourly", 5, group="event", step_s=3_600)

    with pytest.raises(UnreadableInputError, match="cold leaves nothing to score"):
        divided(
            "cold",
            market("old", 200),
            hourly,
            market("new", 60, first=195, group="event"),
        )


@pytest.mark.parametrize("name", ["event", "cold"])
def test_a_split_that_leaves_nothing_to_score_is_refused(name: SplitName) -> None:
    with pytest.raises(UnreadableInputError) as caught:
        divided(name, market("only", 30))

    assert str(caught.value) == f"the split {name} leaves nothing to score"


@given(
    groups=st.lists(st.integers(0, 6), min_size=4, max_size=12),
    seed=st.integers(0, 1_000),
)
def test_no_event_is_ever_on_both_sides(groups: list[int], seed: int) -> None:
    markets = [
        market(f"m{place}", 4, group=f"g{group}", source=f"s{place % 2}")
        for place, group in enumerate(groups)
    ]
    panels = panels_of(*markets)
    try:
        split = make_split("event", panels, seed=seed)
    except UnreadableInputError:
        assert len(set(groups)) <= 2
        return

    [(panel, origins)], masks = panels, split.masks(*panels[0])

    scored = {panel.groups[at] for at in origins.markets[masks.is_scored].tolist()}
    teaching = {panel.groups[at] for at in np.flatnonzero(masks.teaches).tolist()}
    assert scored == split.held_out
    assert scored | teaching == set(panel.groups)
    assert not scored & teaching


def test_the_seed_alone_decides_which_events_are_held_out() -> None:
    markets = [market(f"m{place:02d}", 4) for place in range(20)]

    drawn = [
        make_split("event", panels_of(*order), seed=seed).held_out
        for order in (markets, markets[::-1])
        for seed in (1, 2)
    ]

    assert drawn[:2] == drawn[2:]
    assert drawn[0] != drawn[1]
