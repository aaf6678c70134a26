"""What a study knows of each model in each segment, for a verdict."""

from collections.abc import Iterator

import numpy as np

from tsfm_runner.core.metric_sums import MetricSums
from tsfm_runner.domain.verdict import SegmentKey
from tsfm_runner.evaluation.design import LADDER
from tsfm_runner.evaluation.results import StepResults
from tsfm_runner.evaluation.study import Study
from tsfm_runner.service.verdict.evidence import COVERAGE, SegmentEvidence


def evidence_of(study: Study) -> Iterator[SegmentEvidence]:
    """Yield the evidence on each model but the baselines, in each segment.

    Calibrated bands are judged, as they are what is served; all steps ahead count
    together. There is none where a study has no model or no baseline, and none on the
    ladder, which is no model.
    """
    revisions = {model.name: model.revision for model in study.plan.models}
    for results in study.results:
        places = {
            entry.model: place
            for place, entry in enumerate(results.entries)
            if entry.kind == "calibrated"
        }
        baselines = {
            entry.model: places[entry.model]
            for entry in results.entries
            if entry.is_baseline
        }
        for name, place in places.items():
            if baselines and name not in {*baselines, LADDER}:
                key = SegmentKey(name, revisions[name], results.step_s, "")
                yield from _of_model(results, key, place, baselines, study)


def _of_model(
    results: StepResults,
    key: SegmentKey,
    place: int,
    baselines: dict[str, int],
    study: Study,
) -> Iterator[SegmentEvidence]:
    sums = MetricSums(study.plan.design.quantile_levels, results.by_cell.sum(axis=2))
    n, closed, inside = sums.n, sums.closed(COVERAGE), sums.open(COVERAGE)
    scores = sums.interval_score(COVERAGE)
    for segment, name in enumerate(results.segments):
        cells = np.flatnonzero((results.cells[:, 1] == segment) & (n[place] > 0))
        if cells.size:
            yield SegmentEvidence(
                key._replace(segment=name),
                n[place, cells],
                closed[place, cells],
                inside[place, cells],
                scores[place, cells],
                {one: scores[other, cells] for one, other in baselines.items()},
            )
