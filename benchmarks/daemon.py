"""The double of the tollama daemon in a process that breaks down and is mended."""

import signal
import sys

from daemon_server import NO_FAULT
from harness import HERE, OK, MeasurementError, Server, ask, end, free_port, start
from tsfm_runner.testing.fake_tollama import Fault

KILLED, STOPPED = "killed", "stopped"
KINDS = (KILLED, STOPPED, *Fault)


class Daemon:
    """The runtime's process, always at the same port."""

    def __init__(self) -> None:
        """Start it without a fault."""
        self._port = free_port()
        self._server = self._start()

    def _start(self) -> Server:
        command = (sys.executable, HERE / "daemon_server.py", "--port", self._port)
        return start(*command, port=self._port)

    @property
    def url(self) -> str:
        """The address at which the service finds it."""
        return self._server.url

    def break_down(self, kind: str) -> None:
        """Let the fault begin."""
        if kind == STOPPED:
            self._server.process.send_signal(signal.SIGSTOP)
        elif kind == KILLED:
            self._server.process.kill()
            self._server.process.wait()
        else:
            self._set_fault(kind)

    def mend(self, kind: str) -> None:
        """Let the fault end; return when the daemon is well."""
        if kind == STOPPED:
            self._server.process.send_signal(signal.SIGCONT)
        elif kind == KILLED:
            self._server = self._start()
        else:
            self._set_fault(NO_FAULT)

    def _set_fault(self, name: str) -> None:
        if ask(f"{self.url}/fault/{name}", method="PUT").status != OK:
            raise MeasurementError(f"the daemon cannot have the fault {name}")

    def end(self) -> None:
        """End the process."""
        end(self._server.process)
