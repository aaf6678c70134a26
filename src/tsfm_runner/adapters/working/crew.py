"""The worker processes of a driver, shared by the threads that wait for them."""

from threading import Lock

from tsfm_runner.adapters.working.process import WorkerProcess


class DismissedError(Exception):
    """The work is over; nobody is hired any more."""


class Crew:
    """Processes that are at work or wait for some; made when they are needed."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._lock = Lock()
        self._idle: list[WorkerProcess] = []
        self._busy: set[WorkerProcess] = set()
        self._is_dismissed = False

    def hire(self) -> WorkerProcess:
        """Return a process that is the caller's until it is given back."""
        with self._lock:
            if self._is_dismissed:
                raise DismissedError
            worker = self._idle.pop() if self._idle else WorkerProcess()
            self._busy.add(worker)
            return worker

    def give_back(self, worker: WorkerProcess, *, is_well: bool) -> None:
        """Take a process back, to work again or, if it is not well, to be closed."""
        with self._lock:
            self._busy.discard(worker)
            is_kept = is_well and not self._is_dismissed
            if is_kept:
                self._idle.append(worker)
        if not is_kept:
            worker.close()

    def dismiss(self) -> None:
        """End all processes, in the middle of their work; whoever waits hears of it."""
        with self._lock:
            self._is_dismissed = True
            idle, self._idle = self._idle, []
            for worker in self._busy:
                worker.kill()
        for worker in idle:
            worker.close()
