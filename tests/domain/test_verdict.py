from datetime import UTC, datetime

import pytest

from tsfm_runner.domain.verdict import (
    SegmentKey,
    SegmentVerdict,
    Verdict,
    VerdictReason,
)


def segment(name: str, *, is_proven: bool, model: str = "chronos2") -> SegmentVerdict:
    return SegmentVerdict(
        SegmentKey(model, "main", 300, name),
        is_proven,
        None if is_proven else VerdictReason.NOT_BETTER,
        better_baseline="har",
        against="ewma",
        ratio=0.9,
        low=0.8,
        high=0.95,
        closed=0.8,
        open=0.8,
        error=0.0,
        n=1_000,
        n_groups=20,
    )


def verdict(*segments: SegmentVerdict) -> Verdict:
    return Verdict(
        1, datetime(2026, 2, 20, tzinfo=UTC), "evaluation", ("ewma", "har"), segments
    )


@pytest.mark.parametrize(("is_proven", "name"), [(True, "chronos2"), (False, "har")])
def test_a_model_is_served_where_it_is_proven_else_the_better_baseline(
    name: str, *, is_proven: bool
) -> None:
    assert segment("a", is_proven=is_proven).serves == name


def test_what_was_decided_is_found_by_model_revision_step_and_segment() -> None:
    first, second = segment("a", is_proven=True), segment("b", is_proven=False)
    found = verdict(first, second)

    assert found.find(first.key) is first
    assert found.find(second.key) is second
    for other in ({"model_version": "2"}, {"step_s": 3_600}, {"segment": "c"}):
        assert found.find(first.key._replace(**other)) is None


def test_a_verdict_counts_what_is_proven_and_names_its_models() -> None:
    found = verdict(
        segment("a", is_proven=True),
        segment("b", is_proven=False),
        segment("a", is_proven=True, model="toto"),
    )

    assert found.n_proven == 2
    assert found.models == (("chronos2", "main"), ("toto", "main"))


def test_verdicts_that_say_the_same_are_equal() -> None:
    assert verdict(segment("a", is_proven=True)) == verdict(
        segment("a", is_proven=True)
    )
    assert verdict(segment("a", is_proven=True)) != verdict()
