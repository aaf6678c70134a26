"""Prove that nothing knew the future; a study that cannot is no study."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tsfm_runner.core.arrays import BoolArray, FloatArray, IntArray
from tsfm_runner.domain.frequency import step_text
from tsfm_runner.domain.recording import RecordedMarket
from tsfm_runner.errors import LeakageError
from tsfm_runner.evaluation.design import Design, Model, Part
from tsfm_runner.evaluation.drawing import describe, panel_of
from tsfm_runner.evaluation.material import Material, material_of
from tsfm_runner.evaluation.panel import Origins, Panel, origins_of
from tsfm_runner.evaluation.replaying import Replay
from tsfm_runner.evaluation.splits import Split

_MARKETS_LOOKED_AT = 8
_POINTS_LOOKED_AT = 160
_SEED = 20260220


@dataclass(frozen=True, slots=True)
class LeakageCheck:
    """A check that was passed, and what it looked at."""

    name: str
    told: str


def check_groups(split: Split, panels: Sequence[tuple[Panel, Origins]]) -> LeakageCheck:
    """Check that no group both teaches and is scored where groups are held out.

    Raises ``LeakageError`` with the name of one that does, here and below.
    """
    scored: set[str] = set()
    teaching: set[str] = set()
    for panel, origins in panels:
        masks, groups = split.masks(panel, origins), panel.groups
        markets = np.unique(origins.markets[masks.is_scored]).tolist()
        scored.update(groups[market] for market in markets)
        teaching.update(groups[market] for market in np.flatnonzero(masks.teaches))
    both = sorted(scored & teaching)
    if split.name == "event" and both:
        raise LeakageError(f"group {both[0]} stands on both sides of the split")
    told = (
        f"{len(scored)} groups are scored, {len(teaching)} others teach"
        if split.name == "event"
        else f"{len(scored)} groups are scored, each only by what came before"
    )
    return LeakageCheck("no event on both sides", told)


def check_times(split: Split, panels: Sequence[tuple[Panel, Origins]]) -> LeakageCheck:
    """Check that every origin knows the last price up to its cutoff, and no later one.

    The points as they were recorded are looked at, not the grid made of them. What
    is scored in time must lie after the cut.
    """
    n_origins = 0
    for panel, origins in panels:
        known = panel.prices[origins.places]
        cutoffs_s = origins.steps * float(panel.step_s)
        begins = np.searchsorted(origins.markets, np.arange(len(panel.markets) + 1))
        for place, market in enumerate(panel.markets):
            rows = slice(begins[place], begins[place + 1])
            is_known = np.isfinite(market.prices)
            times_s, prices = market.times_s[is_known], market.prices[is_known]
            newest = np.searchsorted(times_s, cutoffs_s[rows], side="right") - 1
            is_wrong = (newest < 0) | (prices[newest] != known[rows])
            if is_wrong.any():
                raise LeakageError(
                    f"market {market.market_id}: a context holds another price than "
                    "the last one before its cutoff"
                )
        if split.name != "event":
            _check_cut(split, panel, origins)
        n_origins += origins.places.size
    return LeakageCheck(
        "no timestamp after the cutoff", f"{n_origins} origins looked at"
    )


def _check_cut(split: Split, panel: Panel, origins: Origins) -> None:
    is_scored = split.masks(panel, origins).is_scored
    cuts_s = np.array([split.cuts_s[market.source] for market in panel.markets])
    early = is_scored & (origins.steps * panel.step_s < cuts_s[origins.markets])
    if early.any():
        market = panel.markets[origins.markets[np.argmax(early)]]
        raise LeakageError(f"market {market.market_id} is scored before the cut")


def check_future(
    parts: Sequence[Part], design: Design, models: Sequence[Model]
) -> Iterator[LeakageCheck]:
    """Check that bands stay the same to the last bit when the future is shuffled.

    Some markets of each step are drawn twice, the second time with all prices after
    the middle of their time in another order; the bands of the first baseline are
    calibrated too. Models that run outside are not asked again; what they would be
    sent is compared.
    """
    for step_s in sorted({part.step_s for part in parts}):
        sample = _sample(next(part for part in parts if part.step_s == step_s))
        origins = origins_of(panel_of(sample.markets, design, step_s=step_s))
        if not origins.steps.size:
            continue
        middle = int(np.median(origins.steps))
        shuffled = replace(sample, markets=_shuffled(sample.markets, middle * step_s))
        is_past = origins.steps <= middle
        own = [model for model in models if model.is_baseline]
        for model in own:
            _check_raw(model, sample, shuffled, design, is_past)
        for model in own[:1]:
            _check_calibrated(model, sample, shuffled, design, is_past)
        if len(own) < len(models):
            _check_alike("traits", sample, shuffled, design, is_past)
        told = ", ".join(model.name for model in own) or "what models are sent"
        yield LeakageCheck(
            f"bands do not change with the future, {step_text(step_s)}",
            f"{int(is_past.sum())} origins: {told}",
        )


def _check_alike(
    what: str, sample: Part, shuffled: Part, design: Design, is_past: BoolArray
) -> None:
    before, after = describe(sample, design), describe(shuffled, design)
    for name, column in before.items():
        if not np.array_equal(column[is_past], after[name][is_past], equal_nan=True):
            raise LeakageError(f"{what}: {name} changes when the future is shuffled")


def _check_raw(
    model: Model, sample: Part, shuffled: Part, design: Design, is_past: BoolArray
) -> None:
    before, after = (
        model.draw(part, design)["values"][is_past] for part in (sample, shuffled)
    )
    if not np.array_equal(before, after):
        raise LeakageError(
            f"model {model.name}: raw bands change when the future is shuffled"
        )


def _check_calibrated(
    model: Model, sample: Part, shuffled: Part, design: Design, is_past: BoolArray
) -> None:
    before, after = (
        _calibrated(_material(part, design, model), design)[is_past]
        for part in (sample, shuffled)
    )
    if not np.array_equal(before, after):
        raise LeakageError(
            f"model {model.name}: calibrated bands change when the future is shuffled"
        )


def _material(part: Part, design: Design, model: Model) -> Material:
    panel = panel_of(part.markets, design, step_s=part.step_s)
    drawn = [model.draw(part, design)]
    key = model.name, model.revision
    return material_of(panel, origins_of(panel), [describe(part, design)], drawn, key)


def _calibrated(material: Material, design: Design) -> FloatArray:
    teaches = np.ones(len(material.panel.markets), dtype=np.bool_)
    bands = np.zeros(material.raw.shape)
    for rows, values in Replay(material, design, teaches=teaches).bands():
        bands[rows] = values
    return bands


def _sample(part: Part) -> Part:
    """Return the first points of some markets of a part."""
    return replace(
        part,
        markets=tuple(
            replace(
                market,
                times_s=market.times_s[:_POINTS_LOOKED_AT],
                prices=market.prices[:_POINTS_LOOKED_AT],
            )
            for market in part.markets[:_MARKETS_LOOKED_AT]
        ),
    )


def _shuffled(
    markets: Sequence[RecordedMarket], after_s: float
) -> tuple[RecordedMarket, ...]:
    rng = np.random.default_rng(_SEED)
    return tuple(
        replace(market, prices=_shuffle(market, after_s, rng)) for market in markets
    )


def _shuffle(
    market: RecordedMarket, after_s: float, rng: np.random.Generator
) -> np.ndarray:
    """Return the prices with those after a moment in another order."""
    prices = market.prices.copy()
    later: IntArray = np.flatnonzero((market.times_s > after_s) & np.isfinite(prices))
    prices[later] = prices[rng.permutation(later)]
    return prices
