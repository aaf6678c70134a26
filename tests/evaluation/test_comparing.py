"""A model is held against every other one of a study, over all its origins."""

from functools import partial

import numpy as np
import pytest
from tests.evaluation.recordings import make_design, make_market, make_markets
from tests.evaluation.studies import baselines, planned, studied

from tsfm_runner.evaluation.comparing import evidence_beside, scored_throughout
from tsfm_runner.evaluation.design import Model
from tsfm_runner.evaluation.drawing import draw_baseline
from tsfm_runner.evaluation.panel import outcomes_of
from tsfm_runner.evaluation.ruling import evidence_of

DESIGN = make_design(horizon=2, quantile_levels=(0.1, 0.5, 0.9))
MARKETS = [
    *make_markets(6, n_points=50),
    make_market("hourly", [0.4, 0.42, 0.41] * 12, step_s=3_600, group="event-00"),
]
NEW, OLD = (
    Model(name, "7", is_baseline=False, draw=partial(draw_baseline, method=method))
    for name, method in (("new", "kalman"), ("old", "ewma"))
)
PLAN = scored_throughout(
    planned(MARKETS, [*baselines("ewma", "har"), NEW, OLD], DESIGN)
)
FOUND = studied(PLAN)


def test_every_outcome_is_scored() -> None:
    known = {
        step_s: np.isfinite(outcomes_of(*PLAN.panel_at(step_s), horizon=2)).sum()
        for step_s in PLAN.steps
    }

    found = {one.key.step_s: one.n.sum() for one in evidence_beside(FOUND, "new")}

    assert found == known


def test_models_and_baselines_stand_beside_a_model() -> None:
    evidence = list(evidence_beside(FOUND, "new"))

    assert [one.key[:3] for one in evidence] == [("new", "7", 300), ("new", "7", 3_600)]
    assert all(set(one.baselines) == {"ewma", "har", "old"} for one in evidence)
    # Drawn alike; but a baseline is known from the start, and a model is not.
    assert evidence[0].baselines["old"] == pytest.approx(
        evidence[0].baselines["ewma"], rel=0.05
    )


def test_segments_together_are_the_sum_of_segments() -> None:
    whole = {one.key.step_s: one for one in evidence_beside(FOUND, "new")}

    for step_s, one in whole.items():
        parts = [
            part for part in evidence_of(FOUND) if part.key[:3] == ("new", "7", step_s)
        ]
        for name in ("n", "closed", "open", "score"):
            summed = sum(getattr(part, name).sum() for part in parts)
            assert getattr(one, name).sum() == pytest.approx(summed)
