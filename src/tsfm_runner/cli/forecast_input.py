"""The tasks of ``forecast``: from a folder, a table, request documents or a pipe."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from tsfm_runner.adapters.files.documents import RequestDocument, split_requests
from tsfm_runner.adapters.files.series import SkippedMarket, split_markets
from tsfm_runner.adapters.files.sources import (
    MarketTable,
    RequestDocuments,
    open_bytes,
    open_path,
)
from tsfm_runner.adapters.files.tasks import Question, ask_each
from tsfm_runner.api.problems import Problem
from tsfm_runner.api.translate import read_task
from tsfm_runner.config import PreparationConfig, Settings, TaskConfig
from tsfm_runner.domain.task import ForecastTask, ModelChoice
from tsfm_runner.errors import InvalidTaskError, UnreadableInputError

PIPE = "-"


@dataclass(frozen=True, slots=True)
class Tasks:
    """Tasks as they come, and how many there are."""

    items: Iterator[ForecastTask | SkippedMarket]
    total: int


def read_tasks(
    place: str,
    pipe: BinaryIO,
    *,
    where: Sequence[str],
    settings: Settings,
    question: Question,
) -> Tasks:
    """Read what stands at ``place`` and ask the question of every market there.

    Requests ask for themselves; what they leave out comes from the settings, and the
    model from the question.

    Raises ``UnreadableInputError`` when nothing can be made of the input, and
    ``InvalidTaskError`` for a question that requests cannot be asked.
    """
    content = pipe.read() if place == PIPE else None
    source = open_place(place, content, where=where, config=settings.preparation)
    if isinstance(source, MarketTable):
        markets = split_markets(source.points, source.known)
        total = source.points["market_id"].n_unique()
        return Tasks(ask_each(markets, question), total)
    documents = split_documents(source, place, question)
    return Tasks(read_each(documents, settings.task, question.model), len(documents))


def open_place(
    place: str,
    content: bytes | None,
    *,
    where: Sequence[str],
    config: PreparationConfig,
) -> MarketTable | RequestDocuments:
    """Open the content that came from a place, or the file or folder that it names.

    Raises ``UnreadableInputError`` when nothing can be made of it, or it is empty.
    """
    source = (
        open_path(Path(place), where=where, config=config)
        if content is None
        else open_bytes(content, where=where, config=config)
    )
    if isinstance(source, MarketTable) and source.points.is_empty():
        chosen = f" of a market that is {', '.join(where)}" if where else ""
        raise UnreadableInputError(f"{place} holds no rows{chosen}")
    return source


def split_documents(
    source: RequestDocuments, place: str, question: Question
) -> list[RequestDocument | SkippedMarket]:
    """Return every request.

    Raises ``UnreadableInputError`` when there is none, and ``InvalidTaskError`` for
    a question that requests cannot be asked.
    """
    if question.freq is None:
        raise InvalidTaskError("freq", "must be a step; requests have no cadence")
    if question.as_of is not None:
        raise InvalidTaskError("as_of", "each request says its own as_of_ts")
    documents = list(split_requests(source.content))
    if not documents:
        raise UnreadableInputError(f"{place} holds no requests")
    return documents


def read_each(
    documents: Sequence[RequestDocument | SkippedMarket],
    config: TaskConfig,
    model: ModelChoice,
) -> Iterator[ForecastTask | SkippedMarket]:
    """Yield the task of each request, or why there is none.

    What a request leaves out comes from the settings; so does a model that it does
    not name.
    """
    for document in documents:
        if isinstance(document, SkippedMarket):
            yield document
            continue
        task = read_task(document.body, config)
        if isinstance(task, Problem):
            name = document.body.get("market_id")
            label = name if isinstance(name, str) else document.place
            yield SkippedMarket(label, task.detail)
        elif task.model == ModelChoice():
            yield replace(task, model=model)
        else:
            yield task
