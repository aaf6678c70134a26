"""One busy service for all tests of what reads its metrics."""

import pytest
from tests.monitoring.busy import Exposition, exposition


@pytest.fixture(scope="session")
def exposed() -> Exposition:
    return exposition()
