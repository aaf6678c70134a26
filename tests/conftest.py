"""How every property is tested, and where no test may write.

The same examples each time, however slow the host; and the ledger that a service
opens by default lies in a folder that is thrown away, never in the user's own.
"""

import atexit
import os
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import settings

settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")

# Set before anything is imported: programs that tests start inherit it.
DATA_HOME = Path(mkdtemp(prefix="tsfm-runner-tests-"))
os.environ["XDG_DATA_HOME"] = os.environ["LOCALAPPDATA"] = str(DATA_HOME)
atexit.register(shutil.rmtree, DATA_HOME, ignore_errors=True)

_numbers = count(1)


@pytest.fixture(autouse=True)
def _own_data_home() -> Iterator[None]:
    """Give each test a folder of its own: what one service learned no other knows."""
    os.environ["XDG_DATA_HOME"] = str(DATA_HOME / f"test-{next(_numbers)}")
    yield
    os.environ["XDG_DATA_HOME"] = str(DATA_HOME)
