"""The whole service, and whole studies, as function calls for scripts and notebooks."""

from tsfm_runner.facade.evaluating import Asked, Evaluation, evaluate, run_evaluation
from tsfm_runner.facade.forecasting import (
    BATCH_SIZE,
    Answers,
    Bands,
    answer_all,
    answers_of,
    forecast,
    parse_model,
)

__all__ = [
    "BATCH_SIZE",
    "Answers",
    "Asked",
    "Bands",
    "Evaluation",
    "answer_all",
    "answers_of",
    "evaluate",
    "forecast",
    "parse_model",
    "run_evaluation",
]
