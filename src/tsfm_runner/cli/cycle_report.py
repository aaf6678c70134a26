"""What ``cycle`` tells of each cycle: its time, who answered, and who did not."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tsfm_runner.cli.exit_codes import ExitCode
from tsfm_runner.cli.forecast_summary import Summary
from tsfm_runner.cli.tables import plain_table
from tsfm_runner.domain.forecast import ServedForecast
from tsfm_runner.domain.standing import MarketStanding
from tsfm_runner.service.breaches import Breaches

SHOWN_MARKETS = 10
_SHOWN_NAMES = 3


@dataclass(frozen=True, slots=True, eq=False)
class CycleReport:
    """One cycle, from its start to its end.

    ``error`` says why nothing was forecast; ``first`` are the most important
    markets that were, and why they are.
    """

    number: int
    started_at: datetime
    duration_s: float
    budget_s: float
    error: str | None = None
    n_seen: int = 0
    n_ranked: int = 0
    watched_absent: tuple[str, ...] = ()
    summary: Summary = field(default_factory=Summary)
    n_from_cache: int = 0
    breaches: Breaches = field(default_factory=Breaches)
    first: Sequence[tuple[ServedForecast, MarketStanding]] = ()
    n_starts_missed: int = 0

    @property
    def is_over_budget(self) -> bool:
        """Whether it took longer than it may."""
        return self.duration_s > self.budget_s

    @property
    def exit_code(self) -> ExitCode:
        """How a command would end that did this cycle alone."""
        if self.error is not None or self.is_over_budget:
            return ExitCode.FAILED
        return ExitCode.PARTIAL if self.summary.skipped else ExitCode.OK

    def as_document(self) -> dict[str, object]:
        """Return the report as JSON can hold it; times in UTC."""
        summary = self.summary.as_document()
        del summary["seconds"]
        return {
            "cycle": self.number,
            "started_at": f"{self.started_at:%Y-%m-%dT%H:%M:%S.%fZ}",
            "duration_s": round(self.duration_s, 3),
            "budget_s": self.budget_s,
            "is_over_budget": self.is_over_budget,
            "n_starts_missed": self.n_starts_missed,
            "error": self.error,
            "markets_seen": self.n_seen,
            "markets_ranked": self.n_ranked,
            "by_model": self.summary.markets - self._n_by_baseline,
            "by_baseline": self._n_by_baseline,
            "from_cache": self.n_from_cache,
            **summary,
            "n_compared_with_previous_band": self.breaches.n_compared,
            "n_outside_previous_band": len(self.breaches.market_ids),
            "outside_previous_band": list(self.breaches.market_ids),
            "watched_but_not_seen": list(self.watched_absent),
        }

    def as_tables(self) -> RenderableType:
        """Return the report as people read it."""
        if self.error is not None:
            told = Text(f"{self._title}\n", style="bold")
            return told.append(f"failed: {self.error}\n", style="red")
        if not self.first:
            return self._list(self._title)
        return Group(_first_table(self.first, title=self._title), self._list(""))

    @property
    def _n_by_baseline(self) -> int:
        counts = self.summary.answered_by.items()
        return sum(count for by, count in counts if by.startswith("baseline:"))

    @property
    def _title(self) -> str:
        return f"Cycle {self.number}, {self.started_at:%Y-%m-%d %H:%M:%S} UTC"

    def _list(self, title: str) -> Table:
        table = plain_table(title)
        table.title = title or None
        table.add_row("time", self._time())
        table.add_row("markets seen", f"{self.n_seen:,}")
        table.add_row("highest ranked", f"{self.n_ranked:,}")
        self.summary.add_rows(table)
        if self.n_from_cache:
            table.add_row("from the cache", f"{self.n_from_cache:,}")
        if self.breaches.n_compared:
            table.add_row("outside last band", self._outside())
        if self.watched_absent:
            table.add_row("watched, not seen", _names(self.watched_absent))
        return table

    def _time(self) -> Text:
        text = Text(f"{self.duration_s:.2f} s of {self.budget_s:g} s")
        if self.is_over_budget:
            text.append(", over budget", style="bold red")
        if self.n_starts_missed:
            text.append(f", {self.n_starts_missed} starts missed", style="bold red")
        return text

    def _outside(self) -> str:
        n_compared, names = self.breaches.n_compared, self.breaches.market_ids
        share = f"{len(names):,} of {n_compared:,} ({len(names) / n_compared:.0%})"
        return f"{share}  {_names(names)}" if names else share


def _first_table(
    first: Sequence[tuple[ServedForecast, MarketStanding]], *, title: str
) -> Table:
    """Show the last step of some markets: the outermost levels that were asked."""
    merits = [_merits(standing) for _, standing in first]
    reason = ("ranked for",) if any(merits) else ()
    names = ("market", *reason, "price", *_outer_names(first), "model")
    table = plain_table(f"{title}: bands at the last step", *names)
    for name, column in zip(names, table.columns, strict=True):
        column.no_wrap = name != "market"
        is_text = name in {"market", "model", *reason}
        column.justify = "left" if is_text else "right"
    for (answer, _), merit in zip(first, merits, strict=True):
        known = answer.task.context[~np.isnan(answer.task.context)]
        low, high = answer.values[-1, 0], answer.values[-1, -1]
        table.add_row(
            Text(answer.task.market_id),
            *((merit,) if reason else ()),
            *(f"{value:.1%}" for value in (known[-1], low, high)),
            Text(answer.provenance.model_name),
        )
    return table


def _outer_names(
    first: Sequence[tuple[ServedForecast, MarketStanding]],
) -> tuple[str, str]:
    """Name the outermost levels, where all were asked for the same ones."""
    asked = {answer.task.quantile_levels for answer, _ in first}
    outer = {(levels[0], levels[-1]) for levels in asked}
    if len(outer) != 1:
        return "low", "high"
    [(low, high)] = outer
    return f"q{low:g}", f"q{high:g}"


def _merits(standing: MarketStanding) -> str:
    merits = {
        "watchlist": standing.is_watched,
        "alert": standing.is_alert_candidate,
        f"volume {_short(standing.volume)}": standing.volume > 0,
        f"interest {_short(standing.open_interest)}": standing.open_interest > 0,
    }
    return ", ".join(merit for merit, holds in merits.items() if holds)


def _short(amount: float) -> str:
    """Write an amount in a few letters.

    >>> _short(12.0), _short(12345.0), _short(174315696.0)
    ('12', '12.3k', '174M')
    """
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if amount >= size:
            return f"{amount / size:.3g}{unit}"
    return f"{amount:.3g}"


def _names(names: Sequence[str]) -> str:
    shown, n_more = ", ".join(names[:_SHOWN_NAMES]), len(names) - _SHOWN_NAMES
    return f"{shown} and {n_more:,} more" if n_more > 0 else shown
