"""What is sent: minimal unless more is known to be accepted, and only good numbers."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from tests.adapters.tollama.tollama_stand_in import a_call, a_series, series_of

from tsfm_runner.adapters.tollama.dialect import MINIMAL, Dialect
from tsfm_runner.adapters.tollama.request import ForecastRequest, build_request
from tsfm_runner.domain.forecast import ModelCall

_FULL = Dialect(
    body_keys=frozenset({"timeout", "options", "parameters"}),
    series_keys=frozenset({"past_covariates", "future_covariates"}),
)
_COVARIATES: dict[str, Any] = {
    "past_covariates": {"v": np.array([1.0, 2, 3, 4])},
    "future_covariates": {"v": np.array([5.0, 6, 7])},
}


def _request(call: ModelCall, dialect: Dialect = MINIMAL) -> ForecastRequest:
    return build_request(call, dialect=dialect, daemon_timeout_s=30)


def _sent(call: ModelCall, dialect: Dialect = MINIMAL) -> dict[str, Any]:
    body = json.loads(_request(call, dialect).body)
    assert isinstance(body, dict)
    return body


def test_minimal_request_is_what_every_generation_accepts() -> None:
    call = a_call(a_series("a", **_COVARIATES), params={"temperature": 1})

    assert _sent(call) == {
        "model": "mock",
        "horizon": 3,
        "quantiles": [0.1, 0.5, 0.9],
        "series": [
            {
                "id": "a",
                "freq": "5min",
                "timestamps": [
                    "2026-01-01T11:45:00Z",
                    "2026-01-01T11:50:00Z",
                    "2026-01-01T11:55:00Z",
                    "2026-01-01T12:00:00Z",
                ],
                "target": [0.1, 0.2, 0.3, 0.4],
            }
        ],
    }


def test_what_is_known_to_be_accepted_is_sent_too() -> None:
    call = a_call(a_series("a", **_COVARIATES), params={"temperature": 1})

    body = _sent(call, _FULL)

    assert body["timeout"] == 30
    assert body["options"] == {"temperature": 1}
    assert body["series"][0]["past_covariates"] == {"v": [1, 2, 3, 4]}
    assert body["series"][0]["future_covariates"] == {"v": [5, 6, 7]}
    assert "parameters" not in body


def test_keys_that_would_be_empty_are_not_sent() -> None:
    body = _sent(a_call(), _FULL)

    assert set(body) == {"model", "horizon", "quantiles", "series", "timeout"}
    assert set(body["series"][0]) == {"id", "freq", "timestamps", "target"}


@pytest.mark.parametrize(
    ("dialect", "warnings"),
    [
        (MINIMAL, ("covariates_not_sent", "params_not_sent")),
        (_FULL, ()),
        (
            Dialect(frozenset({"options"}), frozenset({"past_covariates"})),
            ("covariates_not_sent",),
        ),
    ],
)
def test_what_is_left_out_is_named_in_a_warning(
    dialect: Dialect, warnings: tuple[str, ...]
) -> None:
    call = a_call(a_series("a", **_COVARIATES), params={"temperature": 1})

    request = _request(call, dialect)

    assert request.warnings == (warnings,)


def test_only_the_series_with_covariates_is_warned_of() -> None:
    request = _request(a_call(a_series("a"), a_series("b", **_COVARIATES)))

    assert request.warnings == ((), ("covariates_not_sent",))


@pytest.mark.parametrize(
    ("market_ids", "series_ids"),
    [
        (["a", "b"], ["a", "b"]),
        (["a", "b", "a"], ["a#1", "b", "a#2"]),
        (["a", "a#1", "a"], ["a#2", "a#1", "a#3"]),
        (["a", "a", "a#1", "a#1"], ["a#2", "a#3", "a#1#1", "a#1#2"]),
    ],
)
def test_series_ids_are_market_ids_that_stay_unique(
    market_ids: list[str], series_ids: list[str]
) -> None:
    request = _request(a_call(*series_of(market_ids)))

    assert list(request.series_ids) == series_ids
    assert [item["id"] for item in json.loads(request.body)["series"]] == series_ids


@pytest.mark.parametrize(
    ("step_s", "freq", "first"),
    [
        (60, "1min", "2026-01-01T11:57:00Z"),
        (3600, "60min", "2026-01-01T09:00:00Z"),
        (86_400, "1440min", "2025-12-29T12:00:00Z"),
    ],
)
def test_step_is_told_in_minutes(step_s: int, freq: str, first: str) -> None:
    series = _sent(a_call(step_s=step_s))["series"][0]

    assert (series["freq"], series["timestamps"][0]) == (freq, first)


@pytest.mark.parametrize(
    ("cutoff", "last"),
    [
        (
            datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=9))),
            "2025-12-31T17:00:00Z",
        ),
        (
            datetime(2026, 1, 1, 0, 0, 0, 250_000, tzinfo=UTC),
            "2026-01-01T00:00:00.250000Z",
        ),
        (datetime(1969, 12, 31, 23, 55, tzinfo=UTC), "1969-12-31T23:55:00Z"),
    ],
)
def test_timestamps_end_at_the_cutoff_in_utc(cutoff: datetime, last: str) -> None:
    series = _sent(a_call(a_series(cutoff=cutoff)))["series"][0]

    assert series["timestamps"][-1] == last


def test_timestamps_are_as_many_as_points_for_each_series() -> None:
    call = a_call(a_series("a"), a_series("b", context=np.array([0.5, 0.6])))

    first, second = _sent(call)["series"]

    assert first["timestamps"][2:] == second["timestamps"]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "spoil",
    [
        lambda bad: a_call(a_series(context=np.array([0.1, bad]))),
        lambda bad: a_call(a_series(past_covariates={"v": np.array([bad])})),
        lambda bad: a_call(a_series(future_covariates={"v": np.array([bad])})),
        lambda bad: a_call(params={"a": {"b": [1, bad]}}),
    ],
    ids=["context", "past", "future", "params"],
)
@pytest.mark.parametrize("dialect", [MINIMAL, _FULL])
def test_numbers_that_are_not_finite_are_never_sent(
    bad: float,
    spoil: Any,  # noqa: ANN401
    dialect: Dialect,
) -> None:
    call = spoil(bad)

    with pytest.raises(ValueError, match="finite"):
        _request(call, dialect)


@pytest.mark.parametrize(
    "fields",
    [
        {"quantile_levels": ()},
        {"quantile_levels": (0.5, 0.1)},
        {"quantile_levels": (0.5, 0.5)},
        {"quantile_levels": (0.1, 0.12345)},
        {"quantile_levels": (0.0005,)},
        {"quantile_levels": (0.9999,)},
        {"quantile_levels": (float("nan"),)},
        {"horizon": 0},
        {"step_s": 90},
        {"step_s": 30},
    ],
)
def test_what_the_daemon_would_choke_on_is_never_sent(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"level|step"):
        _request(a_call(**fields))


def test_levels_at_the_ends_are_sent_in_canonical_form() -> None:
    body = _request(a_call(quantile_levels=(0.001, 0.0255, 0.999))).body

    assert b'"quantiles":[0.001,0.0255,0.999]' in body
