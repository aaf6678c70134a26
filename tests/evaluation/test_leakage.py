"""Checks for leaks pass what is honest, and name whatever is not."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from tests.evaluation.recordings import make_design, make_market, make_markets

from tsfm_runner.core.har import HarTable
from tsfm_runner.domain.recording import RecordedMarket
from tsfm_runner.errors import LeakageError
from tsfm_runner.evaluation.design import Design, Model, Part, parts_of
from tsfm_runner.evaluation.drawing import baseline, draw_baseline, panel_of
from tsfm_runner.evaluation.leakage import check_future, check_groups, check_times
from tsfm_runner.evaluation.panel import Origins, Panel, origins_of
from tsfm_runner.evaluation.splits import Masks, Split, SplitName, make_split

DESIGN = make_design(horizon=2, quantile_levels=(0.1, 0.5, 0.9))
MARKETS = make_markets(6, n_points=40)

Drawn = dict[str, Any]


class Mistaken(Split):
    """A split that scores and teaches with everything, whatever it says."""

    def masks(self, panel: Panel, origins: Origins) -> Masks:
        everything = np.ones(origins.places.size, dtype=np.bool_)
        teaches = np.ones(len(panel.markets), dtype=np.bool_)
        return Masks(everything, everything, teaches)


def panels() -> list[tuple[Panel, Origins]]:
    panel = panel_of(MARKETS, DESIGN, step_s=300)
    return [(panel, origins_of(panel))]


def mistaken(name: SplitName) -> Split:
    honest = make_split("time", panels(), seed=1)
    return Mistaken(name, 1, honest.cuts_s, frozenset(), frozenset())


def checked(*models: Model, design: Design = DESIGN) -> list[str]:
    """Return what was told of the future, for each step."""
    parts = parts_of(MARKETS)
    return [f"{one.name}: {one.told}" for one in check_future(parts, design, models)]


def model(draw: Callable[[Part, Design], Drawn], *, is_baseline: bool = True) -> Model:
    return Model("culprit", "1", is_baseline, draw)


def test_an_event_that_is_held_out_teaches_nothing() -> None:
    check = check_groups(make_split("event", panels(), seed=1), panels())

    assert check.name == "no event on both sides"
    assert check.told == "1 groups are scored, 2 others teach"


def test_an_event_on_both_sides_is_named() -> None:
    with pytest.raises(LeakageError) as caught:
        check_groups(mistaken("event"), panels())

    assert str(caught.value) == "group event-00 stands on both sides of the split"


@pytest.mark.parametrize("name", ["time", "cold"])
def test_in_time_an_event_may_teach_what_comes_after_it(name: SplitName) -> None:
    check = check_groups(mistaken(name), panels())

    assert check.told == "3 groups are scored, each only by what came before"


@pytest.mark.parametrize("name", ["time", "event"])
def test_an_origin_knows_the_last_price_before_its_cutoff(name: SplitName) -> None:
    check = check_times(make_split(name, panels(), seed=1), panels())

    assert check.name == "no timestamp after the cutoff"
    assert check.told == "234 origins looked at"


@pytest.mark.parametrize("name", ["time", "cold"])
def test_an_origin_that_is_scored_before_the_cut_is_named(name: SplitName) -> None:
    with pytest.raises(LeakageError) as caught:
        check_times(mistaken(name), panels())

    assert str(caught.value) == "market market-00 is scored before the cut"


def test_among_events_nothing_has_to_lie_after_a_cut() -> None:
    assert check_times(mistaken("event"), panels()).told == "234 origins looked at"


@pytest.mark.parametrize(
    "leak",
    [
        lambda panel: replace(panel, prices=np.roll(panel.prices, -1)),
        lambda panel: replace(panel, steps=panel.steps - 1),
    ],
    ids=["prices one step early", "times one step early"],
)
def test_a_context_that_holds_a_later_price_is_named(
    leak: Callable[[Panel], Panel],
) -> None:
    [(honest, _)] = panels()
    leaky = leak(honest)

    with pytest.raises(LeakageError) as caught:
        check_times(mistaken("event"), [(leaky, origins_of(leaky))])

    assert str(caught.value) == (
        "market market-00: a context holds another price than the last one before "
        "its cutoff"
    )


def test_a_cutoff_before_all_prices_is_named() -> None:
    [(honest, origins)] = panels()
    early = origins._replace(steps=origins.steps - 1_000)

    with pytest.raises(LeakageError, match="market-00: a context holds another price"):
        check_times(mistaken("event"), [(honest, early)])


def test_honest_baselines_do_not_change_with_the_future() -> None:
    told = checked(baseline("ewma", "1"), baseline("kalman", "1"))

    assert told == [
        "bands do not change with the future, 5m: 117 origins: ewma, kalman"
    ]


def test_each_step_is_looked_at() -> None:
    hourly = make_market("hourly", np.linspace(0.2, 0.6, 9), step_s=3_600)
    parts = parts_of([*MARKETS, hourly])

    checks = check_future(parts, DESIGN, [baseline("ewma", "1")])

    assert [check.name[-2:] for check in checks] == ["5m", "1h"]


def test_a_step_without_any_origin_has_nothing_to_look_at() -> None:
    part = Part("5m-0000", 300, (make_market("lone", [0.4]),))

    assert list(check_future([part], DESIGN, [baseline("ewma", "1")])) == []


def peeking(part: Part, design: Design) -> Drawn:
    """Shift all bands a little, by the last price of each market."""
    drawn = draw_baseline(part, design, "ewma")
    last = sum(float(market.prices[-1]) for market in part.markets)
    return {"values": drawn["values"] + np.float32(1e-6 * last)}


def test_a_model_that_peeks_is_named() -> None:
    with pytest.raises(LeakageError) as caught:
        checked(baseline("ewma", "1"), model(peeking))

    assert str(caught.value) == (
        "model culprit: raw bands change when the future is shuffled"
    )


def mood(market: RecordedMarket) -> int:
    return round(100 * float(market.prices[-1])) % 2


def choosing(part: Part, design: Design) -> Drawn:
    """Draw honest bands, but tell who answered by the last price of each market."""
    drawn = draw_baseline(part, design, "ewma")
    origins = origins_of(panel_of(part.markets, design, step_s=part.step_s))
    moods = np.array([mood(market) for market in part.markets])
    names = np.array([("ewma", "1"), ("har", "1")])
    return drawn | {"models": moods[origins.markets], "model_names": names}


def test_calibration_that_knows_the_future_is_named() -> None:
    with pytest.raises(LeakageError) as caught:
        checked(model(choosing))

    assert str(caught.value) == (
        "model culprit: calibrated bands change when the future is shuffled"
    )


def test_of_models_that_run_outside_only_what_they_are_sent_is_compared() -> None:
    outside = model(peeking, is_baseline=False)

    assert checked(outside) == [
        "bands do not change with the future, 5m: 117 origins: what models are sent"
    ]
    assert checked(baseline("ewma", "1"), outside) == [
        "bands do not change with the future, 5m: 117 origins: ewma"
    ]


class Unsteady(SimpleNamespace):
    """A design whose table of HAR is another one each time it is looked at."""

    tables: Sequence[HarTable]

    @property
    def har_table(self) -> HarTable:
        first, *rest = self.tables
        self.tables = [*rest, first]
        return first


def test_traits_that_change_are_named() -> None:
    table = DESIGN.har_table
    tables = [table, replace(table, prior_weight=table.prior_weight + 1)]
    unsteady = Unsteady(tables=tables, settings=DESIGN.settings, horizon=DESIGN.horizon)

    with pytest.raises(LeakageError) as caught:
        checked(
            model(partial(peeking), is_baseline=False), design=cast("Design", unsteady)
        )

    assert str(caught.value) == (
        "traits: mean_changes changes when the future is shuffled"
    )
