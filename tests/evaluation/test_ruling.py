"""What a study hands to a verdict are the sums of its own calibrated bands."""

from functools import partial
from math import fsum

import numpy as np
import polars as pl
import pytest
from tests.evaluation import plain_scores as plain
from tests.evaluation.recordings import make_design, make_market, make_markets, walk
from tests.evaluation.studies import (
    MemoryStore,
    baselines,
    planned,
    segments_at,
    studied,
    times_of,
)

from tsfm_runner.domain.verdict import SegmentKey
from tsfm_runner.evaluation.banding import band_frames
from tsfm_runner.evaluation.design import Model
from tsfm_runner.evaluation.drawing import draw_baseline
from tsfm_runner.evaluation.ruling import evidence_of
from tsfm_runner.service.verdict.evidence import SegmentEvidence

DESIGN = make_design(horizon=2, quantile_levels=(0.1, 0.5, 0.9))
MARKETS = [
    *make_markets(8, n_points=60),
    # At its end, far from all other prices, it is in a segment without an outcome.
    make_market("jumper", [*walk(np.random.default_rng(1), 59), 0.01]),
    make_market("hourly", [0.4, 0.42, 0.41] * 12, step_s=3_600, group="event-00"),
]
STEPS = {"5m": 300, "1h": 3_600}
SCORES = ("closed 0.8", "open 0.8", "interval score 0.8")

Evidence = list[SegmentEvidence]
Outcomes = dict[tuple[str, int, str, str], list[plain.Outcome]]


def model(name: str, method: str) -> Model:
    """Return a model that draws what a baseline draws."""
    draw = partial(draw_baseline, method=method)
    return Model(name, "v2", is_baseline=False, draw=draw)


def evidence(*models: Model) -> Evidence:
    return list(evidence_of(studied(planned(MARKETS, models, DESIGN))))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Evidence, Outcomes]:
    """The evidence of a study, and its outcomes by entry, step, segment and group."""
    models = [*baselines("ewma", "har"), model("a", "kalman"), model("b", "ewma")]
    store, path = MemoryStore(), tmp_path_factory.mktemp("bands") / "bands.parquet"
    study = studied(planned(MARKETS, models, DESIGN), store)
    pl.concat(band_frames(study, store)).write_parquet(path)
    segments, outcomes = segments_at(MARKETS, DESIGN), Outcomes()
    prices = {one.market_id: times_of(one) for one in MARKETS}
    groups = {one.market_id: one.group for one in MARKETS}
    for one in plain.read_outcomes(path, prices, groups):
        segment = segments[one.market, one.cutoff]
        key = one.entry, STEPS[one.freq], segment, one.group
        outcomes.setdefault(key, []).append(one)
    return list(evidence_of(study)), outcomes


def test_each_model_is_judged_in_each_segment_where_it_has_outcomes(
    found: tuple[Evidence, Outcomes],
) -> None:
    evidence, outcomes = found

    keys = [one.key for one in evidence]
    assert len(keys) == len(set(keys)) > 10
    assert set(keys) == {
        SegmentKey(name, "v2", step_s, segment)
        for name in ("a", "b")
        for _, step_s, segment, _ in outcomes
    }


def test_the_sums_of_each_group_are_those_of_its_calibrated_bands(
    found: tuple[Evidence, Outcomes],
) -> None:
    evidence, outcomes = found

    for one in evidence:
        name, _, step_s, segment = one.key
        groups = sorted(
            key[3]
            for key in outcomes
            if key[:3] == (f"{name}/calibrated", step_s, segment)
        )
        sums = {
            entry: [
                [fsum(each.scores[score] for each in members) for score in SCORES]
                for group in groups
                for members in [outcomes[f"{entry}/calibrated", step_s, segment, group]]
            ]
            for entry in (name, "ewma", "har")
        }
        n = [len(outcomes[f"{name}/calibrated", *one.key[2:], at]) for at in groups]
        assert one.n.tolist() == n
        told = zip(one.closed, one.open, one.score, strict=True)
        for mine, row in zip(told, sums[name], strict=True):
            assert mine == pytest.approx(row, abs=1e-9)
        assert one.baselines.keys() == {"ewma", "har"}
        for other, scores in one.baselines.items():
            expected = [row[2] for row in sums[other]]
            assert scores.tolist() == pytest.approx(expected, abs=1e-9)


def test_a_model_that_draws_what_a_baseline_draws_is_not_calibrated_alike(
    found: tuple[Evidence, Outcomes],
) -> None:
    """A baseline starts from what is shipped with it, a new model from nothing."""
    evidence, _ = found

    differs = [
        (one.score != one.baselines["ewma"]).any()
        for one in evidence
        if one.key.model_name == "b"
    ]

    assert any(differs)


def test_without_a_model_there_is_nothing_to_judge() -> None:
    assert evidence(*baselines("ewma")) == []


def test_without_a_baseline_there_is_nothing_to_judge_by() -> None:
    assert evidence(model("a", "kalman")) == []


def test_the_ladder_is_no_model_and_gets_no_evidence() -> None:
    models = [*baselines("ewma"), model("ladder", "kalman"), model("a", "kalman")]

    assert {one.key.model_name for one in evidence(*models)} == {"a"}
