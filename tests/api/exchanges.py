"""Stored exchanges. ``python -m tests.api.exchanges`` stores today's answers anew.

Each file of ``stored`` is one request with its whole answer. A new one starts as
a file with the request alone. Read the difference before it is committed: the wire
keeps its words for ever.
"""

import json
import re
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient
from tests.api.wire import Json, a_client, rounded

from tsfm_runner.config import CacheConfig, Settings

FILES = sorted((Path(__file__).parent / "stored").glob("*.json"))
# Nothing is kept, so that no exchange changes another.
SETTINGS = Settings(cache=CacheConfig(ttl_s=0))
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_FORECAST_ID = re.compile("[0-9a-f]{32}")


def answer_to(client: TestClient, request: Json) -> Json:
    """Return the answer of the service, without what changes from call to call."""
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
    if isinstance(told.get("latency_ms"), float) and told["latency_ms"] >= 0:
        same["latency_ms"] = "milliseconds"
    for name in ("updated_at", "recorded_at"):
        if same.get(name) is not None:
            same[name] = str(_MOMENT.fullmatch(same[name]) and "a moment")
    return same


def _store_anew() -> None:
    for path in FILES:
        request = json.loads(path.read_text())["request"]
        with a_client(SETTINGS) as client:  # a new one each time: it learns
            exchange = {"request": request, "answer": answer_to(client, request)}
        path.write_text(json.dumps(exchange, indent=1) + "\n")


if __name__ == "__main__":
    _store_anew()
