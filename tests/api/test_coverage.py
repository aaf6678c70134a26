"""How bands did is told by whatever is asked to be told apart."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter
from starlette.testclient import TestClient
from tests.api.wire import Json, an_app, assert_problem, client_of

from tsfm_runner.api.ledger_schemas import CoveragePage
from tsfm_runner.domain.calibration import StreamKey
from tsfm_runner.service.calibration.state import CalibrationState

COVERAGE = "/tsfm/coverage"
N_STEPS, N_SCORES = 3, 10


def fill(state: CalibrationState) -> None:
    """Let two models have bands in two segments; the second has shadows too."""
    for name, step_s, kinds in (("big", 300, [0]), ("ewma", 3_600, [0, 1])):
        learned = state.of_key(StreamKey(name, "1", step_s))
        for place in range(2):
            learned.stream.place_of(f"category=c{place},edge=<0.03")
        learned.tallies.grow(2, N_STEPS)
        intervals = ([8, 7, 1.0, 2.0], [6, 6, 0.5, 1.5], [9, 9, 2.0, 2.5])
        learned.tallies.sums[kinds] = np.concatenate(([N_SCORES], *intervals))


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    app = an_app()
    with client_of(app) as served:
        fill(app.site.state.backend.calibrator.state)
        yield served


def told(client: TestClient, **query: Any) -> Json:  # noqa: ANN401 - JSON is any
    response = client.get(COVERAGE, params=query)
    assert response.status_code == 200, response.text
    page: Json = response.json()
    TypeAdapter(CoveragePage).validate_python(page, extra="forbid")
    return page


def rows(client: TestClient, **query: Any) -> list[Json]:  # noqa: ANN401
    found: list[Json] = told(client, **query)["rows"]
    return found


def test_row_is_told_whole(client: TestClient) -> None:
    page = told(client, model="ewma", segment="category=c1", step=3, shadow="true")

    assert page == {
        "target_coverage": 0.9,
        "rows": [
            {
                "model_name": "ewma",
                "model_version": "1",
                "freq": "1h",
                "kind": "shadow",
                "segment": "category=c1,edge=<0.03",
                "step": 3,
                "n": 10,
                "n_effective": None,
                "served": {
                    "closed": 0.8,
                    "open": 0.7,
                    "mean_width": 0.1,
                    "interval_score": 0.2,
                },
                "raw": {
                    "closed": 0.6,
                    "open": 0.6,
                    "mean_width": 0.05,
                    "interval_score": 0.15,
                },
                "target": {
                    "closed": 0.9,
                    "open": 0.9,
                    "mean_width": 0.2,
                    "interval_score": 0.25,
                },
            }
        ],
        "next_cursor": None,
    }


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 18),
        ({"model": "big"}, 6),
        ({"model": "none"}, 0),
        ({"version": "1"}, 18),
        ({"version": "2"}, 0),
        ({"freq": "60m"}, 12),
        ({"freq": "PT5M"}, 6),
        ({"step": 2}, 6),
        ({"step": 200}, 0),
        ({"shadow": "true"}, 6),
        ({"shadow": "false"}, 12),
        ({"segment": "category=c0"}, 9),
        ({"segment": "edge=<0.03,category=c0"}, 9),
        ({"segment": "category=c"}, 0),
        ({"segment": ""}, 18),
        ({"group_by": "model,kind,step"}, 9),
        ({"group_by": "segment"}, 2),
        ({"group_by": "kind,kind"}, 2),
    ],
)
def test_rows_are_those_asked_for(client: TestClient, query: Json, count: int) -> None:
    assert len(rows(client, **query)) == count


def test_what_is_pooled_is_null_and_its_counts_are_added(client: TestClient) -> None:
    [served, shadow] = rows(client, group_by="kind")

    assert (served["kind"], served["n"]) == ("served", 12 * N_SCORES)
    assert (shadow["kind"], shadow["n"]) == ("shadow", 6 * N_SCORES)
    pooled = ("model_name", "model_version", "freq", "segment", "step")
    assert {served[name] for name in pooled} == {None}
    assert served["target"]["mean_width"] == 0.2


def test_pages_follow_each_other_to_the_end(client: TestClient) -> None:
    pages: list[list[Json]] = []
    cursor: Json = {}
    while not pages or cursor:
        page = told(client, limit=7, **cursor)
        pages.append(page["rows"])
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else {}

    assert [len(page) for page in pages] == [7, 7, 4]
    assert [*itertools.chain(*pages)] == rows(client)


def test_nothing_was_scored_in_a_new_process() -> None:
    with client_of(an_app()) as new:
        assert told(new) == {"target_coverage": 0.9, "rows": [], "next_cursor": None}


def test_cursor_past_the_end_gives_an_empty_page(client: TestClient) -> None:
    page = told(client, cursor="OTk5")  # 999

    assert (page["rows"], page["next_cursor"]) == ([], None)


@pytest.mark.parametrize(
    ("query", "loc"),
    [
        ({"group_by": "model,colour"}, "group_by"),
        ({"group_by": ""}, "group_by"),
        ({"freq": "fast"}, "freq"),
        ({"step": 0}, "step"),
        ({"step": 289}, "step"),
        ({"shadow": "1"}, "shadow"),
        ({"limit": 1_001}, "limit"),
        ({"cursor": "x"}, "cursor"),
        ({"market": "rain"}, "market"),
    ],
)
def test_query_that_breaks_a_rule_is_named(
    client: TestClient, query: Json, loc: str
) -> None:
    answer = client.get(COVERAGE, params=query)

    [error] = assert_problem(answer, 422, "invalid_request")["errors"]
    assert error["loc"] == [loc]
