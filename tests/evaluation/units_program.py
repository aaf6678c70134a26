"""A study as a program, to be ended at any moment.

``python -m tests.evaluation.units_program ROOT N_WORKERS N_UNITS PAUSE_S`` does units
with workers of its own. It prints ``open`` when it begins and ``done NAME`` for each
unit that is kept, and ends with 130 at Ctrl-C.
"""

import os
import sys
from pathlib import Path

from tests.adapters.working import toys

from tsfm_runner.adapters.local_workers import LocalWorkers
from tsfm_runner.adapters.work_folder import WorkFolder
from tsfm_runner.adapters.working.toolchain import Toolchain
from tsfm_runner.evaluation.units import Unit, run_units


def open_store(root: Path) -> WorkFolder:
    """Open what is kept, also where the code was edited while the study ran."""
    return WorkFolder(
        root / "work",
        "a study that is ended",
        toolchain=Toolchain(libraries=(), code="as it is", rounding="as it is"),
    )


def say(line: str) -> None:
    """Print a line as one piece, which a kill cannot cut."""
    os.write(sys.stdout.fileno(), f"{line}\n".encode())


def units(root: Path, n_units: int, pause_s: float) -> list[Unit]:
    """Return units that leave a mark under ``root`` each time they are begun."""
    return [
        Unit(f"unit {seed}", (root / "begun", seed, pause_s)) for seed in range(n_units)
    ]


def main(root: Path, n_workers: int, n_units: int, pause_s: float) -> None:
    """Do the units that are not done."""
    (root / "begun").mkdir(exist_ok=True)
    with (
        open_store(root) as store,
        LocalWorkers(n_workers) as workers,
    ):
        say("open")
        run_units(
            workers,
            store,
            toys.marked_numbers,
            units(root, n_units, pause_s),
            lambda unit: say(f"done {unit.name}"),
        )


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
    except KeyboardInterrupt:
        sys.exit(130)
