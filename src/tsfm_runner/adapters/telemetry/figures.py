"""Reads the metrics as figures for people: sums over labels, times of lately."""

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from operator import sub
from typing import NamedTuple, cast, get_args

from tsfm_runner.adapters.telemetry.metrics import Metrics
from tsfm_runner.adapters.telemetry.tallies import Labels, Spread, Tally
from tsfm_runner.core.buckets import bucket_quantile
from tsfm_runner.domain.figures import CallFigures, Figures, Times
from tsfm_runner.domain.forecast import Rung
from tsfm_runner.domain.telling import CacheEvent, CallError
from tsfm_runner.ports import Clock

_LATELY_S = 300.0
_MARK_INTERVAL_S = 10.0
_NO_REASON = "none"

_Spreads = Mapping[Hashable, tuple[Spread, list[int]]]


class _Mark(NamedTuple):
    """How histograms stood at a moment."""

    time_s: float
    counts: Mapping[Hashable, list[int]]


class MetricFigures:
    """A ``ReadFigures`` of the metrics of this process.

    Times are those of the last five minutes; where nobody has read them in between,
    of the time since then, or since the start.
    """

    def __init__(self, metrics: Metrics, clock: Clock) -> None:
        """Read ``metrics``; nothing was measured up to now."""
        self._metrics = metrics
        self._clock = clock
        self._marks: deque[_Mark] = deque()

    @property
    def n_marks(self) -> int:
        """How many moments are remembered, from which times are counted."""
        return len(self._marks)

    def __call__(self, routes: Collection[str]) -> Figures:
        """Return the figures as they stand now; ``routes`` are those of forecasts."""
        metrics = self._metrics
        times = self._times(self._spreads(routes))
        sizes = metrics.batch_size
        return Figures(
            requests=_sums(metrics.requests, 1, lambda labels: labels[0] in routes),
            request_times=times["requests"],
            calls={
                rung: self._calls(rung, times[rung])
                for rung in get_args(Rung)
                if sum(metrics.runtime_duration.counted(_of_first(rung)))
            },
            queue_times=times["queue"],
            mean_batch_size=sizes.mean,
            cache=cast("Mapping[CacheEvent, int]", _sums(metrics.cache_events, 0)),
            forecasts=_sums(metrics.forecasts, 0),
            fallbacks=_sums(
                metrics.forecasts, 2, lambda labels: labels[2] != _NO_REASON
            ),
            n_crossings=_total(metrics.crossings),
            n_outcomes=_total(metrics.outcomes),
            followed=_sums(metrics.followed, 0),
        )

    def _spreads(self, routes: Collection[str]) -> _Spreads:
        metrics = self._metrics
        requests, calls = metrics.request_duration, metrics.runtime_duration
        queue = metrics.queue_wait
        return {
            "requests": (requests, requests.counted(lambda one: one[0] in routes)),
            "queue": (queue, queue.counted(lambda _: True)),
            **{
                rung: (calls, calls.counted(_of_first(rung))) for rung in get_args(Rung)
            },
        }

    def _times(self, spreads: _Spreads) -> Mapping[Hashable, Times]:
        """Return the times of each since the mark that was set long enough ago."""
        before = self._mark({name: counts for name, (_, counts) in spreads.items()})
        return {
            name: _times(spread.bounds, list(map(sub, counts, before[name])))
            if name in before
            else _times(spread.bounds, counts)
            for name, (spread, counts) in spreads.items()
        }

    def _mark(
        self, counts: Mapping[Hashable, list[int]]
    ) -> Mapping[Hashable, list[int]]:
        """Remember how histograms stand; return how they stood, once, before that."""
        now_s, marks = self._clock(), self._marks
        while len(marks) > 1 and marks[1].time_s <= now_s - _LATELY_S:
            marks.popleft()
        is_old = bool(marks) and marks[0].time_s <= now_s - _LATELY_S
        before = marks[0].counts if is_old else {}
        if not marks or now_s - marks[-1].time_s >= _MARK_INTERVAL_S:
            marks.append(_Mark(now_s, counts))
        return before

    def _calls(self, rung: Rung, times: Times) -> CallFigures:
        metrics = self._metrics
        errors = _sums(metrics.runtime_errors, 1, _of_first(rung))
        return CallFigures(
            sum(metrics.runtime_duration.counted(_of_first(rung))),
            cast(
                "Mapping[CallError, int]",
                {kind: n for kind, n in errors.items() if n},
            ),
            times,
        )


def _of_first(name: str) -> Callable[[Labels], bool]:
    return lambda labels: labels[0] == name


def _times(bounds: Iterable[float], counts: list[int]) -> Times:
    edges = list(bounds)
    return Times(*(bucket_quantile(edges, counts, level) for level in (0.5, 0.95)))


def _sums(
    tally: Tally, place: int, is_wanted: Callable[[Labels], bool] = bool
) -> dict[str, int]:
    """Return the sum for each value of one label."""
    sums: defaultdict[str, int] = defaultdict(int)
    for labels, count in tally.counts.items():
        if is_wanted(labels):
            sums[labels[place]] += int(count)
    return dict(sums)


def _total(tally: Tally) -> int:
    return int(sum(tally.counts.values()))
