"""One worker process, as its driver sees it."""

import json
import os
import pickle
import signal
import subprocess
import sys
from contextlib import suppress
from typing import Any, BinaryIO, cast

from tsfm_runner.adapters.working.blas_threads import ONE_THREAD
from tsfm_runner.adapters.working.framing import receive, send
from tsfm_runner.adapters.working.outcome import Outcome

# A new interpreter, that finds what the driver finds and runs none of its program:
# no guard is needed around the main of whoever asks for a study.
_PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from tsfm_runner.adapters.working.serving import serve; serve()"
)
# Ctrl-C in a terminal goes to the driver's group, and it alone decides what follows.
_OWN_GROUP: dict[str, Any] = {"process_group": 0}
if sys.platform == "win32":
    _OWN_GROUP = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}


class WorkerGoneError(Exception):
    """The process ended before it answered; the message says how."""


class WorkerProcess:
    """A process that does one unit at a time, with one thread."""

    def __init__(self) -> None:
        """Start it; it is ready when it answers."""
        self._process = subprocess.Popen(  # noqa: S603 - this very interpreter
            [sys.executable, "-P", "-c", _PROGRAM, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **ONE_THREAD},
            **_OWN_GROUP,
        )
        self._input = cast("BinaryIO", self._process.stdin)
        self._output = cast("BinaryIO", self._process.stdout)

    def ask(self, packed: bytes) -> Outcome:
        """Let it do a unit; raise ``WorkerGoneError`` where it ends instead."""
        try:
            send(self._input, packed)
            answer = receive(self._output)
        except (OSError, EOFError) as exc:
            raise WorkerGoneError(_how_it_ended(self._process.wait())) from exc
        outcome: Outcome = pickle.loads(answer)  # noqa: S301 - from our own process
        return outcome

    def kill(self) -> None:
        """End it at once; whoever waits for its answer hears of it."""
        self._process.kill()

    def close(self) -> None:
        """End it, and give back what it held here; nobody may be waiting for it."""
        self._process.kill()
        self._process.wait()
        self._output.close()
        with suppress(BrokenPipeError):  # a unit that was sent in part
            self._input.close()


def _how_it_ended(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    name = signal.Signals(-code).name
    if name == "SIGKILL":
        return "SIGKILL: ended from outside, most often for want of memory"
    return name
