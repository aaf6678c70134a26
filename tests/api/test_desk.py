"""Answers that were given a moment ago, and the contract that every answer keeps."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jsonschema_rs
import pytest
from starlette.testclient import TestClient
from tests.api.wire import (
    BATCH,
    FORECAST,
    HOW_SERVED,
    Json,
    a_client,
    a_request,
    prices,
    with_tollama,
)
from tests.fakes import Answers, FakeClock, FakeRuntime, flat_answers

from tsfm_runner.config import Settings
from tsfm_runner.domain.forecast import ModelCall
from tsfm_runner.errors import RuntimeUnavailableError

TTL_S, STALE_S = 60.0, 120.0
AS_IT_CAME = dict.fromkeys(("cache_hit", "cache_stale"), False) | {"cache_age_s": None}


class Switch:
    """A runtime's answers, until it is turned off; then the runtime is away."""

    def __init__(self) -> None:
        self.is_on = True

    def __call__(self, call: ModelCall) -> Answers:
        if not self.is_on:
            raise RuntimeUnavailableError("connection refused")
        return flat_answers(call)


class Scene:
    """A service on a clock that stands still, before a runtime with a switch."""

    def __init__(self, client: TestClient, clock: FakeClock, switch: Switch) -> None:
        self.client = client
        self.clock = clock
        self.switch = switch

    def post(self, body: bytes | None = None, **fields: Any) -> Json:  # noqa: ANN401
        """Return the answer to a body, or to a request with these fields."""
        if body is None:
            body = json.dumps(asked(**fields)).encode()
        response = self.client.post(FORECAST, content=body)
        assert response.status_code == 200, response.text
        answer: Json = response.json()
        return answer

    def batch(self, *requests: bytes) -> list[Json]:
        body = b'{"requests":[' + b",".join(requests) + b"]}"
        results = self.client.post(BATCH, content=body).json()["results"]
        return [item["result"] for item in results]


@contextmanager
def a_scene(settings: Settings | None = None) -> Iterator[Scene]:
    clock, switch = FakeClock(), Switch()
    runtime = FakeRuntime(switch)
    with a_client(settings or with_tollama(), runtime=runtime, clock=clock) as client:
        yield Scene(client, clock, switch)


@pytest.fixture
def scene() -> Iterator[Scene]:
    with a_scene() as it:
        yield it


def asked(**fields: Any) -> Json:  # noqa: ANN401 - JSON is any
    return a_request(y=prices(60)) | fields


def how(answer: Json) -> Json:
    """Return what an answer says of the cache."""
    return {name: answer["meta"][name] for name in AS_IT_CAME}


def hit(age_s: float) -> Json:
    return {"cache_hit": True, "cache_stale": False, "cache_age_s": age_s}


def lasting(answer: Json) -> Json:
    """Return an answer without how it was served."""
    meta = {
        name: told for name, told in answer["meta"].items() if name not in HOW_SERVED
    }
    return answer | {"meta": meta}


BODY = json.dumps(asked()).encode()
SAME_MEANING: dict[str, bytes] = {
    "the same bytes": BODY,
    "no spaces": json.dumps(asked(), separators=(",", ":")).encode(),
    "other order": json.dumps(dict(reversed(asked().items()))).encode(),
    "other digits": BODY.replace(b"0.4,", b"4.00e-1,"),
    "defaults written out": json.dumps(
        asked(freq="5m", horizon_steps=12, quantiles=[0.9, 0.5, 0.1])
    ).encode(),
    "nulls": json.dumps(asked(category=None, model=None)).encode(),
    "escapes": BODY.replace(b'"rain"', b'"r\\u0061in"'),
    "another name of the zone": BODY.replace(b"00Z", b"00+00:00"),
}
OTHER_MEANING: dict[str, Json] = {
    "market": {"market_id": "snow"},
    "time": {"as_of_ts": "2026-02-20T12:05:00Z"},
    "zone": {"as_of_ts": "2026-02-20T21:00:00+09:00"},
    "prices": {"y": [*prices(59), 0.99]},
    "a missing price": {"y": [*prices(58), None, prices(60)[-1]]},
    "frequency": {"freq": "1h"},
    "horizon": {"horizon_steps": 11},
    "levels": {"quantiles": [0.1, 0.5, 0.91]},
    "space": {"transform": {"space": "identity"}},
    "eps": {"transform": {"eps": 1e-5}},
    "model": {"model": {"model_name": "timesfm-2.5-200m"}},
    "provider": {"model": {"provider": "tollama"}},
    "params": {"model": {"params": {"seed": 1}}},
    "liquidity": {"liquidity_bucket": "mid"},
    "category": {"category": "weather"},
    "event": {"event_id": "storm"},
    "closing": {"tte_seconds": 60},
    "tick": {"tick_size": 0.01},
    "gap": {"max_gap_minutes": 5},
    "covariates": {"x_past": {"a": [0.5] * 60}},
}


@pytest.mark.parametrize("body", SAME_MEANING.values(), ids=SAME_MEANING)
def test_who_asks_the_same_again_gets_the_same_answer(
    scene: Scene, body: bytes
) -> None:
    first = scene.post(BODY)
    scene.clock.now_s += 7.25
    second = scene.post(body)

    assert how(first) == AS_IT_CAME
    assert how(second) == hit(7.25)
    assert lasting(second) == lasting(first)


def test_bytes_of_a_hit_are_those_of_the_first_answer(scene: Scene) -> None:
    first, second = (
        scene.client.post(FORECAST, content=BODY).content for _ in range(2)
    )

    mark = b',"cache_hit":'
    assert first.partition(mark)[0] == second.partition(mark)[0]
    assert first.partition(mark)[2] != second.partition(mark)[2]
    assert second.endswith(b"}}")


@pytest.mark.parametrize("fields", OTHER_MEANING.values(), ids=OTHER_MEANING)
def test_who_asks_anything_else_gets_an_answer_of_its_own(
    scene: Scene, fields: Json
) -> None:
    first = scene.post()
    second = scene.post(**fields)

    assert how(second) == AS_IT_CAME
    assert second["meta"]["forecast_id"] != first["meta"]["forecast_id"]


@pytest.mark.parametrize("body", [BODY, SAME_MEANING["no spaces"]])
def test_an_answer_is_kept_for_its_time_and_no_longer(
    scene: Scene, body: bytes
) -> None:
    first = scene.post(BODY)
    scene.clock.now_s = TTL_S - 0.5
    last_hit = scene.post(body)
    scene.clock.now_s = TTL_S
    anew = scene.post(body)

    assert how(last_hit) == hit(TTL_S - 0.5)
    assert how(anew) == AS_IT_CAME
    assert anew["meta"]["forecast_id"] != first["meta"]["forecast_id"]


def test_a_hit_by_meaning_does_not_make_an_answer_younger(scene: Scene) -> None:
    scene.post(BODY)
    scene.clock.now_s = TTL_S - 1
    scene.post(SAME_MEANING["no spaces"])
    scene.clock.now_s = TTL_S

    assert how(scene.post(SAME_MEANING["no spaces"])) == AS_IT_CAME


def test_while_a_model_fails_an_older_answer_of_it_is_served(scene: Scene) -> None:
    first = scene.post()
    scene.switch.is_on = False
    scene.clock.now_s = TTL_S + 40
    stale = scene.post()

    assert how(stale) == {
        "cache_hit": True,
        "cache_stale": True,
        "cache_age_s": TTL_S + 40,
    }
    assert stale["yhat_q"] == first["yhat_q"]
    meta = stale["meta"]
    assert (meta["runtime"], meta["fallback_reason"]) == ("tollama", "stale_if_error")
    assert meta["fallback_used"] is True
    assert [step["reason"] for step in meta["route"]] == [
        "runtime_unavailable",
        "stale_if_error",
    ]


def test_a_stale_answer_is_not_kept_as_a_new_one(scene: Scene) -> None:
    scene.post()
    scene.switch.is_on = False
    scene.clock.now_s = TTL_S + 1
    scene.post()
    scene.switch.is_on = True

    assert how(scene.post()) == AS_IT_CAME


def test_past_its_time_no_answer_is_served_however_the_model_fails(
    scene: Scene,
) -> None:
    scene.post()
    scene.switch.is_on = False
    scene.clock.now_s = TTL_S + STALE_S

    meta = scene.post()["meta"]

    assert (meta["runtime"], meta["cache_stale"]) == ("baseline", False)
    assert meta["fallback_reason"] == "runtime_unavailable"


def test_a_baseline_in_the_place_of_a_model_is_asked_anew_each_time(
    scene: Scene,
) -> None:
    scene.switch.is_on = False
    first = scene.post()
    scene.switch.is_on = True
    second = scene.post()

    assert first["meta"]["runtime"] == "baseline"
    assert second["meta"]["runtime"] == "tollama"


def test_a_baseline_that_no_model_would_replace_is_kept(scene: Scene) -> None:
    first, second = (scene.post(y=prices(5)) for _ in range(2))

    assert first["meta"]["fallback_reason"] == "too_few_points"
    assert how(second) == hit(0)


def test_without_time_to_live_nothing_is_kept() -> None:
    with a_scene(with_tollama(cache={"ttl_s": 0})) as scene:
        answers = [scene.post() for _ in range(2)]

    assert [how(answer) for answer in answers] == [AS_IT_CAME] * 2


def test_without_room_nothing_is_kept() -> None:
    with a_scene(with_tollama(cache={"max_bytes": 0})) as scene:
        answers = [scene.post() for _ in range(2)]

    assert [how(answer) for answer in answers] == [AS_IT_CAME] * 2


def test_covariates_take_room_too() -> None:
    columns = {str(number): [0.5] * 60 for number in range(32)}
    room = 2 * 16_000  # for half of it in each of the two ways to keep an answer

    with a_scene(with_tollama(cache={"max_bytes": room})) as scene:
        plain = [scene.post() for _ in range(2)]
        heavy = [scene.post(x_past=columns) for _ in range(2)]

    assert how(plain[1]) == hit(0)
    assert how(heavy[1]) == AS_IT_CAME


def test_a_refusal_is_told_again_and_again(scene: Scene) -> None:
    body = json.dumps(asked(model={"provider": "baseline", "model_name": "arima"}))

    first, second = (scene.client.post(FORECAST, content=body) for _ in range(2))

    assert (first.status_code, first.content) == (422, second.content)


def test_a_batch_and_a_single_request_share_what_is_kept(scene: Scene) -> None:
    single = scene.post(BODY)
    other = json.dumps(asked(market_id="snow")).encode()
    kept, new = scene.batch(BODY, other)
    after = scene.post(other)

    assert how(kept) == hit(0)
    assert lasting(kept) == lasting(single)
    assert how(new) == AS_IT_CAME
    assert how(after) == hit(0)
    assert lasting(after) == lasting(new)


def test_the_same_question_twice_in_a_batch_is_computed_once(scene: Scene) -> None:
    first, second = scene.batch(BODY, SAME_MEANING["no spaces"])

    assert first["meta"]["forecast_id"] == second["meta"]["forecast_id"]
    assert how(first) == how(second) == AS_IT_CAME


KINDS: dict[str, Callable[[Scene], list[Json]]] = {
    "computed by a model": lambda scene: [scene.post()],
    "computed by a baseline": lambda scene: [
        scene.post(model={"provider": "baseline", "model_name": name})
        for name in ("ewma", "kalman", "rolling_quantile", "har")
    ],
    "hit by bytes": lambda scene: [scene.post(BODY) for _ in range(2)][1:],
    "hit by meaning": lambda scene: [
        scene.post(body) for body in SAME_MEANING.values()
    ],
    "stale": lambda scene: [scene.post(), _later_without_model(scene)][1:],
    "fallback": lambda scene: [_later_without_model(scene)],
    "breaker open": lambda scene: [_later_without_model(scene) for _ in range(4)][3:],
    "with warnings": lambda scene: [scene.post(closes_at="2026-02-20T12:00:00Z")],
    "too few points": lambda scene: [scene.post(y=[0.4, None, 0.5])],
    "in a batch": lambda scene: scene.batch(BODY, BODY, SAME_MEANING["nulls"]),
}


def _later_without_model(scene: Scene) -> Json:
    scene.switch.is_on = False
    scene.clock.now_s += TTL_S + 1 if scene.clock.now_s == 0 else 0
    return scene.post()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_answer_is_as_the_document_of_the_service_says(
    scene: Scene, kind: str
) -> None:
    document = scene.client.get("/openapi.json").json()

    answers = KINDS[kind](scene)

    validator = jsonschema_rs.Draft202012Validator(_closed(document))
    assert answers
    for answer in answers:
        assert [error.message for error in validator.iter_errors(answer)] == []


def _closed(document: Json) -> Json:
    """Return the schema of an answer that allows nothing but what it names."""
    schemas = document["components"]["schemas"]
    closed = {
        name: schema | {"additionalProperties": False}
        if "properties" in schema
        else schema
        for name, schema in schemas.items()
    }
    return {
        "$ref": "#/components/schemas/ForecastAnswer",
        "components": {"schemas": closed},
    }


def test_kinds_of_answers_are_what_they_are_called(scene: Scene) -> None:
    document = scene.client.get("/openapi.json").json()
    required = document["components"]["schemas"]["ForecastMeta"]["required"]

    assert set(HOW_SERVED) < set(required)
    assert KINDS["stale"](scene)[0]["meta"]["cache_stale"] is True


def test_breaker_that_is_open_is_told(scene: Scene) -> None:
    [answer] = KINDS["breaker open"](scene)

    meta = answer["meta"]
    assert (meta["breaker_state"], meta["fallback_reason"]) == ("open", "breaker_open")
