"""Series that wait for their call, and the requests that they belong to."""

import asyncio
from dataclasses import dataclass

from tsfm_runner.domain.forecast import ModelSeries, QuantileForecast
from tsfm_runner.errors import DeadlinePassedError, ForecastRuntimeError
from tsfm_runner.service.deadline import Deadline

# An answer for one series, and how many series were in its call.
Answer = tuple[QuantileForecast | ForecastRuntimeError, int]


@dataclass(frozen=True, slots=True)
class Question:
    """What series must share to go in one call.

    ``params`` is the canonical text of the call's parameters; ``max_series`` is
    what the model itself can take.
    """

    model_name: str
    family: str
    step_s: int
    horizon: int
    quantile_levels: tuple[float, ...]
    params: bytes
    max_series: int | None


def too_late() -> Answer:
    """Return the answer to a series for which there was no time."""
    return DeadlinePassedError("no answer came in time"), 1


@dataclass(slots=True, eq=False)
class Group:
    """Series of one request, answered together when the last of them is."""

    answers: list[Answer | None]
    n_left: int
    done: asyncio.Future[list[Answer]]

    def fill(self, place: int, answer: Answer) -> None:
        """Answer one series; what comes later, or twice, is dropped."""
        if self.done.done() or self.answers[place] is not None:
            return
        self.answers[place] = answer
        self.n_left -= 1
        if self.n_left == 0:
            self.done.set_result([one for one in self.answers if one is not None])

    def fail(self, failure: BaseException) -> None:
        """End the wait with an error of our own."""
        if not self.done.done():
            self.done.set_exception(failure)

    def give_up(self) -> None:
        """Answer what is still open with the end of the request's time."""
        for place in range(len(self.answers)):
            self.fill(place, too_late())


@dataclass(slots=True, eq=False)
class Waiting:
    """One series that waits for its call."""

    group: Group
    place: int
    series: ModelSeries
    deadline: Deadline
    since_s: float
