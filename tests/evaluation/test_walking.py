"""Bands begin and end in the order of time, whatever blocks they come in."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from tests.evaluation.recordings import STEP_S, make_design, make_market, make_markets

from tsfm_runner.domain.recording import RecordedMarket
from tsfm_runner.evaluation.design import Part
from tsfm_runner.evaluation.drawing import describe, draw_baseline, panel_of
from tsfm_runner.evaluation.material import Material, material_of
from tsfm_runner.evaluation.panel import origins_of
from tsfm_runner.evaluation.walking import Walk

HORIZON = 4
Event = tuple[int, bool, int, int, int, float]

HOLES = [0.4, 0.4, np.nan, *[np.nan] * 20, 0.5, 0.4, 0.5, 0.5]


def studied(markets: list[RecordedMarket], *, n_models: int) -> Material:
    """Return bands whose models take turns."""
    design = make_design(horizon=HORIZON)
    part = Part("all", STEP_S, tuple(markets))
    panel = panel_of(markets, design, step_s=STEP_S)
    drawn = [draw_baseline(part, design, "ewma")]
    told = describe(part, design)
    material = material_of(panel, origins_of(panel), [told], drawn, ("ewma", "1"))
    models = np.arange(material.models.size) % n_models
    names = [(f"model-{place}", "1") for place in range(n_models)]
    return material._replace(models=models, model_names=names)


def events_of(material: Material) -> list[Event]:
    """Return step, whether it begins, model, origin, step ahead and outcome of each."""
    events: list[Event] = []
    for block in Walk(material, HORIZON):
        for step, begins, model, rows in block.runs:
            if begins:
                begun = block.origins[rows].tolist()
                events += [(step, begins, model, origin, 0, 0.0) for origin in begun]
            else:
                for origin, column, y in zip(*block.ended.part(rows), strict=True):
                    told = int(origin), int(column) + 1, float(y)
                    events.append((step, begins, model, *told))
    return events


def expected(material: Material) -> list[Event]:
    """Follow every origin alone, and put what happens in order."""
    panel, origins = material.panel, material.origins
    events: list[Event] = []
    for origin, (place, market, step, _) in enumerate(zip(*origins, strict=True)):
        model = int(material.models[origin])
        events.append((int(step), True, model, origin, 0, 0.0))
        for ahead in range(1, HORIZON + 1):
            at = place + ahead
            if at < panel.starts[market + 1] and np.isfinite(panel.prices[at]):
                y = float(panel.prices[at])
                events.append((int(step) + ahead, False, model, origin, ahead, y))
    return sorted(events)


@pytest.mark.parametrize("n_models", [1, 3])
def test_a_walk_is_what_each_origin_alone_tells(n_models: int) -> None:
    markets = [*make_markets(5), make_market("holes", HOLES, first=30)]
    material = studied(markets, n_models=n_models)

    events = events_of(material)

    assert [event[:3] for event in events] == sorted(event[:3] for event in events)
    assert sorted(events) == expected(material)


def test_blocks_divide_the_walk_between_moments() -> None:
    material = studied(make_markets(30), n_models=2)

    blocks = list(Walk(material, HORIZON))

    steps = [[run.step for run in block.runs] for block in blocks]
    assert len(blocks) > 1
    assert all(before[-1] < after[0] for before, after in pairwise(steps))
    origins = np.concatenate([block.origins for block in blocks])
    assert sorted(origins.tolist()) == list(range(material.models.size))


def test_a_panel_without_prices_has_no_moments() -> None:
    material = studied(make_markets(1), n_models=1)
    nothing = np.full_like(material.panel.prices, np.nan)

    empty = material._replace(panel=replace(material.panel, prices=nothing))

    assert list(Walk(empty, HORIZON)) == []
