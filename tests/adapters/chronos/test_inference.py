"""A call is computed in batches, each series for itself, and every error is ours."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.adapters.chronos.fakes import FakePipeline, call_of, loaded, series

from tsfm_runner.adapters.chronos.inference import Answer, answer_call, context_of
from tsfm_runner.domain.forecast import ModelCall, QuantileForecast
from tsfm_runner.domain.task import FloatArray
from tsfm_runner.errors import (
    ForecastRuntimeError,
    RuntimeOutputError,
    RuntimeProtocolError,
    RuntimeRefusedError,
    RuntimeTimeoutError,
    RuntimeUnavailableError,
)


def _answers(
    pipeline: FakePipeline,
    call: ModelCall,
    *,
    batch_size: int = 16,
    trained_horizon: int = 64,
    is_over: Callable[[], bool] = lambda: False,
) -> list[Answer]:
    model = loaded(pipeline, trained_horizon=trained_horizon)
    return answer_call(model, call, batch_size=batch_size, is_over=is_over)


def _good(answer: Answer) -> QuantileForecast:
    assert isinstance(answer, QuantileForecast)
    return answer


def test_each_series_is_answered_in_its_place() -> None:
    call = call_of(series(0.0, 1.0), series(0.0, 5.0, 2.0))

    first, second = map(_good, _answers(FakePipeline(), call))

    assert first.quantile_levels == (0.1, 0.5, 0.9)
    assert first.values == pytest.approx(np.array([[1.1, 1.5, 1.9]] * 2))
    assert second.values == pytest.approx(np.array([[2.1, 2.5, 2.9]] * 2))
    assert first.warnings == ()


def test_only_the_levels_that_were_asked_for_are_answered() -> None:
    (answer,) = map(
        _good, _answers(FakePipeline(), call_of(series(1.0), levels=(0.5,)))
    )

    assert answer.values == pytest.approx(np.array([[1.5], [1.5]]))


def test_levels_that_the_model_has_not_are_refused() -> None:
    with pytest.raises(RuntimeRefusedError, match="has no such levels") as refusal:
        _answers(FakePipeline(), call_of(series(1.0), levels=(0.25, 0.5)))

    assert not refusal.value.is_input


def test_a_call_is_cut_into_batches() -> None:
    pipeline = FakePipeline()
    call = call_of(*(series(float(number)) for number in range(5)))

    answers = _answers(pipeline, call, batch_size=2)

    assert [len(inputs) for inputs in pipeline.asked] == [2, 2, 1]
    assert [_good(one).values[0, 1] for one in answers] == [0.5, 1.5, 2.5, 3.5, 4.5]


def test_series_with_other_covariates_go_in_other_batches() -> None:
    pipeline = FakePipeline()
    call = call_of(
        series(1.0, past={"a": [0.5]}),
        series(2.0),
        series(3.0, past={"a": [0.25]}, future={"a": [7.0, 8.0]}),
        series(4.0, past={"a": [0.75]}),
    )

    answers = _answers(pipeline, call)

    assert [_good(one).values[0, 1] for one in answers] == [1.5, 2.5, 3.5, 4.5]
    alone, plain, future = pipeline.asked
    assert [one["past_covariates"]["a"].tolist() for one in alone] == [[0.5], [0.75]]
    assert [sorted(one) for one in plain] == [["target"]]
    assert future[0]["future_covariates"]["a"].tolist() == [7.0, 8.0]


def test_covariates_count_as_series() -> None:
    pipeline = FakePipeline()
    with_two = [series(1.0, past={"a": [0.5], "b": [0.5]}) for _ in range(4)]

    _answers(pipeline, call_of(*with_two), batch_size=6)
    _answers(pipeline, call_of(*with_two[:2]), batch_size=1)

    assert [len(inputs) for inputs in pipeline.asked] == [2, 2, 1, 1]


def test_the_options_of_the_pipeline_are_handed_on() -> None:
    pipeline = FakePipeline()

    _answers(pipeline, call_of(series(1.0)))

    assert pipeline.options == {"batch_size": 7}


def test_a_price_that_was_filled_forward_is_missing_to_the_model() -> None:
    filled = series(1.0, 1.0, 2.0, is_observed=[True, False, True])

    context = context_of(filled)

    assert context.dtype == np.float32
    np.testing.assert_array_equal(context, [1.0, np.nan, 2.0])
    assert filled.context.tolist() == [1.0, 1.0, 2.0]


def test_a_context_of_which_all_is_filled_stays_filled() -> None:
    np.testing.assert_array_equal(
        context_of(series(1.0, 1.0, is_observed=[False, False])), [1.0, 1.0]
    )


def test_parameters_and_horizons_beyond_training_are_told() -> None:
    call = call_of(series(1.0), horizon=9, params={"temperature": 1})

    (answer,) = map(_good, _answers(FakePipeline(), call, trained_horizon=8))

    assert answer.warnings == ("params_not_sent", "horizon_beyond_training")


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (ValueError("shape"), RuntimeRefusedError),
        (RuntimeError("out of memory"), RuntimeUnavailableError),
        (MemoryError(), RuntimeUnavailableError),
        (OSError(5, "lost"), RuntimeUnavailableError),
        (AssertionError(), RuntimeProtocolError),
        (AttributeError("gone"), RuntimeProtocolError),
        (IndexError(), RuntimeProtocolError),
        (KeyError("gone"), RuntimeProtocolError),
        (TypeError("keyword"), RuntimeProtocolError),
        (ZeroDivisionError(), RuntimeProtocolError),
    ],
)
def test_each_error_of_the_library_is_one_of_ours(
    failure: Exception, kind: type[ForecastRuntimeError]
) -> None:
    with pytest.raises(kind) as ours:
        _answers(FakePipeline(failure=failure), call_of(series(1.0)))

    assert ours.value.__cause__ is failure


def test_what_the_library_refuses_may_lie_in_a_series() -> None:
    with pytest.raises(RuntimeRefusedError) as refusal:
        _answers(FakePipeline(failure=ValueError()), call_of(series(1.0)))

    assert refusal.value.is_input


def _spoilt(tables: list[FloatArray]) -> list[FloatArray]:
    return [tables[0], tables[1] * np.nan, tables[2][:, :1]]


def test_a_series_with_bad_numbers_costs_no_other() -> None:
    call = call_of(series(1.0), series(2.0), series(3.0))

    good, not_finite, short = _answers(FakePipeline(change=_spoilt), call)

    assert _good(good).values[0, 1] == pytest.approx(1.5)
    assert isinstance(not_finite, RuntimeOutputError)
    assert isinstance(short, RuntimeProtocolError)


@pytest.mark.parametrize(
    "change", [lambda tables: tables[:1], lambda _: ["text", "text"], lambda _: None]
)
def test_an_answer_of_another_shape_is_an_error(change: Callable[[Any], Any]) -> None:
    with pytest.raises(RuntimeProtocolError):
        _answers(FakePipeline(change=change), call_of(series(1.0), series(2.0)))


def test_what_nobody_waits_for_any_more_is_not_computed() -> None:
    pipeline = FakePipeline()
    call = call_of(series(1.0), series(2.0))

    with pytest.raises(RuntimeTimeoutError):
        _answers(pipeline, call, batch_size=1, is_over=lambda: bool(pipeline.asked))

    assert len(pipeline.asked) == 1
