"""A program that starts writers to one ledger, each to be killed.

For each line that it reads it forks a writer and prints ``born PID``. The writer
prints ``safe N`` whenever everything up to forecast N is committed, and goes on
until somebody kills it; then ``dead`` is printed. To fork takes a hundredth of the
time in which a program that imports all this starts.
"""

import asyncio
import os
import sys
from pathlib import Path

from tests.adapters.ledger.entries import (
    START_S,
    forecast,
    open_at,
    outcome,
    score,
    state,
)

_GROUPS_AT_ONCE = 5
_STATE_EVERY = 50


def say(line: str) -> None:
    """Print a line as one piece, which a kill cannot cut."""
    os.write(sys.stdout.fileno(), f"{line}\n".encode())


async def write_until_killed(path: Path) -> None:
    """Append under load, and say what is safe."""
    with open_at(path, commit_interval_s=0.001) as ledger:
        contents = ledger.read(awaited_after_s=START_S)
        number, score_id = contents.next_forecast_id, contents.next_score_id
        while True:
            for _ in range(_GROUPS_AT_ONCE):
                pairs = [(number, step) for step in (1, 2, 3)]
                ledger.append([forecast(number), outcome(number)])
                ledger.append([score(score_id, pairs, ts_s=START_S + number)])
                number, score_id = number + 1, score_id + 1
            if number % _STATE_EVERY == 0:
                ledger.append([state(score_id - 1, bytes(10_000))])
            await ledger.commit()
            say(f"safe {number - 1}")


def main(path: Path) -> None:
    """Start a writer for each line, one after the other."""
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            say(f"born {os.getpid()}")
            asyncio.run(write_until_killed(path))
        os.waitpid(pid, 0)
        say("dead")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
