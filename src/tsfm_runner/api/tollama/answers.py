"""What was served, in tollama's words; what those cannot say stands in `usage`."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from tsfm_runner.api.answers import answer_to_wire, level_keys
from tsfm_runner.api.tollama.explaining import explanation_of
from tsfm_runner.api.tollama.schemas import TollamaForecast
from tsfm_runner.api.tollama.translate import MEDIAN, Question
from tsfm_runner.domain.forecast import ServedForecast

Json = dict[str, Any]

_RUNNER = "tsfm-runner"
[_MEDIAN_KEY] = level_keys((MEDIAN,))


class Timing(NamedTuple):
    """How long a request took, and how much of that the models; milliseconds."""

    inference_ms: float
    total_ms: float


class _Told(NamedTuple):
    """What is told of one series, in the places where it belongs."""

    forecast: Json
    explanation: Json
    usage: Json
    warnings: Sequence[str]


def answer_of(
    body: TollamaForecast,
    questions: Sequence[Question],
    served: Sequence[ServedForecast],
    timing: Timing,
) -> Json:
    """Return the whole answer.

    Clients refuse keys that their version does not know, so there is none that a
    daemon did not send for long.
    """
    told = [_tell(body, *pair) for pair in zip(questions, served, strict=True)]
    warnings = [text for one in told for text in one.warnings]
    return {
        "model": body.model,
        "forecasts": [one.forecast for one in told],
        "metrics": None,
        "timing": {"model_load_ms": 0.0, **timing._asdict()},
        "explanation": {"series": [one.explanation for one in told]},
        "narrative": None,
        "usage": {
            "runner": _RUNNER,
            "device": _device(served),
            "series_count": len(told),
            "horizon": body.horizon,
            "series": [one.usage for one in told],
        },
        "warnings": warnings or None,
    }


def _device(served: Sequence[ServedForecast]) -> str:
    """Return where it was computed; of another daemon's device nothing is known."""
    is_ours = all(one.provenance.runtime != "tollama" for one in served)
    return "cpu" if is_ours else "unknown"


def _tell(body: TollamaForecast, question: Question, served: ServedForecast) -> _Told:
    wire = answer_to_wire(served)
    series_id, band = question.task.market_id, wire["yhat_q"]
    columns = [band[key] for key in level_keys(tuple(body.quantiles))]
    keys = [format(level, "g") for level in body.quantiles]
    forecast = {
        "id": series_id,
        "freq": question.alias,
        "start_timestamp": wire["ts"][0],
        "mean": band[_MEDIAN_KEY],
        "quantiles": dict(zip(keys, columns, strict=True)) or None,
    }
    return _Told(
        forecast,
        explanation_of(series_id, question.task.context, band[_MEDIAN_KEY], columns),
        {"id": series_id, "conformal": wire["conformal"], "meta": wire["meta"]},
        (*question.warnings, *_stand_in(question, served)),
    )


def _stand_in(question: Question, served: ServedForecast) -> list[str]:
    """Say that another model answered than the one that was named, and why."""
    wanted, origin = question.task.model.name, served.provenance
    if wanted in (None, origin.model_name):
        return []
    what = f"{origin.model_name} answered in place of {wanted}"
    return [f"series {question.task.market_id!r}: {what} ({origin.fallback_reason})"]
