"""What the commands that replay history share: what is asked, and how far it is."""

from collections.abc import Sequence
from typing import get_args

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from tsfm_runner.cli.calibrate_input import Recorded
from tsfm_runner.config import BaselineMethod, Settings
from tsfm_runner.domain.frequency import Frequency
from tsfm_runner.errors import InvalidTaskError
from tsfm_runner.service.warming import Replay

STOPPED = 130  # the exit code of a replay that Ctrl-C has ended


def asked_of(
    settings: Settings,
    *,
    base: Sequence[str] | None,
    freq: str | None,
    horizon: int | None,
) -> Replay:
    """Return what is asked at each step, where it is not said from the settings."""
    return Replay(
        Frequency.parse(freq or settings.task.freq),
        settings.task.horizon if horizon is None else horizon,
        _baselines(base, default=settings.routing.baseline_method),
    )


def _baselines(given: Sequence[str] | None, *, default: str) -> tuple[str, ...]:
    """Read baselines between commas; raise ``InvalidTaskError`` for anything else."""
    if not given:
        return (default,)
    parts = (part.strip() for text in given for part in text.split(","))
    names, known = tuple(dict.fromkeys(parts)), get_args(BaselineMethod)
    if not set(names) <= set(known):
        raise InvalidTaskError("--base", f"must name some of {', '.join(known)}")
    return names


def replay_progress(recorded: Recorded, asked: Replay) -> Progress:
    """Return a bar for a task with the field ``at``, the time that is replayed."""
    console = Console(stderr=True)
    told = f"{recorded.n_markets:,} markets, {', '.join(asked.models)}"
    columns = (TextColumn(told), BarColumn(), MofNCompleteColumn())
    ends = (TextColumn("{task.fields[at]}"), TimeRemainingColumn())
    return Progress(*columns, *ends, console=console, disable=not console.is_terminal)
