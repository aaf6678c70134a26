"""Train from a recipe: with a progress bar, checkpoints, and a calm end on Ctrl-C."""

import signal
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from tsfm_runner.learning.batches import Recipe, feed
from tsfm_runner.learning.checkpoint import write_checkpoint
from tsfm_runner.learning.loop import Training, learn
from tsfm_runner.ports import Workers

_TOTAL = 1_000
_SHOWN_EVERY_S = 0.5
_LINE_EVERY_S = 30.0


class Keeping(NamedTuple):
    """Where a training is kept, as what, and how often."""

    path: Path
    made_by: Mapping[str, Any]
    every_minutes: float = 2.0

    def keep(self, training: Training) -> None:
        """Write down where the training is."""
        write_checkpoint(self.path, training, made_by=self.made_by)


def run_training(
    training: Training,
    recipe: Recipe,
    *,
    workers: Workers,
    keeping: Keeping,
    console: Console,
) -> bool:
    """Train to the end of the plan; False if someone asked to stop before.

    However it ends, a step is never left half done, and what was learned is kept.
    """
    seconds_kept = training.seconds
    with (
        _asked_to_stop() as is_asked_to_stop,
        closing(feed(recipe, first=training.n_done, workers=workers)) as batches,
        _shown(console) as show,
    ):
        for _ in learn(training, batches):
            show(training)
            if is_asked_to_stop():
                break
            if training.seconds - seconds_kept >= 60 * keeping.every_minutes:
                keeping.keep(training)
                seconds_kept = training.seconds
    keeping.keep(training)
    return training.progress >= 1


@contextmanager
def _asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Hear of Ctrl-C and of a polite kill, and let the step be finished first."""
    asked: list[int] = []

    def hear(number: int, _: object) -> None:
        asked.append(number)
        signal.signal(
            number, before[signal.Signals(number)]
        )  # the second time it means it

    before = {
        number: signal.signal(number, hear)
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _shown(console: Console) -> Generator[Callable[[Training], None]]:
    """Show a bar on a terminal, and a line now and then elsewhere."""
    columns = (
        TextColumn("Training"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("loss {task.fields[loss]:.4f}"),
        TextColumn("{task.fields[pace]:,.0f} windows/s"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    is_terminal = console.is_terminal
    every_s = _SHOWN_EVERY_S if is_terminal else _LINE_EVERY_S
    with Progress(*columns, console=console, disable=not is_terminal) as bar:
        task = bar.add_task("", total=_TOTAL, loss=float("nan"), pace=0.0)
        begun, n_before, shown_at = monotonic(), -1, 0.0

        def show(training: Training) -> None:
            nonlocal n_before, shown_at
            now = monotonic()
            n_before = training.n_seen if n_before < 0 else n_before
            if now - shown_at < every_s and training.progress < 1:
                return
            shown_at = now
            pace = (training.n_seen - n_before) / max(now - begun, 1e-9)
            done = min(training.progress, 1.0)
            bar.update(task, completed=_TOTAL * done, loss=training.loss, pace=pace)
            if not is_terminal:
                console.print(
                    f"{done:6.1%}  loss {training.loss:.4f}  "
                    f"{training.n_seen:,} windows  {pace:,.0f} windows/s"
                )

        yield show
