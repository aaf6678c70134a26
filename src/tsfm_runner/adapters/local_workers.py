"""Do units of work here: in this process, or in several beside it."""

import pickle
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import Any, Self

from tsfm_runner.adapters.working.cpus import usable_cpus
from tsfm_runner.adapters.working.crew import Crew
from tsfm_runner.adapters.working.outcome import Outcome, call
from tsfm_runner.adapters.working.process import WorkerGoneError
from tsfm_runner.errors import UnitLostError
from tsfm_runner.ports import Arrays, ReadArrays

MOST_TRIES = 3

_QUEUED_PER_WORKER = 2  # of which one is at work: none waits while results are kept


class LocalWorkers:
    """``Workers`` on this machine.

    One worker is this very process, which is best to look into. Several are processes
    of their own, made when they are first needed and kept until the end. They end
    with this one, however it ends.
    """

    def __init__(self, n_workers: int | None = None) -> None:
        """Take how many units are done at a time; None: as many as there are CPUs."""
        self._n_workers = usable_cpus() if n_workers is None else n_workers
        self._crew = Crew()

    def __enter__(self) -> Self:
        """Begin; nothing is started yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """End all processes at once."""
        self._crew.dismiss()

    @property
    def n_workers(self) -> int:
        """How many units are done at a time."""
        return self._n_workers

    def run(
        self, function: Callable[..., Arrays], units: Sequence[tuple[Any, ...]]
    ) -> Generator[tuple[int, Arrays], None, None]:
        """Call the function with each tuple of arguments; yield as they finish."""
        if self._n_workers == 1:
            return ((place, call(function, unit)) for place, unit in enumerate(units))
        return self._run_beside(function, units)

    def share(self, read: ReadArrays) -> ReadArrays:
        """Return the same: every process here opens the same files."""
        return read

    def _run_beside(
        self, function: Callable[..., Arrays], units: Sequence[tuple[Any, ...]]
    ) -> Generator[tuple[int, Arrays], None, None]:
        threads = ThreadPoolExecutor(self._n_workers, "tsfm-worker")
        at_work: set[Future[tuple[int, Outcome]]] = set()
        waiting = enumerate(units)
        is_finished = False
        try:
            while not is_finished:
                room = _QUEUED_PER_WORKER * self._n_workers - len(at_work)
                for place, unit in islice(waiting, room):
                    packed = pickle.dumps((function, unit), protocol=5)
                    at_work.add(threads.submit(_do, self._crew, place, packed))
                done, at_work = wait(at_work, return_when=FIRST_COMPLETED)
                for future in done:
                    place, outcome = future.result()
                    yield place, outcome.result()
                is_finished = not done
        finally:
            if not is_finished:
                self._crew.dismiss()
                self._crew = Crew()
            threads.shutdown(cancel_futures=True)


def _do(crew: Crew, place: int, packed: bytes) -> tuple[int, Outcome]:
    """Let a process do a unit, and another one if that one is lost."""
    how = ""
    for _ in range(MOST_TRIES):
        worker = crew.hire()
        is_well = False
        try:
            outcome = worker.ask(packed)
            is_well = True
        except WorkerGoneError as exc:
            how = str(exc)
        else:
            return place, outcome
        finally:
            crew.give_back(worker, is_well=is_well)
    raise UnitLostError(place, f"ended its worker {MOST_TRIES} times ({how})")
