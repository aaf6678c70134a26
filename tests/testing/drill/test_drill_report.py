from typing import Any

import pytest

from tsfm_runner.testing.drill import PhaseReport, Trouble
from tsfm_runner.testing.drill.checking import MISSING, MODEL, TURNED_AWAY, Checked

GOOD = Checked(MODEL, (), 10.0)
BAD = Checked(MODEL, ("no band",), 20.0)
LOST = Checked(MISSING, ("no answer",), 30.0)
REFUSED = Checked(TURNED_AWAY, (), 1.0)


def report(
    *during: Checked,
    after: tuple[Checked, ...] = (GOOD,),
    has_trace: bool = True,
    recovery_s: float | None = 0.5,
    is_well: bool = True,
) -> PhaseReport:
    return PhaseReport(
        trouble=Trouble.HANG,
        during=during or (GOOD,),
        after=after,
        has_trace=has_trace,
        recovery_s=recovery_s,
        recovery_limit_s=2.0,
        is_well=is_well,
    )


def test_a_phase_without_a_defect_is_passed() -> None:
    assert report(GOOD, GOOD).failures == []


@pytest.mark.parametrize("where", ["during", "after"])
def test_one_defect_fails_the_phase_whenever_it_was(where: str) -> None:
    found = report(BAD, BAD) if where == "during" else report(after=(BAD, GOOD, BAD))

    assert found.failures == ["no band (2 times)"]


@pytest.mark.parametrize(
    ("change", "failure"),
    [
        ({"has_trace": False}, "no answer shows that anything was wrong"),
        ({"recovery_s": None}, "no model answered after it was over"),
        ({"recovery_s": 2.1}, "recovered only after 2.1 s"),
        ({"is_well": False}, "did not come back to answers by models alone"),
    ],
)
def test_a_phase_that_does_not_end_well_fails(
    change: dict[str, Any], failure: str
) -> None:
    assert report(**change).failures == [failure]


def test_answers_and_bands_are_counted() -> None:
    found = report(GOOD, BAD, LOST, REFUSED, after=(GOOD,))

    assert len(found.answers) == 5
    assert found.n_answers == 4
    assert found.n_valid_bands == 2
    assert found.outcomes == {MODEL: 2, MISSING: 1, TURNED_AWAY: 1}
    assert found.latency_ms(50) == 15
