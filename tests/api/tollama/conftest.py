"""One service that speaks as tollama, for tests that need no settings of their own."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient
from tests.api.tollama.asking_as_tollama import speaking
from tests.api.wire import a_client


@pytest.fixture(scope="session")
def daemon() -> Iterator[TestClient]:
    with a_client(speaking(), has_own_models=True) as client:
        yield client
