"""Train from a recipe: with a progress bar, checkpoints, and a calm end on Ctrl-C."""

import signal
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

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


class Keeping:
    """Keeps a training on disk, every few minutes."""

    def __init__(
        self, path: Path, made_by: Mapping[str, Any], *, every_minutes: float = 2.0
    ) -> None:
        """Take where it is kept, and as what."""
        self._path, self._made_by = path, made_by
        self._every_s, self._kept_at_s = 60 * every_minutes, 0.0

    def __call__(self, training: Training) -> None:
        """Keep it if that was not done for long."""
        if training.seconds - self._kept_at_s >= self._every_s:
            self.keep(training)

    def keep(self, training: Training) -> None:
        """Write down where the training is."""
        write_checkpoint(self._path, training, made_by=self._made_by)
        self._kept_at_s = training.seconds


def run_training(
    training: Training,
    recipe: Recipe,
    *,
    workers: Workers,
    after_step: Callable[[Training], None],
    console: Console,
) -> bool:
    """Train to the end of the plan; False if someone asked to stop before.

    However it ends, no step is left half done.
    """
    with (
        _asked_to_stop() as is_asked_to_stop,
        closing(feed(recipe, first=training.n_done, workers=workers)) as batches,
        _shown(console) as show,
    ):
        for _ in learn(training, batches):
            show(training)
            after_step(training)
            if is_asked_to_stop():
                break
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
