from tests.service.signals.watched import (
    MEDIAN,
    STEP_S,
    UP,
    Watched,
    moment,
    trial,
)


def test_a_process_goes_on_with_the_breaches_of_the_one_before() -> None:
    before = Watched()
    before.go(UP, UP)
    after = Watched(first_id=7)

    after.resume(before.engine.open_breaches)

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

    after.resume([before.told[-1]])

    assert after.go(UP, start=4) == []


def test_what_is_undecided_is_followed_by_the_next_process() -> None:
    before = Watched()
    before.go(UP, MEDIAN, MEDIAN)
    after = Watched(first_id=3)

    after.resume([before.told[-1]])
    [followed] = after.hear({20: 0.7})

    assert (followed.id, followed.phase) == (3, "followed")
    assert after.hear({21: 0.8}) == []


def test_what_is_decided_is_not_decided_again() -> None:
    before = Watched()
    before.go(UP)
    before.hear({1: 0.7})
    after = Watched()

    after.resume([before.told[-1]])

    assert after.hear({2: 0.9}) == []
    assert len(after.engine.open_breaches) == 1


def test_the_newest_breach_of_a_market_counts() -> None:
    before = Watched(cooldown_minutes=0)
    before.go(UP, MEDIAN, MEDIAN, UP)
    after = Watched()

    after.resume([before.told[2], before.told[1]])

    assert after.engine.open_breaches == [before.told[2]]


def test_what_came_of_an_older_breach_hides_no_open_one() -> None:
    before = Watched(cooldown_minutes=0)
    before.go(UP, MEDIAN, MEDIAN, UP)
    before.hear({4: 0.7})
    opened, shut, second, *followed = before.told
    assert [one.opened_at_s for one in followed] == [moment(0), moment(3)]
    after = Watched(first_id=6)

    after.resume([second, followed[0]])  # in the order of their ids

    assert after.engine.open_breaches == [second]
    assert (shut.dedupe_key, opened.id) == (opened.dedupe_key, 1)


def test_a_breach_that_a_newer_one_has_followed_upon_is_closed() -> None:
    before = Watched(cooldown_minutes=0)
    before.go(UP, MEDIAN, MEDIAN, UP)
    after = Watched(first_id=5)

    after.resume([before.told[0], before.told[2]], step=3)
    [gone] = after.sweep(3)

    assert (gone.id, gone.opened_at_s) == (5, moment(0))
    assert after.engine.open_breaches == [before.told[2]]


def test_a_process_that_begins_gives_every_market_time_to_be_heard() -> None:
    before = Watched()
    before.go(UP, UP, UP, UP, UP)
    after = Watched(first_id=2)

    after.resume([before.told[0]], step=5)  # nobody wrote down the prices since

    assert after.sweep(7) == []
    [gone] = after.sweep(7.1)
    assert (gone.close_reason, gone.closed_at_s) == ("stale", moment(5) + 2 * STEP_S)


def test_a_market_that_closes_while_nobody_looks_has_closed() -> None:
    before = Watched()
    before.go(UP)
    after = Watched()

    after.engine.restore(before.told, {"rain": moment(1)}, now_s=moment(2))
    [gone] = after.sweep(2)

    assert (gone.close_reason, gone.closed_at_s) == ("market_closed", moment(1))


def test_the_newest_price_of_a_market_of_two_steps_is_remembered() -> None:
    before = Watched()
    before.see(0, trial(0, step_s=3_600))
    before.see(1, trial(1))
    after = Watched()

    after.resume(reversed(before.told), step=1)

    judgement = after.engine.judgement("rain")
    assert judgement is not None
    assert judgement.ts_s == moment(1)


def test_of_more_breaches_than_markets_are_watched_the_oldest_close() -> None:
    before = Watched()
    before.go(UP)
    before.see(1, trial(1, name="snow"))
    after = Watched(first_id=3)
    after.engine._max_markets = 1  # noqa: SLF001 - 20,000 would take a while

    after.resume(before.told, step=1)
    [gone] = after.sweep(1)

    assert (gone.id, gone.market_id, gone.phase) == (3, "rain", "closed")
    assert after.engine.open_breaches == [before.told[1]]
