"""Units are done once, kept, and told of; what is done is not done again."""

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tsfm_runner.errors import StudyError, UnitLostError
from tsfm_runner.evaluation.units import Unit, run_units
from tsfm_runner.ports import Arrays, ReadArrays

UNITS = [Unit(f"unit {number}", (number,)) for number in range(4)]


class BackwardWorkers:
    """Do units from the last to the first, and note whether they were let go."""

    n_workers = 1

    def __init__(self) -> None:
        self.n_ended = 0

    def run(
        self, function: Callable[..., Arrays], units: Sequence[tuple[Any, ...]]
    ) -> Generator[tuple[int, Arrays], None, None]:
        try:
            for place in reversed(range(len(units))):
                yield place, function(*units[place])
        finally:
            self.n_ended += 1

    def share(self, read: ReadArrays) -> ReadArrays:
        return read


class LosingWorkers(BackwardWorkers):
    """Lose the second of the units that they are given."""

    def run(
        self, function: Callable[..., Arrays], units: Sequence[tuple[Any, ...]]
    ) -> Generator[tuple[int, Arrays], None, None]:
        yield 0, function(*units[0])
        raise UnitLostError(1, "ended its worker 3 times")


class Shelf:
    """Keep arrays in memory, as long as there is room."""

    def __init__(self, *, room: int = 10) -> None:
        self.kept: dict[str, Arrays] = {}
        self._room = room

    def has(self, name: str) -> bool:
        return name in self.kept

    def path(self, name: str) -> Path:
        return Path(name)

    def write(self, name: str, arrays: Arrays) -> None:
        if len(self.kept) == self._room:
            raise StudyError("there is no room")
        self.kept[name] = arrays

    def read(self, name: str) -> Arrays:
        return self.kept[name]

    def reader(self, name: str) -> ReadArrays:
        return lambda: self.kept[name]


def squared(number: int) -> Arrays:
    return {"square": np.array(number**2)}


def squares(store: Shelf) -> dict[str, int]:
    return {name: int(arrays["square"]) for name, arrays in store.kept.items()}


def test_every_unit_is_kept_under_its_name() -> None:
    store, told = Shelf(), list[Unit]()

    run_units(BackwardWorkers(), store, squared, UNITS, told.append)

    assert squares(store) == {"unit 0": 0, "unit 1": 1, "unit 2": 4, "unit 3": 9}
    assert told == UNITS[::-1]


def test_what_is_done_is_told_first_and_not_done_again() -> None:
    store, told = Shelf(), list[Unit]()
    store.write("unit 1", {"square": np.array(-1)})
    store.write("unit 3", {"square": np.array(-3)})

    run_units(BackwardWorkers(), store, squared, UNITS, told.append)

    assert squares(store) == {"unit 0": 0, "unit 1": -1, "unit 2": 4, "unit 3": -3}
    assert [unit.name for unit in told] == ["unit 1", "unit 3", "unit 2", "unit 0"]


def test_no_units_are_no_work() -> None:
    store = Shelf()

    run_units(BackwardWorkers(), store, squared, [], lambda _: None)

    assert store.kept == {}


def test_units_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="2 units are named 'unit 1'"):
        run_units(
            BackwardWorkers(), Shelf(), squared, [*UNITS, UNITS[1]], lambda _: None
        )


def test_a_unit_that_is_lost_is_named_and_what_is_done_is_kept() -> None:
    store = Shelf()
    store.write("unit 0", {"square": np.array(0)})

    with pytest.raises(StudyError, match=r"^unit unit 2 ended its worker 3 times$"):
        run_units(LosingWorkers(), store, squared, UNITS, lambda _: None)

    assert squares(store) == {"unit 0": 0, "unit 1": 1}


def test_what_cannot_be_kept_ends_the_work() -> None:
    workers, store = BackwardWorkers(), Shelf(room=2)

    with pytest.raises(StudyError, match="there is no room"):
        run_units(workers, store, squared, UNITS, lambda _: None)

    assert list(store.kept) == ["unit 3", "unit 2"]
    assert workers.n_ended == 1


def test_ctrl_c_ends_the_work() -> None:
    workers, store = BackwardWorkers(), Shelf()

    def press_ctrl_c(_: Unit) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_units(workers, store, squared, UNITS, press_ctrl_c)

    assert list(store.kept) == ["unit 3"]
    assert workers.n_ended == 1
