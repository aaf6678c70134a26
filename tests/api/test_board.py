"""The routes of the pages tell how every market stands now."""

import gzip
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient
from tests.api.wire import (
    AS_OF,
    AS_OF_S,
    FORECAST,
    HOW_SERVED,
    Json,
    a_client,
    a_request,
    an_app,
    assert_problem,
    client_of,
    prices,
)
from tests.fakes import FakeClock
from tests.service.board.boards import answer
from tests.service.builders import a_board
from tests.service.signals_told import breach_signal, closed

from tsfm_runner.api.market_rows import RowWriter, market_rows
from tsfm_runner.config import PagesConfig, Settings
from tsfm_runner.domain.calibration import Drift, StreamKey

MARKETS = "/tsfm/markets"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(AS_OF_S)


@pytest.fixture
def client(clock: FakeClock) -> Iterator[TestClient]:
    with a_client(wall_clock=clock) as served:
        yield served


def ask(client: TestClient, minute: int = 0, **fields: Any) -> Json:  # noqa: ANN401
    request = a_request(as_of_ts=f"2026-02-20T12:{minute:02}:00Z", y=prices(60))
    response = client.post(FORECAST, json=request | fields)
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


def rows(client: TestClient) -> list[Json]:
    page = client.get(MARKETS).json()
    assert page["n_markets"] == len(page["rows"])
    listed: list[Json] = page["rows"]
    return listed


def detail(client: TestClient, market_id: str = "rain") -> Json:
    response = client.get(f"{MARKETS}/{quote(market_id, safe='')}")
    assert response.status_code == 200, response.text
    found: Json = response.json()
    return found


def test_without_markets_the_page_is_empty(client: TestClient) -> None:
    assert client.get(MARKETS).json() == {
        "now": "2026-02-20T12:00:00.000Z",
        "n_markets": 0,
        "rows": [],
    }


def test_a_row_tells_where_the_newest_price_stands(client: TestClient) -> None:
    first = ask(client, category="weather", event_id="storm")
    ask(client, 5, y=[*prices(60), 0.99], category="weather", event_id="storm")

    [row] = rows(client)

    assert (row["category"], row["event_id"]) == ("weather", "storm")
    assert (row["as_of_ts"], row["price"]) == ("2026-02-20T12:05:00Z", 0.99)
    assert row["spark"] == [*prices(60)[-47:], 0.99]
    current, told = row["current"], first["conformal"]
    assert (current["step"], current["issued_at"]) == (1, AS_OF)
    assert current["lower"] == pytest.approx(told["lower"][0], abs=1e-6)
    assert current["upper"] == pytest.approx(told["upper"][0], abs=1e-6)
    assert current["is_outside"] is True
    assert current["position"] > 1
    assert row["stale_after"] == "2026-02-20T12:20:00Z"
    assert row["is_stale"] is False


def test_what_is_missing_is_null_and_never_nan(client: TestClient) -> None:
    ask(client, y=[None, 0.4, None, 0.5, None], quantiles=[0.1, 0.9])

    text = client.get(MARKETS).text
    [row] = json.loads(text, parse_constant=pytest.fail)["rows"]

    assert row["spark"] == [None, 0.4, None, 0.5]
    assert row["ahead"]["median"] is None
    assert row["current"] is None
    assert detail(client)["history"]["y"] == [None, 0.4, None, 0.5]


def test_a_breach_is_told_while_it_is_open_and_while_it_cools_down(
    client: TestClient,
) -> None:
    backend = client.app.site.state.backend  # type: ignore[attr-defined]
    now_s = time.time()
    cooling = replace(
        closed(breach_signal(2, market_id="snow", severity="severe"), 3),
        closed_at_s=now_s,
    )
    for name in ("rain", "snow"):
        ask(client, market_id=name)
    backend.signals.restore([breach_signal(1, market_id="rain"), cooling], now_s=now_s)

    rain, snow = rows(client)

    assert rain["breach"]["state"] == "open"
    assert rain["breach"]["direction"] == "up"
    assert snow["breach"]["state"] == "cooldown"
    assert snow["breach"]["severity"] == "severe"
    assert snow["breach"]["dedupe_key"] == cooling.dedupe_key
    assert market_rows(backend.board, ["unknown", "snow"]) == [snow]


def test_a_price_that_leaves_its_band_far_behind_is_a_breach_at_once(
    client: TestClient,
) -> None:
    ask(client)
    assert rows(client)[0]["breach"] is None

    ask(client, 5, y=[*prices(60), 0.99])

    [row] = rows(client)
    assert (row["breach"]["state"], row["breach"]["direction"]) == ("open", "up")
    assert row["current"]["p_value"] < 0.1


def test_one_market_is_told_with_its_history_and_its_answer_as_given(
    client: TestClient,
) -> None:
    answer = ask(
        client,
        closes_at="2026-02-20T14:00:00+02:00",
        tick_size=0.01,
        liquidity_bucket="high",
    )

    found = detail(client)

    [row] = rows(client)
    assert {name: found[name] for name in row} == row
    steady = {k: v for k, v in answer["meta"].items() if k not in HOW_SERVED}
    assert steady.items() <= found["forecast"].pop("meta").items()
    assert found["forecast"] == {k: v for k, v in answer.items() if k != "meta"}
    assert found["history"]["y"] == prices(60)
    assert found["history"]["ts"][-2:] == ["2026-02-20T11:55:00Z", AS_OF]
    assert found["closes_at"] == AS_OF
    assert found["is_closed"] is True
    assert (found["tick_size"], found["liquidity_bucket"]) == (0.01, "high")


def test_what_is_not_known_of_a_market_is_null(client: TestClient) -> None:
    ask(client)

    found = detail(client)

    unknown = ("category", "event_id", "closes_at", "tick_size", "liquidity_bucket")
    assert [found[name] for name in unknown] == [None] * len(unknown)


@pytest.mark.parametrize("market_id", ["rain/in/may", " ", "a\nb", "żółw"])
def test_the_name_of_a_market_may_hold_anything(
    client: TestClient, market_id: str
) -> None:
    ask(client, market_id=market_id)

    assert detail(client, market_id)["market_id"] == market_id


def test_an_unknown_market_is_a_problem(client: TestClient) -> None:
    problem = assert_problem(client.get(f"{MARKETS}/snow"), 404, "unknown_market")

    assert "snow" in problem["detail"]


def test_an_observation_moves_the_row(client: TestClient, clock: FakeClock) -> None:
    ask(client)
    assert rows(client)[0]["as_of_ts"] == AS_OF
    clock.now_s += 300

    told = [{"market_id": "rain", "ts": AS_OF_S + 300, "y": 0.5}]
    assert client.post("/tsfm/observations", json=told).status_code == 202

    [row] = rows(client)
    assert (row["price"], row["as_of_ts"]) == (0.5, "2026-02-20T12:05:00Z")
    assert row["spark"][-2:] == [prices(60)[-1], 0.5]
    assert row["current"]["issued_at"] == AS_OF


def test_no_more_markets_are_shown_than_the_settings_say() -> None:
    settings = Settings(pages=PagesConfig(max_markets=2))
    with a_client(settings) as client:
        for name in ("a", "b", "c"):
            ask(client, market_id=name)

        assert [row["market_id"] for row in rows(client)] == ["b", "c"]
        problem = client.get(f"{MARKETS}/a")
        assert_problem(problem, 404, "unknown_market")


def test_a_market_that_closed_is_gone_an_hour_later(
    client: TestClient, clock: FakeClock
) -> None:
    ask(client, closes_at="2026-02-20T12:30:00Z")
    assert len(rows(client)) == 1
    clock.now_s += 5_401

    assert rows(client) == []


def test_rows_of_markets_that_are_gone_are_not_kept() -> None:
    settings = Settings(pages=PagesConfig(max_markets=2))
    board, writer = a_board(settings), RowWriter()
    for number in range(50):
        board.answered(answer(f"m{number}"))
        assert len(writer.written(board, [f"m{number}", "m0"])) >= 1

    assert len(writer) <= 4
    assert writer.written(board, ["m49"]) == writer.written(board, ["m49"])


def test_many_markets_are_sent_small_to_who_can_unpack_them(
    client: TestClient,
) -> None:
    ask(client)
    plain = client.get(MARKETS, headers={"Accept-Encoding": "identity"})

    with client.stream("GET", MARKETS, headers={"Accept-Encoding": "gzip"}) as reply:
        packed = b"".join(reply.iter_raw())

    assert "content-encoding" not in plain.headers
    assert reply.headers["content-encoding"] == "gzip"
    assert reply.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert gzip.decompress(packed) == plain.content


def test_drifts_are_told_the_newest_first(client: TestClient, clock: FakeClock) -> None:
    assert client.get("/tsfm/drifts").json() == {"drifts": []}
    drifts = client.app.site.state.backend.calibrator.drifts  # type: ignore[attr-defined]
    for step in (1, 3):
        stream = StreamKey("ewma", "1", 300)
        drifts.add(Drift(stream, "category=none", step, 0.25, 0.75))
        clock.now_s += 60

    [newest, oldest] = client.get("/tsfm/drifts").json()["drifts"]

    assert newest == {
        "at": "2026-02-20T12:01:00.000Z",
        "model_name": "ewma",
        "model_version": "1",
        "freq": "5m",
        "segment": "category=none",
        "step": 3,
        "miss_rate": 0.25,
        "inside_rate": 0.75,
    }
    assert oldest["step"] == 1


def test_the_routes_of_the_pages_need_a_key_where_there_are_any() -> None:
    keys = {"alice": "key-of-sixteen-characters-or-more"}
    app = an_app(Settings.model_validate({"auth": {"keys": keys}}))
    with client_of(app) as client:
        for path in (MARKETS, f"{MARKETS}/rain", "/tsfm/runtime", "/tsfm/drifts"):
            assert_problem(client.get(path), 401, "unauthorized")
