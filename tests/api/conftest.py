"""One service for every test that needs no settings of its own."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient
from tests.api.wire import a_client


@pytest.fixture(scope="session")
def client() -> Iterator[TestClient]:
    with a_client() as served:
        yield served
