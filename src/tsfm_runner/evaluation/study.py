"""A study from recorded markets to its document: draw, check, replay, pool."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tsfm_runner.domain.recording import RecordedMarket
from tsfm_runner.errors import UnreadableInputError
from tsfm_runner.evaluation.design import Design, Model, Part, parts_of
from tsfm_runner.evaluation.drawing import describe, panel_of
from tsfm_runner.evaluation.leakage import (
    LeakageCheck,
    check_future,
    check_groups,
    check_times,
)
from tsfm_runner.evaluation.panel import Origins, Panel, origins_of, outcomes_of
from tsfm_runner.evaluation.results import EntryName, StepResults, step_results
from tsfm_runner.evaluation.scoring import KINDS, Scoring, score_model
from tsfm_runner.evaluation.splits import Split, SplitName, make_split
from tsfm_runner.evaluation.units import Unit, run_units
from tsfm_runner.ports import Arrays, ReadArrays, Workers, WorkStore


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Everything that a study will do; nothing of it depends on who does it."""

    design: Design
    models: tuple[Model, ...]
    parts: tuple[Part, ...]
    split: Split
    checks: tuple[LeakageCheck, ...]
    keeps_bands: bool

    @property
    def steps(self) -> list[int]:
        """The steps between points, ascending, in seconds."""
        return sorted({part.step_s for part in self.parts})

    def parts_at(self, step_s: int) -> list[Part]:
        """Return the parts of one step, in order."""
        return [part for part in self.parts if part.step_s == step_s]

    def markets_at(self, step_s: int) -> tuple[RecordedMarket, ...]:
        """Return the markets of one step, in the order of its parts."""
        return tuple(_ordered(self.parts_at(step_s)))

    def panel_at(self, step_s: int) -> tuple[Panel, Origins]:
        """Return the markets of one step on its grid, with all origins."""
        panel = panel_of(self.markets_at(step_s), self.design, step_s=step_s)
        return panel, origins_of(panel)

    @property
    def drawing_units(self) -> list[Unit]:
        """The units that look at each part by itself."""
        described = [
            Unit(described_name(part), (describe, part, self.design))
            for part in self.parts
        ]
        drawn = [
            Unit(drawn_name(place, part), (model.draw, part, self.design))
            for place, model in enumerate(self.models)
            for part in self.parts
        ]
        return [*described, *drawn]


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """What a study found, before it is told."""

    plan: Plan
    results: tuple[StepResults, ...]
    fallbacks: Mapping[tuple[str, int], Counter[str]] = field(default_factory=dict)


def plan_study(  # noqa: PLR0913 - one argument a choice
    markets: Sequence[RecordedMarket],
    models: Sequence[Model],
    design: Design,
    *,
    split: SplitName,
    seed: int,
    keeps_bands: bool = False,
) -> Plan:
    """Return the plan of a study, once all checks for leaks are passed.

    Raises ``UnreadableInputError`` where nothing can be studied, and
    ``LeakageError`` where something would know the future.
    """
    steps = sorted({market.step_s for market in markets})
    usable = [
        market
        for step_s in steps
        for market in panel_of(_at(markets, step_s), design, step_s=step_s).markets
    ]
    if not usable:
        raise UnreadableInputError("no market has two prices in a row to forecast from")
    parts = parts_of(usable)
    panels = [
        panel_of(_at(_ordered(parts), step_s), design, step_s=step_s)
        for step_s in sorted({part.step_s for part in parts})
    ]
    found = [(panel, origins_of(panel)) for panel in panels]
    divided = make_split(split, found, seed=seed)
    if not any(_has_outcomes(divided, *each, design.horizon) for each in found):
        raise UnreadableInputError(f"the split {split} leaves no outcome to score")
    checks = (
        check_groups(divided, found),
        check_times(divided, found),
        *check_future(parts, design, models),
    )
    return Plan(design, tuple(models), tuple(parts), divided, checks, keeps_bands)


def _has_outcomes(split: Split, panel: Panel, origins: Origins, horizon: int) -> bool:
    scored = origins.at(split.masks(panel, origins).is_scored)
    return bool(np.isfinite(outcomes_of(panel, scored, horizon=horizon)).any())


def _at(markets: Iterable[RecordedMarket], step_s: int) -> list[RecordedMarket]:
    return [market for market in markets if market.step_s == step_s]


def _ordered(parts: Sequence[Part]) -> list[RecordedMarket]:
    return [market for part in parts for market in part.markets]


def run_study(
    plan: Plan,
    workers: Workers,
    store: WorkStore,
    on_done: Callable[[Unit], object],
) -> Study:
    """Do everything that is not done yet, and return what was found.

    ``on_done`` hears of each unit; there are as many as `count_units` tells.
    """
    run_units(workers, store, _apply, plan.drawing_units, on_done)
    units = [
        unit
        for step_s in plan.steps
        for unit in _scoring_units(plan, step_s, workers, store)
    ]
    run_units(workers, store, score_model, units, on_done)
    entries = [
        EntryName(model.name, kind, model.is_baseline)
        for model in plan.models
        for kind in KINDS
    ]
    results = tuple(
        step_results(
            step_s,
            entries,
            [
                store.read(scored_name(place, step_s))
                for place in range(len(plan.models))
            ],
        )
        for step_s in plan.steps
    )
    return Study(plan, results, _fallbacks(plan, store))


def count_units(plan: Plan) -> int:
    """Return how many units a study has."""
    return len(plan.drawing_units) + len(plan.steps) * len(plan.models)


def _apply(
    function: Callable[[Part, Design], Arrays], part: Part, design: Design
) -> Arrays:
    return function(part, design)


def _scoring_units(
    plan: Plan, step_s: int, workers: Workers, store: WorkStore
) -> list[Unit]:
    parts = plan.parts_at(step_s)
    markets = plan.markets_at(step_s)

    def shared(names: Iterable[str]) -> list[ReadArrays]:
        return [workers.share(store.reader(name)) for name in names]

    described = shared(described_name(part) for part in parts)
    units = []
    for place, model in enumerate(plan.models):
        key = model.name, model.revision
        drawn = shared(drawn_name(place, part) for part in parts)
        asked = Scoring(step_s, markets, described, drawn, key, plan.keeps_bands)
        units.append(Unit(scored_name(place, step_s), (asked, plan.design, plan.split)))
    return units


def described_name(part: Part) -> str:
    """Return the name of the unit that finds the traits of a part."""
    return f"describe-{part.name}"


def drawn_name(place: int, part: Part) -> str:
    """Return the name of the unit that draws a part with one of the models."""
    return f"draw-{place}-{part.name}"


def scored_name(place: int, step_s: int) -> str:
    """Return the name of the unit that scores one of the models at a step."""
    return f"score-{place}-{step_s}"


def _fallbacks(plan: Plan, store: WorkStore) -> dict[tuple[str, int], Counter[str]]:
    """Return how often something else answered for a model, by step and reason."""
    found: dict[tuple[str, int], Counter[str]] = {}
    for place, model in enumerate(plan.models):
        for part in plan.parts:
            arrays = store.read(drawn_name(place, part))
            if "reasons" not in arrays:
                continue
            names, counts = np.unique(arrays["reasons"], return_counts=True)
            told = dict(zip(names.tolist(), counts.tolist(), strict=True))
            told.pop("", None)
            found.setdefault((model.name, part.step_s), Counter()).update(told)
    return found
