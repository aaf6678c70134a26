"""How the end of a training is told: what it was held against, and what is kept."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from rich.table import Table

from tsfm_runner.adapters.models import StoredModel
from tsfm_runner.bootstrap.training import Trained, Wish
from tsfm_runner.cli.tables import plain_table
from tsfm_runner.domain.frequency import step_text
from tsfm_runner.domain.recording import RecordedMarket
from tsfm_runner.domain.verdict import SegmentVerdict
from tsfm_runner.learning.lessons import Lessons
from tsfm_runner.service.verdict.preferring import Preference


class Ended(NamedTuple):
    """A training that ran to its end; ``kept`` is None where it was not worth it."""

    wish: Wish
    lessons: Lessons
    trained: Trained
    preference: Preference
    kept: StoredModel | None


def judged_table(ended: Ended) -> Table:
    """Return a row for each step between points."""
    table = plain_table(
        f"{ended.wish.name} on events it has not seen",
        *("freq", "verdict", "score ratio", "against", "coverage", "events"),
    )
    for column in table.columns[2:]:
        column.no_wrap = True
    table.columns[-1].justify = "right"
    for one in ended.preference.segments:
        table.add_row(
            step_text(one.key.step_s),
            one.reason.value.replace("_", " ") if one.reason else "proven",
            f"{_text(one.ratio)} [{_text(one.low)}, {_text(one.high)}]",
            one.against,
            f"{_text(one.open)} to {_text(one.closed)}",
            f"{one.n_groups:,}",
        )
    return table


def summary(ended: Ended) -> Iterator[str]:
    """Yield what else is to be said, line by line."""
    trained, base = ended.trained, ended.wish.base.label
    yield (
        f"Trained on {trained.n_windows:,} windows in {trained.n_steps:,} steps; loss "
        f"on watched events {trained.loss:.5f}, of {base} {trained.loss_before:.5f}."
    )
    if ended.kept is None:
        yield (
            f"Not stored: it is not proven to be better than {base} and the baselines."
        )
        return
    yield f"{ended.kept.label} is stored in {ended.kept.path}"
    yield (
        f"To be answered by it, set embedded.model to {ended.wish.name}: "
        f"export TSFM_EMBEDDED__MODEL={ended.wish.name}"
    )


def document_of(ended: Ended) -> dict[str, Any]:
    """Return all of it as one document."""
    wish, trained = ended.wish, ended.trained
    return {
        "name": wish.name,
        "revision": wish.revision,
        "base": wish.base.label,
        "is_kept": ended.kept is not None,
        "path": None if ended.kept is None else ended.kept.path,
        "events": {
            name: _count(markets) for name, markets in _parts(ended.lessons).items()
        },
        "n_windows": trained.n_windows,
        "n_steps": trained.n_steps,
        "watched_loss": {"before": trained.loss_before, "after": trained.loss},
        "judged": [_plain(one) for one in ended.preference.segments],
    }


def _parts(lessons: Lessons) -> dict[str, Sequence[RecordedMarket]]:
    return dict(lessons.parts._asdict())


def _count(markets: Sequence[RecordedMarket]) -> int:
    return len({market.group for market in markets})


def _plain(one: SegmentVerdict) -> dict[str, Any]:
    told = asdict(one)
    del told["key"], told["better_baseline"]
    return {"freq": step_text(one.key.step_s), **told}


def _text(number: float | None) -> str:
    return "-" if number is None else f"{number:.3f}"
