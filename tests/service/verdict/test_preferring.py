"""A model takes the place of others where it is proven, and nowhere shown worse."""

from typing import Any

import pytest
from tests.service.verdict.samples import KEY, NOW, evidence

from tsfm_runner.config import VerdictConfig
from tsfm_runner.domain.verdict import VerdictReason
from tsfm_runner.service.verdict.deciding import Occasion
from tsfm_runner.service.verdict.preferring import Preference, prefer

BESIDE = {"ewma": 1.0, "tsfm-mini": 0.9}


def preferred(*steps: dict[str, Any]) -> Preference:
    """Judge a model by what is known at some steps, each varied by its keywords."""
    known = [
        evidence(**{"baselines": BESIDE, "key": KEY._replace(step_s=300 * place)} | one)
        for place, one in enumerate(steps, start=1)
    ]
    rules = VerdictConfig(min_groups=8)
    return prefer(known, rules, Occasion(NOW, "evaluation", "ewma"))


def test_a_model_that_beats_the_best_of_the_others_is_preferred() -> None:
    found = preferred({"ratio": 0.8})

    [one] = found.segments
    assert found.is_preferred
    assert one.against == "tsfm-mini"
    assert one.ratio == pytest.approx(0.8 / 0.9, rel=0.01)


def test_better_than_the_baselines_alone_is_not_enough() -> None:
    found = preferred({"ratio": 0.95})

    assert not found.is_preferred
    assert found.segments[0].reason == VerdictReason.NOT_BETTER


def test_one_step_proves_a_model_where_others_say_too_little() -> None:
    too_few, unclear = {"n_groups": 3}, {"ratio": 0.89, "spread": 0.1}

    found = preferred({"ratio": 0.8}, too_few, unclear)

    assert found.is_preferred
    assert [one.reason for one in found.segments] == [
        None,
        VerdictReason.TOO_FEW_GROUPS,
        VerdictReason.NOT_SIGNIFICANT,
    ]


@pytest.mark.parametrize("flaw", [{"ratio": 1.0}, {"closed": 0.7, "open_": 0.7}])
def test_a_step_that_speaks_against_a_model_outweighs_all_others(
    flaw: dict[str, float],
) -> None:
    assert not preferred({"ratio": 0.8}, {"ratio": 0.8, **flaw}).is_preferred


def test_without_evidence_no_model_is_preferred() -> None:
    assert prefer([], VerdictConfig(), Occasion(NOW, "evaluation", "ewma")) == (
        False,
        (),
    )
