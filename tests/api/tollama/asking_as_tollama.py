"""Requests in tollama's words, and a service that understands them."""

import json
from collections.abc import Sequence
from typing import Any

from tsfm_runner.config import Settings

V1 = "/v1/forecast"
API = "/api/forecast"
HINT = "Fix request payload or parameters and retry."

Json = dict[str, Any]


def speaking(**sections: Any) -> Settings:  # noqa: ANN401 - sections are any
    """Return settings under which clients of tollama are answered."""
    server = {"tollama_api": True} | sections.pop("server", {})
    return Settings.model_validate({"server": server, **sections})


def times(count: int, *, minutes: int = 5, zone: str = "Z") -> list[str]:
    """Return so many times, one step apart, the first at midnight."""
    stamps = (divmod(step * minutes, 60) for step in range(count))
    return [
        f"2026-01-{1 + hours // 24:02d}T{hours % 24:02d}:{rest:02d}:00{zone}"
        for hours, rest in stamps
    ]


def walk(count: int) -> list[float]:
    """Return prices on the cent grid that move at most steps."""
    return [(40 + step * 7 % 5 + step // 50 % 3) / 100 for step in range(count)]


def a_series(count: int = 40, **fields: Any) -> Json:  # noqa: ANN401 - JSON is any
    """Return one series, some of its fields replaced or added."""
    return {
        "id": "rain",
        "freq": "5min",
        "timestamps": times(count),
        "target": walk(count),
        **fields,
    }


def a_body(*series: Json, **fields: object) -> Json:
    """Return a request for three steps at three levels."""
    return {
        "model": "ewma",
        "horizon": 3,
        "quantiles": [0.1, 0.5, 0.9],
        "series": list(series) or [a_series()],
        **fields,
    }


def lines_of(text: str) -> Sequence[Json]:
    """Return the objects of a stream of lines."""
    return [json.loads(line) for line in text.splitlines()]
