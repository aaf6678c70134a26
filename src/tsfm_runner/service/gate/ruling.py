"""Decide whether a stage of a rollout may go on, must wait, or must go back."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tsfm_runner.config import GateConfig, GateStageConfig
from tsfm_runner.domain.gating import (
    Decision,
    Figure,
    GateRuling,
    Reading,
    Stage,
    Window,
)
from tsfm_runner.errors import ConfigurationError
from tsfm_runner.service.gate.figures import (
    breaker_figure,
    coverage_figure,
    figures,
    rate_figure,
    rates,
)
from tsfm_runner.service.gate.history import Enough, History, Totals, history_of

_MINUTE_S = 60


def rule(readings: Sequence[Reading], stage: Stage, config: GateConfig) -> GateRuling:
    """Return what the last of some readings, in order, let the gate say.

    Time is clean from the first reading of the stage on, and anew after each that
    broke a limit beyond doubt. The window is the shortest last part of the clean
    time that is long enough and has enough in it; as long as there is none, all of
    it. ROLLBACK: the last reading broke a limit. PASS: the window has enough, all
    limits hold over it, and the service seldom began anew. WAIT: anything else.

    Raises ``ConfigurationError`` where the service is not at the stage, and where
    several processes answer in turn.
    """
    _require_stage(readings[-1], stage)
    history = history_of(readings, max_gap_s=config.max_gap_minutes * _MINUTE_S)
    bench = _Bench(history, getattr(config, stage), config)
    clean, last = 0, len(history) - 1
    broken: tuple[int, tuple[str, ...]] | None = None
    for place in range(1, last):
        if names := bench.broken(clean, place):
            clean, broken = place, (place, names)
    began = bench.window(clean, last)
    totals, shown = history.between(began, last), bench.figures(clean, last)
    decision, reasons = _decide(shown, totals, bench)
    window = Window(
        began_at_s=float(history.times_s[began]),
        seen_s=totals.seen_s,
        needed_s=bench.enough.seen_s,
        n_readings=last - began + 1,
        n_restarts=totals.n_restarts,
        broken_at_s=None if broken is None else float(history.times_s[broken[0]]),
        broken=() if broken is None else broken[1],
    )
    return GateRuling(stage, decision, reasons, readings[-1].time_s, window, shown)


@dataclass(frozen=True, slots=True)
class _Bench:
    """What readings are judged by: all of them, and the limits of the stage."""

    history: History
    needed: GateStageConfig
    config: GateConfig

    @property
    def enough(self) -> Enough:
        """What a window needs."""
        needed = self.needed
        window_s = needed.window_minutes * _MINUTE_S
        return Enough(window_s, needed.min_forecasts, needed.min_outcomes)

    def window(self, clean: int, place: int) -> int:
        """Return where the window begins that ends with a reading."""
        return max(clean, self.history.place_with(place, self.enough))

    def recent(self, clean: int, place: int) -> int:
        """Return where the last minutes of the window begin."""
        age_s = self.config.recent_minutes * _MINUTE_S
        began = self.history.place_before(place, age_s)
        return max(self.window(clean, place), began)

    def broken(self, clean: int, place: int) -> tuple[str, ...]:
        """Return the names of what a reading broke beyond doubt."""
        totals = self.history.between(self.window(clean, place), place)
        recent = self.history.between(self.recent(clean, place), place)
        names = [
            rate.name
            for part in (totals, recent)
            for rate in rates(part, self.config)
            if rate.is_broken(self.config.doubt)
        ]
        names += [
            figure.name
            for figure in (
                breaker_figure(totals, self.needed, self.config),
                coverage_figure(totals, self.needed, self.config),
            )
            if figure.state == "broken"
        ]
        return tuple(dict.fromkeys(names))

    def figures(self, clean: int, place: int) -> tuple[Figure, ...]:
        """Return the figures of the window; of the last minutes where those broke."""
        totals = self.history.between(self.window(clean, place), place)
        recent = self.history.between(self.recent(clean, place), place)
        lately = {
            rate.name: rate_figure(rate, recent, self.config, when=" lately")
            for rate in rates(recent, self.config)
            if rate.is_broken(self.config.doubt)
        }
        return tuple(
            figure if figure.state == "broken" else lately.get(figure.name, figure)
            for figure in figures(totals, self.needed, self.config)
        )


def _require_stage(reading: Reading, stage: Stage) -> None:
    if reading.rollout_percent != stage.rollout_percent:
        raise ConfigurationError(
            f"{stage} is the stage at {stage.rollout_percent:g} % of the markets, but "
            f"routing.rollout_percent of the service is {reading.rollout_percent:g}"
        )


def _decide(
    shown: Sequence[Figure], totals: Totals, bench: _Bench
) -> tuple[Decision, tuple[str, ...]]:
    broken = [figure for figure in shown if figure.state == "broken"]
    if broken:
        return "ROLLBACK", tuple(str(figure.reason) for figure in broken)
    missing: list[str] = []
    enough, max_restarts = bench.enough, bench.config.max_restarts
    # Rounded down: what is not enough must not look as if it were.
    minutes = math.floor(10 * totals.seen_s / _MINUTE_S) / 10
    needed = enough.seen_s / _MINUTE_S
    n_forecasts = totals.counts.n_forecasts
    if totals.seen_s < enough.seen_s:
        missing.append(f"{minutes:,.1f} of {needed:,g} minutes were seen")
    if n_forecasts < enough.n_forecasts:
        missing.append(
            f"{n_forecasts:,.0f} of {enough.n_forecasts:,} forecasts meant for a model "
            "came"
        )
    if totals.n_restarts > max_restarts:
        missing.append(
            f"the service began anew {totals.n_restarts:,} times; {max_restarts:,} may"
        )
    missing += [
        str(figure.reason) for figure in shown if figure.state in {"above", "unsure"}
    ]
    if missing:
        return "WAIT", tuple(missing)
    told = (
        f"all limits held for {minutes:,.1f} minutes and {n_forecasts:,.0f} forecasts "
        "meant for a model"
    )
    return "PASS", (told,)
