"""Where nothing is traced, spans are there to be used and say nothing."""

import pytest

from tsfm_runner.service.untraced import UNTRACED


def test_a_span_has_no_name_and_takes_every_fact() -> None:
    with UNTRACED.span("call", parent="", kind="client", links=("a",)) as span:
        span.tell(model="chronos2", n_series=3)

        assert not span.traceparent


def test_errors_pass_through_a_stage() -> None:
    with pytest.raises(ZeroDivisionError), UNTRACED.stage("prepare", ("", "")):
        raise ZeroDivisionError
