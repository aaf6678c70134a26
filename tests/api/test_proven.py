"""The service obeys the verdict of a file, over the wire, while it is exchanged."""

import json
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.api.wire import FORECAST, Json, a_client, a_request, prices, with_tollama
from tests.fakes import FakeRuntime
from tests.service.verdict.samples import KEY, decided, verdict

from tsfm_runner.adapters.verdict_file import write_verdict
from tsfm_runner.bootstrap import build_app
from tsfm_runner.config import Settings
from tsfm_runner.domain.verdict import Verdict
from tsfm_runner.errors import ConfigurationError

BODY = a_request(y=prices(60))
PATIENCE_S = 30.0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "verdict.yaml"


def settings(file: Path, **routing: Any) -> Settings:  # noqa: ANN401
    usual = {"policy": "proven", "verdict_file": file, "explore_percent": 0}
    return with_tollama(routing=usual | routing, verdict={"reload_interval_s": 0.001})


@pytest.fixture
def segment() -> str:
    """Return the segment of the request, as an answer tells it."""
    with a_client() as client:
        name: str = client.post(FORECAST, json=BODY).json()["conformal"]["segment"]
    return name


def about(segment: str, *, is_proven: bool, version: int = 1) -> Verdict:
    key = KEY._replace(segment=segment)
    return verdict(
        decided(key=key, is_proven=is_proven, better_baseline="har"), version=version
    )


@pytest.fixture
def log() -> StringIO:
    return StringIO()


@pytest.fixture
def client(file: Path, segment: str, log: StringIO) -> Iterator[TestClient]:
    write_verdict(about(segment, is_proven=True), file)
    with a_client(settings(file), runtime=FakeRuntime(), log=log) as client:
        yield client


def meta(client: TestClient, **fields: Any) -> Json:  # noqa: ANN401 - JSON is any
    answer = client.post(FORECAST, json=BODY | fields).json()
    told: Json = answer["meta"]
    return told


def until_logged(log: StringIO, event: str) -> Json:
    """Wait for a line of the log; the service runs in a thread of its own."""
    last_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < last_s:
        for line in log.getvalue().splitlines():
            told: Json = json.loads(line)
            if told["event"] == event:
                return told
    raise TimeoutError(event)


def test_a_proven_segment_gets_the_model_and_another_does_not(
    client: TestClient,
) -> None:
    proven, other = meta(client), meta(client, category="weather")

    assert proven["model_name"] == "chronos2"
    assert proven["route"] == [
        {"rung": "tollama", "taken": True, "reason": None, "detail": "proven"}
    ]
    assert other["model_name"] == "ewma"
    assert other["fallback_reason"] == "route_policy"
    assert other["route"] == [
        {
            "rung": "tollama",
            "taken": False,
            "reason": "route_policy",
            "detail": "not_proven: no_verdict",
        },
        {"rung": "baseline", "taken": True, "reason": None},
    ]


def test_a_new_file_takes_effect_without_a_restart(
    client: TestClient, file: Path, segment: str, log: StringIO
) -> None:
    before, kept = meta(client), meta(client)

    write_verdict(about(segment, is_proven=False, version=2), file)
    until_logged(log, "verdict_changed")
    after = meta(client)

    assert (before["model_name"], kept["cache_hit"]) == ("chronos2", True)
    assert (after["model_name"], after["cache_hit"]) == ("har", False)
    assert after["route"][0]["detail"] == "not_proven: not_better"


def test_a_broken_file_changes_nothing(
    client: TestClient, file: Path, log: StringIO
) -> None:
    file.write_text("proven: everywhere", encoding="utf-8")
    told = until_logged(log, "verdict_kept")

    assert "schema: Field required" in told["reason"]
    assert meta(client)["model_name"] == "chronos2"


def test_a_file_that_is_broken_at_the_start_refuses_it(file: Path) -> None:
    file.write_text("proven: everywhere", encoding="utf-8")

    with pytest.raises(ConfigurationError, match=r"verdict\.yaml: schema"):
        build_app(settings(file))


def test_the_route_of_a_market_outside_of_the_rollout_says_so(file: Path) -> None:
    small = settings(file, policy="ladder", rollout_percent=0)

    with a_client(small, runtime=FakeRuntime()) as client:
        route, forced = (
            meta(client)["route"],
            meta(client, model={"provider": "tollama"}),
        )

    assert route[0]["detail"] == "not_in_rollout"
    assert forced["runtime"] == "tollama"


def test_the_detail_of_a_route_is_described_and_may_be_absent(
    client: TestClient,
) -> None:
    schema = client.get("/openapi.json").json()["components"]["schemas"]["RouteEntry"]

    assert schema["properties"]["detail"]["type"] == "string"
    assert sorted(schema["required"]) == ["reason", "rung", "taken"]
