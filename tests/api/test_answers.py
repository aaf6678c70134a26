"""What every answer promises, whatever the series."""

import itertools
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from starlette.testclient import TestClient
from tests.api.series import METHODS, SPACES, levels, series
from tests.api.wire import AS_OF, FORECAST, Json, a_client, a_request, prices
from tests.fakes import FakeRuntime

from tsfm_runner.api.schemas import EXAMPLE_REQUEST, ForecastAnswer

_ROUNDING = 1e-9


def _answered(client: TestClient, **fields: Any) -> Json:  # noqa: ANN401
    response = client.post(FORECAST, json=a_request(**fields))
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


def _values(answer: Json, band: str = "yhat_q") -> np.ndarray:
    """Return a band as (horizon, n_levels), levels ascending."""
    return np.array([answer[band][repr(q)] for q in answer["quantiles"]]).T


@pytest.mark.parametrize("way", [*itertools.product(METHODS, SPACES)], ids="-".join)
@settings(deadline=None, max_examples=40)
@given(points=series, asked=levels, horizon=st.integers(1, 40))
@example(points=[0, 0], asked=[0.001, 0.999], horizon=288)
@example(points=[1, 1], asked=[0.5], horizon=288)
@example(points=[0, 1] * 144, asked=[0.001, 0.5, 0.999], horizon=288)
@example(points=[0.5, *[None] * 40, 0.6], asked=[0.9, 0.1], horizon=12)
def test_bands_are_in_range_in_order_and_drawn_never_to_narrow(
    client: TestClient,
    way: tuple[str, str],
    points: list[float | None],
    asked: list[float],
    horizon: int,
) -> None:
    answer = _answered(
        client,
        y=points,
        quantiles=asked,
        horizon_steps=horizon,
        model={"provider": "baseline", "model_name": way[0]},
        transform={"space": way[1]},
    )

    # A calibrated band may narrow: each step is as wide as its own outcomes ask for.
    values, raw = _values(answer), _values(answer, "yhat_q_raw")
    # On one side of the median alone, a band may press itself flat against 0 or 1.
    around = raw if min(asked) <= 0.5 <= max(asked) else raw[:, :1]
    widths = around[:, -1] - around[:, 0]
    assert answer["quantiles"] == sorted(asked)
    assert list(answer["yhat_q"]) == [repr(level) for level in sorted(asked)]
    for band in (values, raw):
        assert band.shape == (horizon, len(asked))
        assert ((band >= 0) & (band <= 1)).all()
        assert (np.diff(band, axis=1) >= 0).all()
    assert (np.diff(widths) >= -_ROUNDING).all()


@given(asked=levels)
@settings(deadline=None, max_examples=50)
def test_keys_are_the_shortest_text_of_the_levels(
    client: TestClient, asked: list[float]
) -> None:
    answer = _answered(client, quantiles=asked)

    keys = list(answer["yhat_q"])
    assert [float(key) for key in keys] == answer["quantiles"] == sorted(asked)
    assert list(answer["yhat_q_raw"]) == keys
    assert list(answer["meta"]["quantile_source"]) == keys


@pytest.mark.parametrize(
    ("asked", "keys"),
    [
        ([0.9, 0.1], ["0.1", "0.9"]),
        ([0.001, 0.999], ["0.001", "0.999"]),
        ([0.25, 0.05, 0.123456789], ["0.05", "0.123456789", "0.25"]),
    ],
)
def test_levels_come_back_ascending(
    client: TestClient, asked: list[float], keys: list[str]
) -> None:
    answer = _answered(client, quantiles=asked)

    assert list(answer["yhat_q"]) == keys


@pytest.mark.parametrize(
    ("level", "keys"),
    [
        ([80], ["0.1", "0.5", "0.9"]),
        ([80, 90], ["0.05", "0.1", "0.5", "0.9", "0.95"]),
        ([99.8], ["0.001", "0.5", "0.999"]),
        ([95], ["0.025", "0.5", "0.975"]),
    ],
)
def test_intervals_in_percent_become_their_levels_and_the_median(
    client: TestClient, level: list[float], keys: list[str]
) -> None:
    answer = _answered(client, level=level)

    assert list(answer["yhat_q"]) == keys


@pytest.mark.parametrize(
    ("as_of", "told", "steps"),
    [
        (AS_OF, AS_OF, ["2026-02-20T12:05:00Z", "2026-02-20T12:10:00Z"]),
        (
            "2026-02-20T21:00:00+09:00",
            "2026-02-20T21:00:00+09:00",
            ["2026-02-20T21:05:00+09:00", "2026-02-20T21:10:00+09:00"],
        ),
        (
            "2026-12-31T23:52:30.25-00:30",
            "2026-12-31T23:52:30.250000-00:30",
            ["2026-12-31T23:57:30.250000-00:30", "2027-01-01T00:02:30.250000-00:30"],
        ),
        (
            "2028-02-28t23:55:00z",
            "2028-02-28T23:55:00Z",
            ["2028-02-29T00:00:00Z", "2028-02-29T00:05:00Z"],
        ),
        (
            "2026-02-20 12:00:00+00:00",
            AS_OF,
            ["2026-02-20T12:05:00Z", "2026-02-20T12:10:00Z"],
        ),
        (
            "2026-02-20T12:00:00.123456789Z",
            "2026-02-20T12:00:00.123456Z",
            ["2026-02-20T12:05:00.123456Z", "2026-02-20T12:10:00.123456Z"],
        ),
    ],
)
def test_steps_keep_the_callers_own_offset(
    client: TestClient, as_of: str, told: str, steps: list[str]
) -> None:
    answer = _answered(client, as_of_ts=as_of, horizon_steps=2)

    assert answer["as_of_ts"] == told
    assert answer["ts"] == steps


@given(
    as_of=st.datetimes(datetime(1971, 1, 1), datetime(2999, 12, 31)),  # noqa: DTZ001
    offset_minutes=st.integers(-23 * 60, 23 * 60),
)
@settings(deadline=None, max_examples=50)
def test_steps_stand_one_frequency_apart(
    client: TestClient, as_of: datetime, offset_minutes: int
) -> None:
    sign, minutes = "-" if offset_minutes < 0 else "+", abs(offset_minutes)
    text = f"{as_of.isoformat()}{sign}{minutes // 60:02}:{minutes % 60:02}"

    answer = _answered(client, as_of_ts=text, freq="1h", horizon_steps=3)

    start = datetime.fromisoformat(text)
    times = [datetime.fromisoformat(time) for time in answer["ts"]]
    assert times == [start + timedelta(hours=step) for step in (1, 2, 3)]


@pytest.mark.parametrize(
    "fields",
    [
        EXAMPLE_REQUEST,
        {"y": prices(300), "level": [80, 98], "liquidity_bucket": "low"},
        {"y": prices(300), "x_past": {"a": [0.5] * 300}, "model": {"params": {}}},
    ],
)
def test_answer_has_exactly_the_documented_members(
    client: TestClient, fields: Json
) -> None:
    answer = _answered(client, **fields)

    adapter = TypeAdapter(ForecastAnswer)
    assert adapter.validate_python(answer, strict=True, extra="forbid") == answer


def test_answer_of_a_model_says_where_each_level_came_from() -> None:
    with a_client(runtime=FakeRuntime()) as client:
        answer = _answered(
            client, y=prices(60), model={"model_name": "timesfm-2.5-200m"}, level=[90]
        )

    assert answer["meta"]["runtime"] == "tollama"
    assert answer["meta"]["quantile_source"] == {
        "0.05": "extrapolated",
        "0.5": "native",
        "0.95": "extrapolated",
    }
    assert not answer["meta"]["fallback_used"]
