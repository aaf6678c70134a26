"""The wire: stored request and answer, compared whole."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.api.exchanges import FILES, a_service, answer_to


@pytest.fixture
def client() -> Iterator[TestClient]:
    with a_service() as served:
        yield served


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_stored_request_has_its_stored_answer(client: TestClient, path: Path) -> None:
    exchange = json.loads(path.read_text())

    answer = answer_to(client, exchange["request"])

    assert answer == exchange["answer"]


def test_exchanges_are_stored() -> None:
    stored = {path.stem for path in FILES}

    assert {"baseline_ewma", "batch_of_three", "broken_fields"} <= stored
