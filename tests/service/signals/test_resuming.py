from tests.service.signals.watched import MEDIAN, UP, Watched, trial


def test_a_process_goes_on_with_the_breaches_of_the_one_before() -> None:
    before = Watched()
    before.go(UP, UP)
    after = Watched(first_id=7)

    after.engine.restore(before.engine.open_breaches)

    assert after.engine.open_breaches == before.engine.open_breaches
    assert after.engine.standing("rain") == before.engine.standing("rain")
    assert after.see(1, trial(1)) == []  # was judged already
    after.go(UP, MEDIAN, MEDIAN, start=2)
    assert [(one.id, one.phase) for one in after.told] == [(7, "closed")]
    assert after.told[0].n_steps == 3


def test_a_cool_down_outlives_the_process() -> None:
    before = Watched()
    before.go(UP, MEDIAN, MEDIAN)
    after = Watched()

    after.engine.restore([before.told[-1]])

    assert after.go(UP, start=4) == []


def test_what_is_undecided_is_followed_by_the_next_process() -> None:
    before = Watched()
    before.go(UP, MEDIAN, MEDIAN)
    after = Watched(first_id=3)

    after.engine.restore([before.told[-1]])
    [followed] = after.hear({20: 0.7})

    assert (followed.id, followed.phase) == (3, "followed")
    assert after.hear({21: 0.8}) == []


def test_what_is_decided_is_not_decided_again() -> None:
    before = Watched()
    before.go(UP)
    before.hear({1: 0.7})
    after = Watched()

    after.engine.restore([before.told[-1]])

    assert after.hear({2: 0.9}) == []
    assert len(after.engine.open_breaches) == 1


def test_the_newest_breach_of_a_market_counts() -> None:
    before = Watched(cooldown_minutes=0)
    before.go(UP, MEDIAN, MEDIAN, UP)
    after = Watched()

    after.engine.restore([before.told[2], before.told[1]])

    assert after.engine.open_breaches == [before.told[2]]
