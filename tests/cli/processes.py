"""Start the program as its user does, on a free port, and end it again."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROGRAM = str(Path(sys.executable).with_name("tsfm-runner"))

_LAST_LINE = re.compile(r"Serving on (http://\S+) ")


@dataclass(frozen=True, slots=True)
class Served:
    """A running service: its address, and all that it printed before."""

    url: str
    printed: str
    process: subprocess.Popen[str]

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; return the exit code and what went to stderr."""
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=30)
        return self.process.returncode, errors


@contextmanager
def serving(*flags: str, environ: Mapping[str, str] | None = None) -> Iterator[Served]:
    """Yield the service as ``tsfm-runner serve --port 0`` starts it."""
    with subprocess.Popen(  # noqa: S603 - the program under test
        [PROGRAM, "serve", "--port", "0", *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **(environ or {})},
    ) as process:
        try:
            yield _wait(process)
        finally:
            process.kill()


def _wait(process: subprocess.Popen[str]) -> Served:
    printed = ""
    for line in process.stdout or ():
        printed += line
        if found := _LAST_LINE.match(line):
            return Served(found[1], printed, process)
    raise AssertionError(process.communicate()[1])
