"""Many markets in one request: in order, each on its own."""

import json
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.api.wire import (
    BATCH,
    FORECAST,
    HOW_SERVED,
    NDJSON,
    Json,
    a_client,
    a_request,
    assert_problem,
    prices,
    rounded,
    with_tollama,
)
from tests.fakes import Answers, FakeRuntime, flat_answers

from tsfm_runner.config import ResilienceConfig, ServerConfig, Settings
from tsfm_runner.domain.forecast import ModelCall
from tsfm_runner.errors import (
    RuntimeOutputError,
    RuntimeRefusedError,
    RuntimeUnavailableError,
)

_WRONG: tuple[Json, ...] = (
    a_request(market_id="wrong", y=[0.5, 2]),
    a_request(market_id="wrong", model={"provider": "baseline", "model_name": "x"}),
    a_request(market_id="wrong", y=[None, None]),
)


def _posted(client: TestClient, requests: list[Any]) -> list[Json]:
    response = client.post(BATCH, json={"requests": requests})
    assert response.status_code == 200, response.text
    assert list(response.json()) == ["results"]
    results: list[Json] = response.json()["results"]
    return results


def _lines(client: TestClient, requests: list[Any]) -> list[Json]:
    response = client.post(
        BATCH, json={"requests": requests}, headers={"Accept": NDJSON}
    )
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == NDJSON
    assert response.text.endswith("\n")
    return [json.loads(line) for line in response.text.splitlines()]


def _comparable(answer: Json) -> Json:
    """Return the answer without what differs between any two answers.

    Values may differ in their last digit with what they are computed beside.
    """
    differing = ("forecast_id", "batch_size", *HOW_SERVED)
    meta = {
        name: told for name, told in answer["meta"].items() if name not in differing
    }
    seen: Json = rounded(answer)
    return seen | {"meta": meta}


def _varied(count: int) -> list[Json]:
    """Return requests that differ in everything a batch is grouped by."""
    methods = ("ewma", "kalman", "rolling_quantile", "har")
    return [
        a_request(
            market_id=f"market-{number}",
            y=prices(10 + number * 7),
            horizon_steps=1 + number % 5,
            freq=("5m", "1h")[number % 2],
            level=[80, 98][: 1 + number % 2],
            transform={"space": ("logit", "identity")[number % 2]},
            model={"provider": "baseline", "model_name": methods[number % 4]},
        )
        for number in range(count)
    ]


def test_answers_come_in_the_order_of_the_requests(client: TestClient) -> None:
    requests = _varied(150)

    results = _posted(client, requests)

    told = [item["result"]["market_id"] for item in results]
    assert told == [request["market_id"] for request in requests]


def test_lines_tell_which_request_they_answer(client: TestClient) -> None:
    requests = [*_varied(150), *_WRONG]

    lines = _lines(client, requests)

    assert sorted(line["index"] for line in lines) == list(range(153))
    for line in lines:
        if "result" in line:
            request = requests[line["index"]]
            assert line["result"]["market_id"] == request["market_id"]
        else:
            assert line["index"] >= 150


def test_lines_and_list_hold_the_same_answers(client: TestClient) -> None:
    requests = _varied(20)

    results = _posted(client, requests)
    lines = sorted(_lines(client, requests), key=lambda line: line["index"])

    assert [_comparable(line["result"]) for line in lines] == [
        _comparable(item["result"]) for item in results
    ]


def test_answer_in_a_batch_equals_the_answer_alone(client: TestClient) -> None:
    requests = _varied(24)

    results = _posted(client, [*requests, *_WRONG])

    for request, item in zip(requests, results, strict=False):
        alone = client.post(FORECAST, json=request).json()
        assert _comparable(item["result"]) == _comparable(alone)


@pytest.mark.parametrize("wrong", _WRONG)
def test_wrong_market_has_the_problem_it_has_alone(
    client: TestClient, wrong: Json
) -> None:
    before, item, after = _posted(client, [a_request(), wrong, a_request()])

    assert item == {"error": client.post(FORECAST, json=wrong).json()}
    assert item["error"]["errors"][0]["loc"]
    assert _comparable(before["result"]) == _comparable(after["result"])


@pytest.mark.parametrize("item", [None, 7, "request", [], {}, [a_request()]])
def test_item_that_is_no_request_is_a_problem_in_its_place(
    client: TestClient,
    item: Any,  # noqa: ANN401 - JSON is any
) -> None:
    results = _posted(client, [a_request(), item])

    assert "result" in results[0]
    assert results[1]["error"]["code"] == "invalid_request"


def test_model_that_is_not_allowed_is_a_problem_of_one_market() -> None:
    refused = a_request(y=prices(60), model={"model_name": "moirai-2.0-R-small"})

    with a_client(with_tollama(environment="prod"), runtime=FakeRuntime()) as client:
        alone = client.post(FORECAST, json=refused)
        results = _posted(client, [refused, a_request(y=prices(60))])

    assert_problem(alone, 403, "model_not_allowed")
    assert results[0] == {"error": alone.json()}
    assert results[1]["result"]["meta"]["runtime"] == "tollama"


def test_market_that_the_runtime_cannot_take_changes_no_other() -> None:
    def answers(call: ModelCall) -> Answers:
        if any(one.market_id == "bad" for one in call.series):
            raise RuntimeRefusedError("series 'bad' is refused", is_input=True)
        return flat_answers(call)

    good = [a_request(market_id=f"m{number}", y=prices(60)) for number in range(9)]
    bad = a_request(market_id="bad", y=prices(60))
    with a_client(runtime=FakeRuntime(answers)) as client:
        alone = _comparable(client.post(FORECAST, json=good[0]).json())
        results = _posted(client, [*good[:5], bad, *good[5:]])

    assert _comparable(results[0]["result"]) == alone
    told = [item["result"]["meta"] for item in results]
    assert [meta["runtime"] == "tollama" for meta in told] == [
        *[True] * 5,
        False,
        *[True] * 4,
    ]
    assert told[5]["fallback_reason"] == "runtime_protocol"


def test_series_that_came_back_useless_is_answered_by_a_baseline() -> None:
    def answers(call: ModelCall) -> Answers:
        first, *rest = flat_answers(call)
        del first
        return [RuntimeOutputError("not finite"), *rest]

    requests = [a_request(market_id=name, y=prices(60)) for name in ("a", "b")]
    with a_client(runtime=FakeRuntime(answers)) as client:
        results = _posted(client, requests)

    reasons = [item["result"]["meta"]["fallback_reason"] for item in results]
    assert reasons == ["invalid_output", None]


def test_runtime_that_is_down_is_no_error_to_the_caller() -> None:
    def answers(_: ModelCall) -> Answers:
        raise RuntimeUnavailableError("connection refused")

    with a_client(runtime=FakeRuntime(answers)) as client:
        results = _posted(client, [a_request(y=prices(60))] * 3)

    reasons = [item["result"]["meta"]["fallback_reason"] for item in results]
    assert reasons == ["runtime_unavailable"] * 3


def test_thousand_requests_are_answered(client: TestClient) -> None:
    results = _posted(client, [a_request()] * 1_000)

    assert len(results) == 1_000
    assert all("result" in item for item in results)


@pytest.mark.parametrize(
    "requests", [[], [a_request()] * 1_001, None, {}, "all of them", 3]
)
def test_list_of_no_or_too_many_requests_is_refused(
    client: TestClient, requests: object
) -> None:
    response = client.post(BATCH, json={"requests": requests})

    [error] = assert_problem(response, 422, "invalid_request")["errors"]
    assert error["loc"] == ["requests"]
    assert "1 to 1000" in error["msg"]


def test_batch_without_requests_is_refused(client: TestClient) -> None:
    response = client.post(BATCH, json={})

    [error] = assert_problem(response, 422, "invalid_request")["errors"]
    assert error["loc"] == ["requests"]


def test_unknown_keys_of_a_batch_are_named(client: TestClient) -> None:
    response = client.post(BATCH, json={"requests": [a_request()], "a": 1, "b": 2})

    problem = assert_problem(response, 422, "invalid_request")
    assert [error["loc"] for error in problem["errors"]] == [["a"], ["b"]]


@pytest.mark.parametrize("body", [[], [a_request()], None, "x", 1])
def test_batch_that_is_no_object_is_refused(client: TestClient, body: object) -> None:
    response = client.post(BATCH, content=json.dumps(body))

    assert "'requests'" in assert_problem(response, 422, "invalid_request")["detail"]


def test_problem_of_the_whole_batch_is_no_stream(client: TestClient) -> None:
    response = client.post(BATCH, json={"requests": []}, headers={"Accept": NDJSON})

    assert_problem(response, 422, "invalid_request")


def test_key_twice_in_one_item_refuses_the_whole_batch(client: TestClient) -> None:
    body = b'{"requests": [{"market_id": "a", "market_id": "b"}]}'

    response = client.post(BATCH, content=body)

    problem = assert_problem(response, 400, "invalid_json")
    assert "'market_id' stands twice" in problem["detail"]


def test_a_batch_may_not_ask_for_more_prices_than_the_settings_allow() -> None:
    settings = Settings(server=ServerConfig(max_batch_prices=35))
    wanted = {"requests": [a_request(horizon_steps=6, quantiles=[0.1, 0.5, 0.9])] * 2}

    with a_client(settings) as client:
        refused = client.post(BATCH, json=wanted)
    with a_client(Settings(server=ServerConfig(max_batch_prices=36))) as client:
        taken = client.post(BATCH, json=wanted)

    problem = assert_problem(refused, 413, "payload_too_large")
    assert "steps times levels" in problem["detail"]
    assert taken.status_code == 200


def test_the_size_of_a_batch_is_a_setting() -> None:
    settings = Settings(server=ServerConfig(max_batch_body_bytes=50))

    with a_client(settings) as client:
        refused = client.post(BATCH, json={"requests": [a_request()]})

    assert_problem(refused, 413, "payload_too_large")


def test_the_models_of_a_batch_have_its_own_deadline() -> None:
    runtime = FakeRuntime()
    limits = ResilienceConfig(batch_deadline_s=0.75, deadline_s=0.25)
    settings = with_tollama(resilience=limits.model_dump())

    with a_client(settings, runtime=runtime) as client:
        one = a_request(y=prices(40))
        client.post(BATCH, json={"requests": [one]})
        client.post(FORECAST, json=one | {"market_id": "another"})

    of_batch, of_one = runtime.timeouts_s
    assert 0.25 < of_batch <= 0.75
    assert of_one <= 0.25
