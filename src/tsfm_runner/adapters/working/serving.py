"""What a worker process does: units from its input, outcomes to its output."""

import os
import pickle
import signal
import sys
from queue import SimpleQueue
from threading import Thread
from typing import BinaryIO

from tsfm_runner.adapters.working.framing import receive, send
from tsfm_runner.adapters.working.outcome import attempt


def serve() -> None:
    """Do one unit after the other, until the driver is gone or ends this process.

    The driver's end of the pipe closes when the driver ends in any way, killed or
    not; the thread that listens to it then ends this process in the middle of its
    unit. What units print goes to stderr: the output belongs to the outcomes.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # that is for the driver
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as output:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        units: SimpleQueue[bytes] = SimpleQueue()
        Thread(target=_listen, args=(sys.stdin.buffer, units), daemon=True).start()
        while True:
            packed = units.get()
            outcome = attempt(lambda packed=packed: pickle.loads(packed))  # type: ignore[misc]  # noqa: S301
            send(output, pickle.dumps(outcome, protocol=5))


def _listen(stream: BinaryIO, units: SimpleQueue[bytes]) -> None:
    try:
        while True:
            units.put(receive(stream))
    except EOFError:
        os._exit(0)
