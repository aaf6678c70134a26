"""The OpenAPI document, held against what the routes do."""

import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CheckFunction
from schemathesis.specs.openapi.checks import (
    negative_data_rejection,
    positive_data_acceptance,
)
from starlette.testclient import TestClient
from tests.api.wire import BATCH, FORECAST, Json, a_request, an_app

from tsfm_runner.api.schemas import ForecastAnswer, ForecastRequest

EXAMPLES = int(os.environ.get("TSFM_SCHEMATHESIS_EXAMPLES", "300"))
ROUTES_TO_VARY = 5  # the others take nothing
# Lengths that must agree with each other are rules that no schema can tell.
UNTOLD: list[CheckFunction] = [positive_data_acceptance]
# A batch is answered 200 with a problem in the place of each wrong request.
UNTOLD_OF_BATCH: list[CheckFunction] = [*UNTOLD, negative_data_rejection]

# Streams have no end; what they say is held against their documents elsewhere.
schema = schemathesis.openapi.from_asgi("/openapi.json", an_app()).exclude(
    path_regex="/stream$"
)


@schema.parametrize()
@settings(
    max_examples=EXAMPLES // ROUTES_TO_VARY,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_every_route_does_what_it_documents(case: schemathesis.Case[Any]) -> None:
    excluded = UNTOLD_OF_BATCH if case.path == BATCH else UNTOLD
    case.call_and_validate(excluded_checks=excluded)


def _document(client: TestClient) -> Json:
    document: Json = client.get("/openapi.json").json()
    return document


def test_document_names_every_field_of_a_request(client: TestClient) -> None:
    told = _document(client)["components"]["schemas"]["ForecastRequest"]

    assert told["properties"].keys() == ForecastRequest.model_fields.keys()
    assert told["required"] == ["market_id", "as_of_ts", "y"]
    assert told["additionalProperties"] is False
    assert all(field["description"] for field in told["properties"].values())


def test_document_names_every_member_of_an_answer(client: TestClient) -> None:
    told = _document(client)["components"]["schemas"]["ForecastAnswer"]

    assert told["properties"].keys() == ForecastAnswer.__annotations__.keys()
    answer = client.post(FORECAST, json=a_request()).json()
    assert answer.keys() == told["properties"].keys()


def test_example_in_the_document_is_answered(client: TestClient) -> None:
    told = _document(client)["components"]["schemas"]["ForecastRequest"]

    [example] = told["examples"]

    assert client.post(FORECAST, json=example).status_code == 200


def test_example_of_observations_in_the_document_is_taken(client: TestClient) -> None:
    told = _document(client)["components"]["schemas"]["Observations"]

    [example] = told["examples"]

    assert (told["type"], told["minItems"], told["maxItems"]) == ("array", 1, 10_000)
    assert client.post("/tsfm/observations", json=example).status_code == 202


@pytest.mark.parametrize(
    ("route", "method", "statuses"),
    [
        (
            "/tsfm/observations",
            "post",
            {"202", "400", "401", "413", "422", "500", "503"},
        ),
        (
            "/tsfm/forecasts/{market_id}",
            "get",
            {"200", "401", "404", "422", "500", "503"},
        ),
        ("/tsfm/coverage", "get", {"200", "401", "422", "500"}),
        ("/tsfm/markets", "get", {"200", "401", "500"}),
        ("/tsfm/markets/{market_id}", "get", {"200", "401", "404", "422", "500"}),
        ("/tsfm/runtime", "get", {"200", "401", "500"}),
        ("/tsfm/drifts", "get", {"200", "401", "500"}),
    ],
)
def test_document_tells_the_statuses_of_the_ledger_routes(
    client: TestClient, route: str, method: str, statuses: set[str]
) -> None:
    told = _document(client)["paths"][route][method]["responses"]

    assert told.keys() == statuses


def test_document_describes_every_part_of_a_query(client: TestClient) -> None:
    paths = _document(client)["paths"]

    for route in ("/tsfm/forecasts/{market_id}", "/tsfm/coverage"):
        parts = [
            one for one in paths[route]["get"]["parameters"] if one["in"] == "query"
        ]
        assert parts
        assert all(part["description"] for part in parts)


@pytest.mark.parametrize("route", [FORECAST, BATCH])
def test_document_tells_the_statuses_of_the_hot_routes(
    client: TestClient, route: str
) -> None:
    told = _document(client)["paths"][route]["post"]["responses"]

    assert {"200", "400", "401", "413", "422", "429", "500", "503"} <= told.keys()
    limits = {"Retry-After", "RateLimit", "RateLimit-Policy"}
    assert told["429"]["headers"].keys() == limits
    assert told["503"]["headers"].keys() == {"Retry-After"}
    for status, answer in told.items():
        if status != "200":
            assert list(answer["content"]) == ["application/problem+json"]


def test_every_reference_in_the_document_leads_somewhere(client: TestClient) -> None:
    document = _document(client)

    def references(node: object) -> set[str]:
        if isinstance(node, list):
            return set().union(*map(references, node))
        if isinstance(node, dict):
            own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
            return own.union(*map(references, node.values()))
        return set()

    names = {ref.removeprefix("#/components/schemas/") for ref in references(document)}
    assert names <= document["components"]["schemas"].keys()
    assert "ForecastRequest" in names
