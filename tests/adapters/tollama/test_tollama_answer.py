"""Answers that break the contract, and those that only look odd."""

import json
from typing import Any

import numpy as np
import pytest
from tests.adapters.tollama.tollama_stand_in import (
    TIMEOUT_S,
    a_call,
    a_series,
    an_answer,
    replying,
    runtime_answered_by,
    series_of,
)

from tsfm_runner.domain.forecast import ModelCall, QuantileForecast
from tsfm_runner.errors import (
    ForecastRuntimeError,
    RuntimeOutputError,
    RuntimeProtocolError,
)

_GOOD_VALUES = [[0.1, 0.4, 0.7], [0.2, 0.5, 0.8], [0.3, 0.6, 0.9]]
_GOOD = an_answer("a")["forecasts"][0]


def _quantiles(**columns: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the good quantiles with one column replaced (`q01` stands for 0.1)."""
    names = {"q01": "0.1", "q05": "0.5", "q09": "0.9"}
    return {**_GOOD["quantiles"], **{names[key]: col for key, col in columns.items()}}


async def _predicted(
    body: bytes,
    call: ModelCall | None = None,
    *,
    content_type: str = "application/json",
) -> list[QuantileForecast | ForecastRuntimeError]:
    handler = replying(body, content_type=content_type)
    async with runtime_answered_by(handler) as runtime:
        return await runtime.predict(call or a_call(), timeout_s=TIMEOUT_S)


def _json(answer: object) -> bytes:
    return json.dumps(answer).encode()


def _values(answer: QuantileForecast | ForecastRuntimeError) -> list[list[float]]:
    assert isinstance(answer, QuantileForecast)
    return [list(map(float, row)) for row in answer.values]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"   ", id="blanks"),
        pytest.param(b'{"model": "mock", "forecasts": [{"id": "a"', id="truncated"),
        pytest.param(b"<html><body>Bad Gateway</body></html>", id="html"),
        pytest.param(b"[]", id="list"),
        pytest.param(b"null", id="null"),
        pytest.param(b'"forecast"', id="text"),
        pytest.param(b"{}", id="no forecasts"),
        pytest.param(b'{"forecasts": null}', id="forecasts are null"),
        pytest.param(b'{"forecasts": {"a": 1}}', id="forecasts are an object"),
        pytest.param(b'{"forecasts": "a"}', id="forecasts are text"),
        pytest.param(b"[" * 100_000, id="nested lists"),
        pytest.param(b'{"forecasts":' * 50_000, id="nested objects"),
        pytest.param(b'{"forecasts": [[' + b"[" * 100_000, id="nested in a forecast"),
        pytest.param(b"\xff\xfe\x00", id="not text"),
        pytest.param(_json(an_answer("a")) + b"{}", id="two documents"),
        pytest.param(b'{"forecasts": [NaN]}', id="bare NaN"),
    ],
)
async def test_answer_of_another_shape_is_a_fault_of_the_whole_call(
    body: bytes,
) -> None:
    with pytest.raises(RuntimeProtocolError):
        await _predicted(body)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"quantiles": None}, id="quantiles are null"),
        pytest.param({"quantiles": []}, id="quantiles are a list"),
        pytest.param({"quantiles": {}}, id="no quantiles"),
        pytest.param({"quantiles": _quantiles(q01=None)}, id="a column is null"),
        pytest.param({"quantiles": _quantiles(q01=0.1)}, id="a column is a number"),
        pytest.param({"quantiles": _quantiles(q01=[])}, id="a column is empty"),
        pytest.param({"quantiles": _quantiles(q05=[0.1, 0.2])}, id="short"),
        pytest.param({"quantiles": _quantiles(q05=[0.1] * 4)}, id="long"),
        pytest.param({"quantiles": _quantiles(q09=[True, 1, 1])}, id="bool"),
        pytest.param({"quantiles": _quantiles(q09=["0.7", 1, 1])}, id="number as text"),
        pytest.param({"quantiles": _quantiles(q09=[[0.7], 1, 1])}, id="list in list"),
        pytest.param({"quantiles": _quantiles(q09=[10**400, 1, 1])}, id="beyond float"),
        pytest.param(
            {"quantiles": {"0.1": [1, 1, 1], "0.5": [1, 1, 1]}}, id="missing level"
        ),
        pytest.param(
            {"quantiles": {**_GOOD["quantiles"], "0.10": [1, 1, 1]}}, id="level twice"
        ),
        pytest.param(
            {"quantiles": {"0.10001": [1, 1, 1], "0.5": [1] * 3, "0.9": [1] * 3}},
            id="level is only near",
        ),
        pytest.param({"id": "b"}, id="another id"),
        pytest.param({"id": 7}, id="id is a number"),
        pytest.param({"id": None}, id="id is null"),
    ],
)
async def test_badly_built_series_fails_alone(changes: dict[str, Any]) -> None:
    answer = an_answer("a", "good")
    answer["forecasts"][0] |= changes

    bad, good = await _predicted(_json(answer), a_call(*series_of(["a", "good"])))

    assert type(bad) is RuntimeProtocolError
    assert _values(good) == _GOOD_VALUES


async def test_null_among_the_values_is_a_fault_of_its_series_alone() -> None:
    answer = an_answer("a", "good")
    answer["forecasts"][0]["quantiles"] = _quantiles(q05=[0.4, None, 0.6])

    bad, good = await _predicted(_json(answer), a_call(*series_of(["a", "good"])))

    assert type(bad) is RuntimeOutputError
    assert _values(good) == _GOOD_VALUES


async def test_garbage_in_place_of_a_series_leaves_the_others() -> None:
    answer = an_answer("good")
    answer["forecasts"] += [None, 1, "x", [[[]]], {"quantiles": {}}]

    bad, good = await _predicted(_json(answer), a_call(*series_of(["a", "good"])))

    assert type(bad) is RuntimeProtocolError
    assert _values(good) == _GOOD_VALUES


async def test_series_that_is_answered_twice_fails_alone() -> None:
    body = _json(an_answer("a", "good", "a"))

    bad, good = await _predicted(body, a_call(*series_of(["a", "good"])))

    assert type(bad) is RuntimeProtocolError
    assert _values(good) == _GOOD_VALUES


async def test_series_nobody_asked_for_is_passed_over() -> None:
    (answer,) = await _predicted(_json(an_answer("z", "a", "y")))

    assert _values(answer) == _GOOD_VALUES


async def test_answers_are_matched_by_id_in_any_order() -> None:
    answer = an_answer("a", "b")
    answer["forecasts"][1]["quantiles"] = _quantiles(q01=[9, 9, 9])
    answer["forecasts"].reverse()

    first, second = await _predicted(_json(answer), a_call(*series_of(["a", "b"])))

    assert _values(first) == _GOOD_VALUES
    assert _values(second)[0][0] == 9


@pytest.mark.parametrize("keys", [("1e-1", "5e-1", ".9"), ("0.10", "0.500", "0.9")])
async def test_levels_are_matched_by_value(keys: tuple[str, ...]) -> None:
    columns = dict(zip(keys, _GOOD["quantiles"].values(), strict=True))

    (answer,) = await _predicted(_json(an_answer("a", quantiles=columns)))

    assert _values(answer) == _GOOD_VALUES


async def test_quantiles_that_are_foreign_are_passed_over() -> None:
    columns = {**_GOOD["quantiles"], "0.25": [0, 0, 0], "p95": [0, 0, 0], "nan": [0]}

    (answer,) = await _predicted(_json(an_answer("a", quantiles=columns)))

    assert _values(answer) == _GOOD_VALUES


async def test_whole_numbers_and_crossings_are_taken_as_they_are() -> None:
    columns = {"0.1": [9, 9, 9], "0.5": [5, 5, 5], "0.9": [-1, -1, -1]}

    (answer,) = await _predicted(_json(an_answer("a", quantiles=columns)))

    assert _values(answer) == [[9.0, 5.0, -1.0]] * 3
    assert isinstance(answer, QuantileForecast)
    assert answer.values.dtype == np.float64


async def test_huge_numbers_are_finite_and_pass() -> None:
    columns = _quantiles(q09=[1e308, 1e308, 1e308])

    (answer,) = await _predicted(_json(an_answer("a", quantiles=columns)))

    assert _values(answer)[0][2] == 1e308


@pytest.mark.parametrize("content_type", ["text/plain", "text/html", "image/png"])
async def test_content_type_does_not_matter_when_the_json_is_right(
    content_type: str,
) -> None:
    (answer,) = await _predicted(_json(an_answer("a")), content_type=content_type)

    assert _values(answer) == _GOOD_VALUES


@pytest.mark.parametrize("mean", [None, [], [None, None, None], "x"])
async def test_mean_is_never_looked_at(mean: object) -> None:
    (answer,) = await _predicted(_json(an_answer("a", mean=mean)))

    assert _values(answer) == _GOOD_VALUES


async def test_covariates_that_the_model_ignored_are_named_in_a_warning() -> None:
    column = np.zeros(4)
    call = a_call(a_series("a", past_covariates={"v": column}), a_series("b"))
    answer = an_answer("a", "b")
    answer["warnings"] = ["ignoring unsupported covariate: model 'mock' ..."]

    with_covariates, without = await _predicted(_json(answer), call)

    assert isinstance(with_covariates, QuantileForecast)
    assert isinstance(without, QuantileForecast)
    assert "covariates_ignored" in with_covariates.warnings
    assert without.warnings == ()


@pytest.mark.parametrize("warnings", [7, "x", [1, None], {"a": 1}])
async def test_warnings_of_another_shape_do_no_harm(warnings: object) -> None:
    answer = {**an_answer("a"), "warnings": warnings}

    (forecast,) = await _predicted(_json(answer))

    assert _values(forecast) == _GOOD_VALUES
