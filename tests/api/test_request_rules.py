"""Every rule of the request table: what breaks it is told where it stands."""

from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.api.broken_requests import BROKEN, Loc
from tests.api.wire import FORECAST, a_request, assert_problem


@pytest.mark.parametrize(("fields", "loc", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_rule_is_told_with_its_place(
    client: TestClient, fields: dict[str, Any], loc: Loc, message: str
) -> None:
    response = client.post(FORECAST, json=a_request(**fields))

    [error] = assert_problem(response, 422, "invalid_request")["errors"]
    assert error["loc"] == loc
    assert message in error["msg"]


@pytest.mark.parametrize("field", ["market_id", "as_of_ts", "y"])
def test_required_field_that_is_missing_is_named(
    client: TestClient, field: str
) -> None:
    request = a_request()
    del request[field]

    response = client.post(FORECAST, json=request)

    [error] = assert_problem(response, 422, "invalid_request")["errors"]
    assert error["loc"] == [field]
    assert error["msg"] == "Field required"


def test_every_broken_field_is_told_at_once(client: TestClient) -> None:
    request = a_request(market_id="", horizon_steps=0, freq="x", surprise=1)

    response = client.post(FORECAST, json=request)

    problem = assert_problem(response, 422, "invalid_request")
    assert [error["loc"] for error in problem["errors"]] == [
        ["market_id"],
        ["freq"],
        ["horizon_steps"],
        ["surprise"],
    ]
    assert problem["detail"].startswith("market_id: ")


def test_input_of_an_error_is_cut_to_80_characters(client: TestClient) -> None:
    response = client.post(FORECAST, json=a_request(market_id="é" * 5_000))

    [error] = assert_problem(response, 422, "invalid_request")["errors"]
    assert error["input"].startswith("'ééé")
    assert len(error["input"]) == 80


def test_only_the_first_wrong_value_of_a_list_is_told(client: TestClient) -> None:
    response = client.post(FORECAST, json=a_request(y=[0.5, 2, -1, "x"]))

    problem = assert_problem(response, 422, "invalid_request")
    assert [error["loc"] for error in problem["errors"]] == [["y", 1]]


def test_unknown_keys_are_told_up_to_a_hundred(client: TestClient) -> None:
    request = {f"key{number}": number for number in range(100)}

    response = client.post(FORECAST, json=request)

    assert len(assert_problem(response, 422, "invalid_request")["errors"]) == 100
