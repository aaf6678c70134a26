"""Evidence from the ledger: models and baselines beside them, and what happened."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tsfm_runner.domain.ledger import LedgerForecast
from tsfm_runner.domain.task import FloatArray
from tsfm_runner.domain.verdict import SegmentKey, Verdict
from tsfm_runner.service.calibration.arrays import IntArray
from tsfm_runner.service.calibration.rows import unpack
from tsfm_runner.service.calibration.tallying import kept
from tsfm_runner.service.verdict.evidence import COVERAGE, SegmentEvidence

_BASELINE = "baseline"


class _Place(NamedTuple):
    """What outcomes must share to be added up."""

    key: SegmentKey
    baselines: tuple[str, ...]
    group: str


_Sums = dict[_Place, FloatArray]


def live_evidence(
    parts: Iterable[Sequence[LedgerForecast]], current: Verdict | None = None
) -> list[SegmentEvidence]:
    """Return what the ledger says of models that stand beside baselines.

    ``parts`` hold forecasts and shadows in some order of time; those of one answer
    stand in one part or in two that follow each other. A step counts where its
    outcome is known of the model and of every baseline beside it. Where the better
    baseline of the ``current`` verdict stood beside a model, those outcomes count.
    """
    sums: _Sums = {}
    for part in _answers(parts):
        _add(part, sums)
    by_key: dict[SegmentKey, _Sums] = {}
    for place, row in sums.items():
        by_key.setdefault(place.key, {})[place] = row
    evidence = []
    for key, found in sorted(by_key.items()):
        was = None if current is None else current.find(key)
        better = None if was is None else was.better_baseline
        evidence.append(_evidence(key, found, better))
    return evidence


def _answers(
    parts: Iterable[Sequence[LedgerForecast]],
) -> Iterator[list[list[LedgerForecast]]]:
    """Yield the bands of each answer together, once they are complete."""
    begun: dict[str, list[LedgerForecast]] = {}
    for part in parts:
        fresh: dict[str, list[LedgerForecast]] = {}
        for one in part:
            number = one.entry.forecast_id
            into = begun if number in begun else fresh
            into.setdefault(number, []).append(one)
        yield list(begun.values())
        begun = fresh
    yield list(begun.values())


class _Comparison(NamedTuple):
    """The band of a model, then those of baselines; the steps known of all of them."""

    place: _Place
    bands: Sequence[LedgerForecast]
    steps: IntArray


def _add(answers: Sequence[Sequence[LedgerForecast]], sums: _Sums) -> None:
    """Add the outcomes of answers: count, closed and open, then every band's score."""
    found = [one for answer in answers for one in _comparisons(answer)]
    if not found:
        return
    bands = [(band, one.steps) for one in found for band in one.bands]
    held = kept(
        unpack(np.concatenate([b.entry.scoring[steps] for b, steps in bands])).served,
        np.concatenate([b.outcomes[steps] for b, steps in bands]),
        miss=1 - COVERAGE,
    )
    sizes = [steps.size for _, steps in bands]
    starts = np.cumsum([0, *sizes[:-1]])
    columns = (held.is_closed.astype(float), held.is_open.astype(float), held.score)
    closed, open_, score = (np.add.reduceat(column, starts) for column in columns)
    first = 0
    for one in found:
        scores = score[first : first + len(one.bands)]
        row = np.array([one.steps.size, closed[first], open_[first], *scores])
        sums[one.place] = sums[one.place] + row if one.place in sums else row
        first += len(one.bands)


def _comparisons(answer: Sequence[LedgerForecast]) -> Iterator[_Comparison]:
    """Yield each model of an answer with the baselines beside it."""
    baselines = sorted(
        (one for one in answer if one.entry.runtime == _BASELINE),
        key=lambda one: one.entry.model_name,
    )
    for model in answer if baselines else ():
        entry = model.entry
        if entry.runtime == _BASELINE:
            continue
        bands = [model, *baselines]
        is_known = ~np.isnan(sum(one.outcomes for one in bands))
        if is_known.any():
            yield _Comparison(
                _Place(
                    SegmentKey(
                        entry.model_name,
                        entry.model_version,
                        entry.step_s,
                        entry.segment,
                    ),
                    tuple(one.entry.model_name for one in baselines),
                    entry.event_id or entry.market_id,
                ),
                bands,
                np.flatnonzero(is_known),
            )


def _evidence(
    key: SegmentKey, sums: Mapping[_Place, FloatArray], better: str | None
) -> SegmentEvidence:
    """Return the evidence of one segment, over outcomes with the same baselines.

    They are those of the better baseline, or where it never stood beside the model
    of the one that did most often, and of any other that was always there too.
    """
    counts: dict[str, float] = {}
    for place, row in sums.items():
        for name in place.baselines:
            counts[name] = counts.get(name, 0.0) + row[0]
    main = min(counts, key=lambda name: (name != better, -counts[name], name))
    used = {place: row for place, row in sums.items() if main in place.baselines}
    common = sorted(set.intersection(*(set(place.baselines) for place in used)))
    groups = sorted({place.group for place in used})
    rank = {group: number for number, group in enumerate(groups)}
    table = np.zeros((len(groups), 4 + len(common)))
    for place, row in used.items():
        scores = dict(zip(place.baselines, row[4:].tolist(), strict=True))
        row_of_group = (*row[:4], *(scores[name] for name in common))
        table[rank[place.group]] += row_of_group
    n, closed, open_, score, *others = table.T
    return SegmentEvidence(
        key, n, closed, open_, score, dict(zip(common, others, strict=True))
    )
