"""Steps and times as clients of tollama send them."""

from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.api.tollama.asking_as_tollama import V1, Json, a_body, a_series, times, walk


def first_of(client: TestClient, **series: Any) -> Json:  # noqa: ANN401
    response = client.post(V1, json=a_body(a_series(**series)))
    assert response.status_code == 200, response.text
    forecast: Json = response.json()["forecasts"][0]
    return forecast


@pytest.mark.parametrize(
    ("freq", "minutes", "start"),
    [
        ("5min", 5, "2026-01-01T03:20:00Z"),
        ("5T", 5, "2026-01-01T03:20:00Z"),
        ("300s", 5, "2026-01-01T03:20:00Z"),
        ("PT5M", 5, "2026-01-01T03:20:00Z"),
        ("h", 60, "2026-01-02T16:00:00Z"),
        ("1H", 60, "2026-01-02T16:00:00Z"),
        ("1h30min", 90, "2026-01-03T12:00:00Z"),
        ("D", 24 * 60, "2026-02-10T00:00:00Z"),
    ],
)
def test_a_step_is_read_in_the_names_of_pandas(
    daemon: TestClient, freq: str, minutes: int, start: str
) -> None:
    days = [f"2026-01-{day:02d}" for day in range(1, 32)]
    dates = [*days, *(f"2026-02-{day:02d}" for day in range(1, 10))]
    stamps = dates if freq == "D" else times(40, minutes=minutes)

    forecast = first_of(daemon, freq=freq, timestamps=stamps)

    assert forecast["freq"] == freq
    assert forecast["start_timestamp"] == start


@pytest.mark.parametrize(
    ("minutes", "alias"), [(1, "min"), (5, "5min"), (60, "h"), (120, "2h")]
)
def test_a_step_that_is_not_named_is_that_of_the_times(
    daemon: TestClient, minutes: int, alias: str
) -> None:
    stamps = times(40, minutes=minutes)

    forecast = first_of(daemon, freq="auto", timestamps=stamps)

    assert forecast["freq"] == alias


def test_times_of_another_zone_become_utc(daemon: TestClient) -> None:
    forecast = first_of(daemon, timestamps=times(40, zone="+09:00"))

    assert forecast["start_timestamp"] == "2025-12-31T18:20:00Z"


def test_times_without_a_zone_are_in_utc(daemon: TestClient) -> None:
    forecast = first_of(daemon, timestamps=times(40, zone=""))

    assert forecast["start_timestamp"] == "2026-01-01T03:20:00Z"


def test_irregular_times_are_told_of(daemon: TestClient) -> None:
    stamps = [*times(50)[:20], *times(50)[30:]]

    answer = daemon.post(V1, json=a_body(a_series(freq="auto", timestamps=stamps)))

    [warning] = answer.json()["warnings"]
    assert "(regularity=0.97); provide explicit freq" in warning
    assert answer.json()["usage"]["series"][0]["meta"]["missing_ratio"] == 0.2


def test_a_step_by_an_unknown_name_is_taken_from_the_times(daemon: TestClient) -> None:
    answer = daemon.post(V1, json=a_body(a_series(freq="banana"))).json()

    assert answer["forecasts"][0]["freq"] == "banana"
    assert answer["forecasts"][0]["start_timestamp"] == "2026-01-01T03:20:00Z"
    assert "freq='banana'" in answer["warnings"][0]
    assert "of 5m, because it names no step known here" in answer["warnings"][0]


def test_points_out_of_order_are_put_in_order(daemon: TestClient) -> None:
    turned = a_series(timestamps=times(40)[::-1], target=walk(40)[::-1])

    straight = daemon.post(V1, json=a_body()).json()
    answer = daemon.post(V1, json=a_body(turned)).json()

    assert answer["forecasts"] == straight["forecasts"]
    assert answer["warnings"] == ["series 'rain': its points were put in order of time"]


def test_of_very_many_points_the_newest_count(daemon: TestClient) -> None:
    stamps = [
        f"2026-{1 + day // 28:02d}-{1 + day % 28:02d}T{hour:02d}:{minute:02d}:00Z"
        for day in range(16)
        for hour in range(24)
        for minute in range(60)
    ][:20_001]

    forecast = first_of(daemon, freq="min", timestamps=stamps, target=walk(20_001))

    assert forecast["start_timestamp"] == "2026-01-14T21:21:00Z"


@pytest.mark.parametrize(
    ("series", "count"),
    [
        ({"timestamps": times(2), "target": [0.4, 0.5]}, 2),
        ({"timestamps": ["2026-01-01T00:00:00Z"], "target": [0.4]}, 1),
        ({"timestamps": times(1) * 40}, 40),
        ({"timestamps": [str(step) for step in range(40)]}, 40),
        ({"timestamps": times(40)[::-1]}, 40),
    ],
)
def test_a_step_that_nothing_tells_is_a_400(
    daemon: TestClient, series: Json, count: int
) -> None:
    response = daemon.post(V1, json=a_body(a_series(freq="auto", **series)))

    assert response.status_code == 400
    assert response.json()["detail"] == (
        "series 'rain': freq='auto' but could not infer frequency from "
        f"{count} timestamps. Provide an explicit freq value."
    )


@pytest.mark.parametrize(
    ("series", "told"),
    [
        ({"freq": "30s"}, "freq must be a whole number of minutes"),
        ({"freq": "2D"}, "freq must be between 1 minute and 1 day"),
        ({"freq": "0min"}, "freq must be between 1 minute and 1 day"),
        ({"timestamps": [f"{1900 + y}-01-01" for y in range(40)], "freq": "D"}, "year"),
    ],
)
def test_a_step_or_time_that_nobody_forecasts_at_is_a_400(
    daemon: TestClient, series: Json, told: str
) -> None:
    response = daemon.post(V1, json=a_body(a_series(**series)))

    assert response.status_code == 400
    assert response.json()["detail"].startswith("series 'rain': ")
    assert told in response.json()["detail"]


@pytest.mark.parametrize(
    ("series", "told"),
    [
        ({"timestamps": ["t0"] * 40}, "Invalid isoformat string: 't0', in series rain"),
        (
            {"timestamps": ["0001-01-01T00:00:00+14:00"] * 40},
            "date value out of range, in series rain",
        ),
        ({"timestamps": times(1) * 40}, "Series rain has two points at one time"),
        (
            {"freq": "banana", "timestamps": times(1) * 40},
            "Could not infer frequency for series rain",
        ),
        (
            {"timestamps": times(1), "target": [0.4]},
            (
                "Every time series must have at least 2 data points, "
                "found length=1 for series rain"
            ),
        ),
    ],
)
def test_a_series_of_no_use_is_an_error_of_the_runner(
    daemon: TestClient, series: Json, told: str
) -> None:
    response = daemon.post(V1, json=a_body(a_series(**series)))

    assert response.status_code == 502
    assert response.json() == {"detail": {"code": "FORECAST_ERROR", "message": told}}
