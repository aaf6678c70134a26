"""Units of work of a study: done once, kept, and never done again."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from tsfm_runner.errors import StudyError, UnitLostError
from tsfm_runner.ports import Arrays, Workers, WorkStore


@dataclass(frozen=True, slots=True)
class Unit:
    """A piece of work by its name, which is unlike all others of the study.

    ``args`` are what the function is called with; they can be pickled.
    """

    name: str
    args: tuple[Any, ...]


def run_units(
    workers: Workers,
    store: WorkStore,
    function: Callable[..., Arrays],
    units: Sequence[Unit],
    on_done: Callable[[Unit], object],
) -> None:
    """Do the units that are not done yet and keep what each one gives.

    ``on_done`` hears of every unit once, of those that were done before first. An
    error of a unit, or Ctrl-C, ends the work; what was kept stays.
    """
    _refuse_equal_names(units)
    missing = []
    for unit in units:
        if store.has(unit.name):
            on_done(unit)
        else:
            missing.append(unit)
    try:
        with closing(workers.run(function, [unit.args for unit in missing])) as done:
            for place, arrays in done:
                store.write(missing[place].name, arrays)
                on_done(missing[place])
    except UnitLostError as exc:
        raise StudyError(f"unit {missing[exc.place].name} {exc.reason}") from exc


def _refuse_equal_names(units: Sequence[Unit]) -> None:
    names = Counter(unit.name for unit in units)
    [(name, count)] = names.most_common(1) or [("", 0)]
    if count > 1:
        raise ValueError(f"{count} units are named {name!r}")
