"""A real ``tsfm-runner fake-tollama`` in a process that breaks down and is mended."""

import signal

from harness import PROGRAM, Server, end, free_port, start
from tsfm_runner.testing.fake_tollama import Fault

KILLED, STOPPED = "killed", "stopped"
KINDS = (KILLED, STOPPED, *Fault)


class Daemon:
    """The runtime's process, always at the same port."""

    def __init__(self) -> None:
        """Start it without a fault."""
        self._port = free_port()
        self._server = self._start()

    def _start(self, *flags: str) -> Server:
        command = (PROGRAM, "fake-tollama", "--port", self._port, "--latency-ms", 5)
        return start(*command, *flags, port=self._port)

    @property
    def url(self) -> str:
        """The address at which the service finds it."""
        return self._server.url

    def _kill(self) -> None:
        self._server.process.kill()
        self._server.process.wait()

    def break_down(self, kind: str) -> None:
        """Let the fault begin."""
        if kind == STOPPED:
            self._server.process.send_signal(signal.SIGSTOP)
            return
        self._kill()
        if kind != KILLED:
            self._server = self._start("--fault", kind)

    def mend(self, kind: str) -> None:
        """Let the fault end; return when the daemon is well."""
        if kind == STOPPED:
            self._server.process.send_signal(signal.SIGCONT)
            return
        self._kill()
        self._server = self._start()

    def end(self) -> None:
        """End the process."""
        end(self._server.process)
