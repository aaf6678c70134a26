"""Which markets may reach a model, and which models are served to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

from tsfm_runner.config import RoutingConfig
from tsfm_runner.domain.model import ModelRevision
from tsfm_runner.domain.task import ForecastTask
from tsfm_runner.domain.verdict import SegmentKey, SegmentVerdict, StandingVerdict
from tsfm_runner.ports import Verdicts
from tsfm_runner.service.calibration.describing import segments_at
from tsfm_runner.service.preparing import PreparedTask

_SECONDS_PER_HOUR = 3_600
_HASH_BYTES = 6  # so few that none is rounded up to 100
_PERCENT_PER_HASH = 100 / 2.0 ** (8 * _HASH_BYTES)


class Ruling(NamedTuple):
    """What the policy says of one model for one task.

    ``detail`` is its word on the route; ``is_explored`` says that the model is asked
    although it is not served.
    """

    is_served: bool
    detail: str | None = None
    is_explored: bool = False


_FREE = Ruling(True)
_OUTSIDE = Ruling(False, "not_in_rollout")
_PROVEN = Ruling(True, "proven")


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the policy knows of one task.

    ``segment`` is None where no verdict is asked for.
    """

    step_s: int
    segment: str | None
    standing: StandingVerdict
    is_in_rollout: bool = True
    is_explored: bool = False

    def ruling(self, model: ModelRevision) -> Ruling:
        """Return whether a model is served."""
        if not self.is_in_rollout:
            return _OUTSIDE
        if self.segment is None:
            return _FREE
        found = self.of(model)
        if found is not None and found.is_proven:
            return _PROVEN
        why = "no_verdict" if found is None else found.reason
        told = f"not_proven: {why}"
        if self.is_explored:
            return Ruling(False, f"{told}; explored", is_explored=True)
        return Ruling(False, told)

    def of(self, model: ModelRevision) -> SegmentVerdict | None:
        """Return what was decided of a model in the segment of the task."""
        verdict = self.standing.verdict
        if verdict is None or self.segment is None:
            return None
        key = SegmentKey(model.name, model.revision, self.step_s, self.segment)
        return verdict.find(key)


NO_POLICY = Outlook(0, None, StandingVerdict(0, None))
"""Of a task that no policy concerns."""


class Policy:
    """Looks up what is decided of the markets of tasks.

    A task that names its provider is free of it: who asks for a runtime by its name
    studies that model, and gets it.
    """

    def __init__(self, routing: RoutingConfig, verdicts: Verdicts) -> None:
        """Go by the settings, and by the verdict that holds at each moment."""
        self._routing = routing
        self._verdicts = verdicts

    @property
    def number(self) -> int:
        """Another one after every change of the verdict."""
        return self._verdicts.current.number

    def outlooks(self, tasks: Sequence[PreparedTask]) -> list[Outlook]:
        """Return what the policy knows of each task, in order."""
        routing, standing = self._routing, self._verdicts.current
        is_proven = routing.policy == "proven"
        outlooks = [Outlook(0, None, standing)] * len(tasks)
        if not is_proven and routing.rollout_percent == 100:  # noqa: PLR2004 - all
            return outlooks
        bound = [
            place
            for place, prepared in enumerate(tasks)
            if prepared.task.model.provider == "auto"
        ]
        chosen = [tasks[place] for place in bound]
        names: list[str | None] = [None] * len(chosen)
        if is_proven and chosen:
            names = [segment.name for segment in segments_at(chosen)]
        for place, prepared, name in zip(bound, chosen, names, strict=True):
            outlooks[place] = self._outlook(prepared.task, name, standing)
        return outlooks

    def _outlook(
        self, task: ForecastTask, segment: str | None, standing: StandingVerdict
    ) -> Outlook:
        routing, market = self._routing, task.market_id
        hour = int(task.cutoff.timestamp() // _SECONDS_PER_HOUR)
        is_judged = segment is not None  # else there is nothing to explore for
        return Outlook(
            task.freq.step_s,
            segment,
            standing,
            is_in_rollout=percent_of(market) < routing.rollout_percent,
            is_explored=is_judged
            and percent_of(f"{market}\n{hour}") < routing.explore_percent,
        )


def percent_of(text: str) -> float:
    """Return where in [0, 100) a text stands, the same in every process.

    Whoever stands below 5 stands below 25 too.
    """
    digest = blake2b(
        text.encode(errors="surrogatepass"), digest_size=_HASH_BYTES
    ).digest()
    return int.from_bytes(digest) * _PERCENT_PER_HASH
