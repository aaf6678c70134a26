"""How bands have done, pooled over whatever nobody asks to tell apart."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from tsfm_runner.core.conformal.cells import cell_of, last_step_of
from tsfm_runner.core.conformal.coverage import ClusterSums, effective_size
from tsfm_runner.domain.calibration import IntervalRecord, StreamKey
from tsfm_runner.domain.task import FloatArray
from tsfm_runner.service.calibration.scoring import Learned
from tsfm_runner.service.calibration.state import CalibrationState

GROUP_NAMES = ("model", "freq", "segment", "step", "kind")

_Label: TypeAlias = tuple[str | None, str | None, int | None]

_KINDS = (False, True)  # served, and shadow
_N_NUMBERS = 4  # closed, open, width and score of each interval, after the count


class CoverageRow(NamedTuple):
    """How the bands of one group did, in ``n`` scored steps.

    What they have in common comes first; None where they are pooled. ``n_effective``
    is how many independent outcomes they are worth at the target, as those of one
    event move together; None with fewer than two events.
    """

    model_name: str | None
    model_version: str | None
    step_s: int | None
    segment: str | None
    step: int | None
    is_shadow: bool | None
    n: int
    n_effective: float | None
    served: IntervalRecord
    raw: IntervalRecord
    target: IntervalRecord


@dataclass(frozen=True, slots=True)
class CoverageQuestion:
    """Which bands are asked for, None for all; and what is told apart.

    ``segment`` has the parts that the name of a segment must have, as
    ``category=weather``. ``step`` is any step: those far ahead are counted together.
    """

    model_name: str | None = None
    model_version: str | None = None
    step_s: int | None = None
    segment: frozenset[str] = frozenset()
    step: int | None = None
    is_shadow: bool | None = None
    group_by: Collection[str] = GROUP_NAMES

    def wants_stream(self, key: StreamKey) -> bool:
        """Whether bands of a model at a frequency are asked for."""
        asked = (self.model_name, self.model_version, self.step_s)
        return all(want in (None, has) for want, has in zip(asked, key, strict=True))

    def wants_segment(self, name: str) -> bool:
        """Whether bands of a segment are asked for."""
        return self.segment.issubset(name.split(","))


class _Group(NamedTuple):
    """The sums of streams that are not told apart.

    The axes of ``sums`` are kind, segment, cell and number; those of ``clusters``
    segment and number of `ClusterSums`.
    """

    model_name: str | None
    model_version: str | None
    step_s: int | None
    segments: Sequence[str | None]
    sums: FloatArray
    clusters: FloatArray


def coverage(
    state: CalibrationState, question: CoverageQuestion, *, start: int, limit: int
) -> tuple[list[CoverageRow], int]:
    """Return some of the rows in order of what they tell apart, and how many are."""
    rows: list[CoverageRow] = []
    n_before = 0
    for group in _groups(state, question):
        found = np.argwhere(group.sums[..., 0].transpose(1, 2, 0) > 0)
        chosen = found[max(0, start - n_before) : max(0, start + limit - n_before)]
        rows += [_row(group, question, *place) for place in chosen.tolist()]
        n_before += len(found)
    return rows, n_before


def _groups(state: CalibrationState, question: CoverageQuestion) -> Iterator[_Group]:
    by_model, by_freq = "model" in question.group_by, "freq" in question.group_by
    streams: dict[_Label, list[Learned]] = {}
    for key in sorted(filter(question.wants_stream, state.learned)):
        model = key[:2] if by_model else (None, None)
        label = (*model, key.step_s if by_freq else None)
        streams.setdefault(label, []).append(state.learned[key])
    for label in sorted(streams, key=_in_order):
        yield _Group(*label, *_added(streams[label], question))


def _in_order(label: _Label) -> tuple[str, str, int]:
    """Return what labels are sorted by: where one part is None, it is in all."""
    name, version, step_s = label
    return name or "", version or "", step_s or 0


def _added(
    streams: Iterable[Learned], question: CoverageQuestion
) -> tuple[Sequence[str | None], FloatArray, FloatArray]:
    """Return the names of segments, and the sums of streams over all that is pooled."""
    tables = [(_places(one, question), one.tallies) for one in streams]
    names = sorted(set().union(*(places for places, _ in tables)))
    rank = {name: place for place, name in enumerate(names)}
    n_cells = max(tallies.sums.shape[2] for _, tallies in tables)
    n_numbers = tables[0][1].sums.shape[-1]
    total = np.zeros((len(_KINDS), len(names), n_cells, n_numbers))
    clusters = np.zeros((len(names), len(ClusterSums._fields)))
    for places, tallies in tables:
        into, out = [rank[name] for name in places], list(places.values())
        total[:, into, : tallies.sums.shape[2]] += tallies.sums[:, out]
        clusters[into] += tallies.clusters[out]
    if "segment" not in question.group_by:
        clusters = clusters.sum(axis=0, keepdims=True)
    total *= _mask(question, n_cells)[:, None, :, None]
    for axis, name in enumerate(("kind", "segment", "step")):
        if name not in question.group_by:
            total = total.sum(axis=axis, keepdims=True)
    return (names if "segment" in question.group_by else [None]), total, clusters


def _places(stream: Learned, question: CoverageQuestion) -> Mapping[str, int]:
    """Return where in the sums the segments stand that are asked for."""
    n_segments = stream.tallies.sums.shape[1]
    return {
        name: place
        for place, name in enumerate(stream.stream.names[:n_segments])
        if question.wants_segment(name)
    }


def _mask(question: CoverageQuestion, n_cells: int) -> FloatArray:
    """Return 1 for each kind and cell that is asked for, else 0."""
    mask = np.ones((len(_KINDS), n_cells))
    if question.is_shadow is not None:
        mask[int(not question.is_shadow)] = 0
    if question.step is not None:
        mask[:, np.arange(n_cells) != cell_of(np.array(question.step))] = 0
    return mask


def _row(
    group: _Group, question: CoverageQuestion, segment: int, cell: int, kind: int
) -> CoverageRow:
    n, *numbers = group.sums[kind, segment, cell].tolist()
    return CoverageRow(
        *group[:3],
        group.segments[segment],
        last_step_of(cell) if "step" in question.group_by else None,
        _KINDS[kind] if "kind" in question.group_by else None,
        int(n),
        _n_effective(group.clusters[segment], n),
        *(
            _interval(numbers[first : first + _N_NUMBERS], n)
            for first in range(0, len(numbers), _N_NUMBERS)
        ),
    )


def _n_effective(clusters: FloatArray, n: float) -> float | None:
    """Return what some outcomes are worth, at the rate of all steps and kinds."""
    n_clusters, *sums = clusters.tolist()
    found = ClusterSums(int(n_clusters), *sums)
    worth = effective_size(found)
    return None if worth is None else max(1.0, n * worth / found.n)


def _interval(numbers: Sequence[float], n: float) -> IntervalRecord:
    n_closed, n_open, width, score = numbers
    return IntervalRecord(int(n_closed), int(n_open), width / n, score / n)
