"""Do units of work on a Ray cluster, to the last bit as they are done here."""

import logging
import os
import pickle
import socket
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from importlib import import_module
from typing import Any, Self

from tsfm_runner.adapters.working.blas_threads import ONE_THREAD
from tsfm_runner.adapters.working.cpus import usable_cpus
from tsfm_runner.adapters.working.outcome import Outcome
from tsfm_runner.adapters.working.ray_unit import Shared, pack
from tsfm_runner.adapters.working.toolchain import Toolchain, this_toolchain
from tsfm_runner.errors import ConfigurationError, StudyError, UnitLostError
from tsfm_runner.ports import Arrays, ReadArrays

LOCAL = "local"
MOST_TRIES = 10  # nodes that cost little come and go; a unit that kills them stays

_QUEUED_PER_WORKER = 2  # of which one is at work
_CONNECT_TIMEOUT_S = 5.0
# Ray tells nobody about its use, and says nothing on stdout, where it would tell of
# each lost worker: that is for results, and what matters of it is raised.
_SETUP = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",
    "RAY_IGNORE_UNHANDLED_ERRORS": "1",
}
# Whoever reaches a cluster may run any program on it: one that is started here
# listens to this machine alone.
_SETUP_OF_LOCAL = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
# Set here, these tell CPUs of different make to round alike; they go to every node.
_ROUNDING = ("NPY_DISABLE_CPU_FEATURES", "OPENBLAS_CORETYPE")


class RayWorkers:
    """``Workers`` on a Ray cluster, or on one that is started here for a while.

    The cluster holds nothing that is needed later: results come back to this process,
    and a study whose cluster is lost goes on with another one, or without.
    """

    def __init__(
        self,
        address: str,
        *,
        n_workers: int | None = None,
        toolchain: Toolchain | None = None,
    ) -> None:
        """Take ``local``, ``auto``, ``HOST:PORT`` or ``ray://HOST:PORT``.

        ``n_workers`` is for ``local``; None: as many as there are CPUs. Every worker
        computes with ``toolchain``, or not at all; None: with that of this process.
        """
        self._address = address
        self._toolchain = this_toolchain() if toolchain is None else toolchain
        self._n_local = usable_cpus() if n_workers is None else n_workers
        self._ray: Any = _imported(is_local=address == LOCAL)
        self._is_ours = False

    def __enter__(self) -> Self:
        """Connect, or start; raise ``ConfigurationError`` where neither goes."""
        _refuse_silence(self._address)
        options: dict[str, Any] = {"log_to_driver": False}
        if self._address == LOCAL:
            options |= {"num_cpus": self._n_local, "include_dashboard": False}
        if not self._ray.is_initialized():
            try:
                self._ray.init(self._address, logging_level=logging.ERROR, **options)
            except (ImportError, OSError, RuntimeError, ValueError) as exc:
                raise ConfigurationError(
                    f"Ray at {self._address!r} cannot be used: {_gist(exc)}"
                ) from exc
            self._is_ours = True
        self._work = _remote(self._ray)
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the cluster; end it if it was started here."""
        if self._is_ours:
            self._ray.shutdown()

    @property
    def n_workers(self) -> int:
        """How many units the cluster does at a time, which may grow and shrink."""
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def share(self, read: ReadArrays) -> ReadArrays:
        """Return what stands for arrays that go to the cluster once."""
        return Shared(read, self._ray.put)

    def run(
        self, function: Callable[..., Arrays], units: Sequence[tuple[Any, ...]]
    ) -> Generator[tuple[int, Arrays], None, None]:
        """Call the function with each tuple of arguments; yield as they finish."""
        toolchain = pickle.dumps(self._toolchain)
        waiting = deque(range(len(units)))
        at_work: dict[Any, int] = {}
        tries: Counter[int] = Counter()
        try:
            while waiting or at_work:
                while waiting and len(at_work) < _QUEUED_PER_WORKER * self.n_workers:
                    place = waiting.popleft()
                    packed, references = pack(function, units[place])
                    task = self._work.remote(packed, toolchain, *references)
                    at_work[task] = place
                [task], _ = self._ray.wait(list(at_work), num_returns=1)
                place = at_work.pop(task)
                tries[place] += 1
                outcome = self._outcome(task, place, is_last=tries[place] == MOST_TRIES)
                if outcome is None:
                    waiting.appendleft(place)
                else:
                    yield place, outcome.result()
        finally:
            for task in at_work:
                self._ray.cancel(task, force=True)

    def _outcome(self, task: Any, place: int, *, is_last: bool) -> Outcome | None:  # noqa: ANN401 - an ObjectRef
        """Return what became of a unit; None where its worker or node was lost."""
        errors = self._ray.exceptions
        lost = (
            errors.LocalRayletDiedError,
            errors.NodeDiedError,
            errors.ObjectLostError,
            errors.OutOfMemoryError,
            errors.WorkerCrashedError,
        )
        try:
            outcome: Outcome = self._ray.get(task)
        except lost as exc:
            if is_last:
                how = f"ended its worker {MOST_TRIES} times ({_gist(exc)})"
                raise UnitLostError(place, how) from exc
            return None
        except errors.RayTaskError as exc:  # raised before the unit itself began
            if isinstance(exc.cause, ImportError):
                raise ConfigurationError(
                    f"a Ray node cannot import what is needed: {exc.cause}; install "
                    "the same tsfm-runner on every node"
                ) from exc
            raise
        except errors.RayError as exc:
            raise StudyError(f"Ray cannot go on: {_gist(exc)}") from exc
        return outcome


def _imported(*, is_local: bool) -> Any:  # noqa: ANN401 - a module that may be missing
    """Import Ray, set up as it is only when it is imported."""
    for name, value in (_SETUP | _SETUP_OF_LOCAL if is_local else _SETUP).items():
        os.environ.setdefault(name, value)
    try:
        return import_module("ray")
    except ModuleNotFoundError as exc:
        raise ConfigurationError(
            f"--ray needs {exc.name}: pip install 'tsfm-runner[ray]'"
        ) from exc


def _refuse_silence(address: str) -> None:
    """Find out in seconds what Ray itself tries for minutes: that nobody listens."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if port.isdigit():
        try:
            socket.create_connection((host, int(port)), _CONNECT_TIMEOUT_S).close()
        except OSError as exc:
            reason = exc.strerror or "it does not answer"
            raise ConfigurationError(
                f"Ray at {address!r} cannot be reached: {reason}"
            ) from exc


def _remote(ray: Any) -> Any:  # noqa: ANN401 - the module, and a task of it
    """Return the task that does a unit on a node.

    Losses are counted here and not by Ray, which would let a unit that ends every
    worker do so for ever. As a function in a function it travels by value, so that a
    node without this package can still say what it lacks.
    """

    def work(packed: bytes, toolchain: bytes, *shared: Arrays) -> Outcome:
        from tsfm_runner.adapters.working.ray_unit import do_unit  # noqa: PLC0415

        return do_unit(packed, toolchain, shared)

    chosen = {name: os.environ[name] for name in _ROUNDING if name in os.environ}
    environment = {"env_vars": {**ONE_THREAD, **chosen}}
    return ray.remote(num_cpus=1, max_retries=0, runtime_env=environment)(work)


def _gist(exc: BaseException) -> str:
    """Return the line that says what is wrong, of the many that Ray writes.

    A traceback says it at its end. A token that is missing is said by a cause only.
    """
    if "InvalidAuthToken" in str(exc.__cause__):
        return "it asks for a token: set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN"
    lines = [line.strip() for line in str(exc).splitlines() if line.strip()]
    if not lines:
        return type(exc).__name__
    return lines[-1 if any("Traceback" in line for line in lines) else 0]
