"""What a study knows of one model beside all others, whatever they are."""

from collections.abc import Iterator
from dataclasses import replace
from math import inf

import numpy as np

from tsfm_runner.core.metric_sums import MetricSums
from tsfm_runner.domain.verdict import SegmentKey
from tsfm_runner.evaluation.results import StepResults
from tsfm_runner.evaluation.study import Plan, Study
from tsfm_runner.service.verdict.evidence import COVERAGE, SegmentEvidence


def scored_throughout(plan: Plan) -> Plan:
    """Return a plan that scores every origin, each after all outcomes known by then.

    That is fair where no model has seen any of the events.
    """
    split = plan.split
    cuts_s = dict.fromkeys(split.cuts_s, -inf)
    return replace(plan, split=replace(split, cuts_s=cuts_s))


def evidence_beside(study: Study, model: str) -> Iterator[SegmentEvidence]:
    """Yield the evidence on a model at each step, all its segments together.

    Calibrated bands are judged. Every other model of the study counts as a baseline,
    so that the model is held against the best of them.
    """
    [revision] = [one.revision for one in study.plan.models if one.name == model]
    for results in study.results:
        key = SegmentKey(model, revision, results.step_s, "")
        yield from _of_step(results, key, study.plan.design.quantile_levels)


def _of_step(
    results: StepResults, key: SegmentKey, quantile_levels: tuple[float, ...]
) -> Iterator[SegmentEvidence]:
    sums = MetricSums(quantile_levels, results.by_group.sum(axis=2))
    places = {
        entry.model: place
        for place, entry in enumerate(results.entries)
        if entry.kind == "calibrated"
    }
    place = places.pop(key.model_name)
    scores = sums.interval_score(COVERAGE)
    groups = np.flatnonzero(sums.n[place] > 0)
    if groups.size:
        yield SegmentEvidence(
            key,
            sums.n[place, groups],
            sums.closed(COVERAGE)[place, groups],
            sums.open(COVERAGE)[place, groups],
            scores[place, groups],
            {name: scores[other, groups] for name, other in places.items()},
        )
