"""Stored exchanges. ``python -m tests.api.exchanges`` stores today's answers anew.

Each file of ``stored`` is one request with its whole answer; ``before`` are requests
made first, whose answers nobody looks at. A new one starts as
a file with the request alone. Read the difference before it is committed: the wire
keeps its words for ever.
"""

import json
import re
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient
from tests.api.wire import AS_OF_S, Json, a_client, rounded
from tests.fakes import FakeClock

from tsfm_runner.config import CacheConfig, Settings

FILES = sorted((Path(__file__).parent / "stored").glob("*.json"))
# Nothing is kept, so that no exchange changes another.
SETTINGS = Settings(cache=CacheConfig(ttl_s=0))
_MEASURED = {"latency_ms", "p50_ms", "p95_ms", "lag_s"}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_FORECAST_ID = re.compile("[0-9a-f]{32}")


def a_service() -> AbstractContextManager[TestClient]:
    """Return a new service, at the time of the requests: it learns from each."""
    return a_client(SETTINGS, wall_clock=FakeClock(AS_OF_S))


def answer_to(client: TestClient, request: Json) -> Json:
    """Return the answer of the service, without what changes from call to call."""
    for earlier in request.get("before", ()):
        made = client.request(earlier["method"], earlier["path"], json=earlier["json"])
        made.raise_for_status()
    body = request.get("text")
    content = None if body is None else body.encode()
    response = client.request(
        request["method"],
        request["path"],
        json=request.get("json"),
        content=content,
        headers=request.get("headers"),
    )
    return {
        "status": response.status_code,
        "type": response.headers["content-type"],
        "json": rounded(steady(response.json())),
    }


def steady(told: Any) -> Any:  # noqa: ANN401 - JSON is any
    """Return the JSON with identifiers and times of computing made the same."""
    if isinstance(told, list):
        return [steady(inner) for inner in told]
    if not isinstance(told, dict):
        return told
    same = {name: steady(inner) for name, inner in told.items()}
    if _FORECAST_ID.fullmatch(str(told.get("forecast_id"))):
        same["forecast_id"] = "an id"
    for name in _MEASURED & told.keys():
        if isinstance(told[name], float) and told[name] >= 0:
            same[name] = "seconds" if name.endswith("_s") else "milliseconds"
    if "version" in told:
        same["version"] = "a version"
    for name in ("updated_at", "recorded_at"):
        if same.get(name) is not None:
            same[name] = str(_MOMENT.fullmatch(same[name]) and "a moment")
    return same


def _store_anew() -> None:
    for path in FILES:
        request = json.loads(path.read_text())["request"]
        with a_service() as client:
            exchange = {"request": request, "answer": answer_to(client, request)}
        path.write_text(json.dumps(exchange, indent=1) + "\n")


if __name__ == "__main__":
    _store_anew()
