"""What ``forecast`` tells at its end: counts, reasons, and the first bands."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl
from rich.table import Table
from rich.text import Text

from tsfm_runner.adapters.files.bands import LEVEL_PREFIX
from tsfm_runner.adapters.files.series import SkippedMarket
from tsfm_runner.adapters.files.tasks import is_coarse
from tsfm_runner.cli.tables import plain_table
from tsfm_runner.facade import Answers

_SHOWN_MARKETS = 10
_MEDIAN = f"{LEVEL_PREFIX}0.5"
_SHOWN_REASONS = 8
_SHOWN_NAMES = 2


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of the markets of one run."""

    markets: int = 0
    rows: int = 0
    answered_by: Mapping[str, int] = field(default_factory=Counter)
    fallback_reasons: Mapping[str, int] = field(default_factory=Counter)
    skipped: tuple[SkippedMarket, ...] = ()
    coarse: tuple[str, ...] = ()
    seconds: float = 0.0

    def plus(self, answers: Answers) -> "Summary":
        """Return the summary with one more batch counted in."""
        origins = [answer.provenance for answer in answers.served]
        by = Counter(f"{origin.runtime}:{origin.model_name}" for origin in origins)
        reasons = Counter(
            str(origin.fallback_reason) for origin in origins if origin.is_fallback
        )
        return replace(
            self,
            markets=self.markets + len(answers.served),
            rows=self.rows + sum(answer.task.horizon for answer in answers.served),
            answered_by=Counter(self.answered_by) + by,
            fallback_reasons=Counter(self.fallback_reasons) + reasons,
            skipped=self.skipped + answers.skipped,
            coarse=self.coarse
            + tuple(
                answer.task.market_id
                for answer in answers.served
                if is_coarse(answer.task)
            ),
        )

    def as_document(self) -> dict[str, object]:
        """Return the summary as JSON can hold it."""
        return {
            "markets": self.markets,
            "rows": self.rows,
            "answered_by": dict(self.answered_by),
            "fallback_reasons": dict(self.fallback_reasons),
            "points_too_far_apart": list(self.coarse),
            "skipped": [
                {"market_id": market.market_id, "reason": market.told}
                for market in self.skipped
            ],
            "seconds": round(self.seconds, 3),
        }

    def as_table(self) -> Table:
        """Return the summary as people read it."""
        table = plain_table("Forecast")
        self.add_rows(table)
        table.add_row("seconds", f"{self.seconds:.2f}")
        return table

    def add_rows(self, table: Table) -> None:
        """Add what became of the markets to a list of names and values."""
        table.add_row("markets with bands", f"{self.markets:,}")
        table.add_row("rows", f"{self.rows:,}")
        table.add_row("answered by", _counts(self.answered_by))
        if self.fallback_reasons:
            table.add_row("fallbacks", _counts(self.fallback_reasons))
        if self.coarse:
            hint = (
                "points more than two steps apart; try --freq native "
                "(requests: a longer freq)"
            )
            text = f"{len(self.coarse):,}  {hint}\n{_names(self.coarse)}"
            table.add_row("step too short for", Text(text))
        if self.skipped:
            table.add_row("markets skipped", f"{len(self.skipped):,}")
            table.add_row("because", _reasons(self.skipped))


def last_steps_table(bands: pl.DataFrame) -> Table:
    """Return the last step of the first markets: outermost levels and median."""
    last = bands.group_by("market_id", maintain_order=True).last().head(_SHOWN_MARKETS)
    levels = [name for name in last.columns if name.startswith(LEVEL_PREFIX)]
    shown = [name for name in levels if name in (levels[0], _MEDIAN, levels[-1])]
    table = plain_table(
        "Bands at the last step", "market", "time (UTC)", *shown, "model"
    )
    for column in table.columns[1:]:
        column.no_wrap = True
    for row in last.iter_rows(named=True):
        prices = ["" if row[name] is None else f"{row[name]:.1%}" for name in shown]
        time = f"{row['ts']:%Y-%m-%d %H:%M}"
        table.add_row(Text(row["market_id"]), time, *prices, Text(row["model_name"]))
    return table


def _reasons(skipped: Sequence[SkippedMarket]) -> Text:
    """Say each reason, most common first, with the first markets it holds for."""
    by_reason: dict[str, list[SkippedMarket]] = {}
    for market in skipped:
        by_reason.setdefault(market.reason, []).append(market)
    common = sorted(by_reason.values(), key=len, reverse=True)
    lines = [
        f"{len(group):,}  {group[0].told}\n{_names([one.market_id for one in group])}"
        for group in common[:_SHOWN_REASONS]
    ]
    if rest := common[_SHOWN_REASONS:]:
        lines.append(f"{sum(map(len, rest)):,}  other reasons")
    return Text("\n".join(lines))


def _names(names: Sequence[str]) -> str:
    first, n_more = ", ".join(names[:_SHOWN_NAMES]), len(names) - _SHOWN_NAMES
    return f"   {first} and {n_more:,} more" if n_more > 0 else f"   {first}"


def _counts(counts: Mapping[str, int]) -> Text:
    common = Counter(counts).most_common()
    lines = [f"{count:,}  {name}" for name, count in common[:_SHOWN_REASONS]]
    if rest := common[_SHOWN_REASONS:]:
        lines.append(f"{sum(count for _, count in rest):,}  other reasons")
    return Text("\n".join(lines))
