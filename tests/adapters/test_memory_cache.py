from hypothesis import given
from hypothesis import strategies as st
from tests.fakes import FakeClock

from tsfm_runner.adapters.memory_cache import MemoryCache


def cache(max_bytes: int = 100) -> tuple[MemoryCache[str], FakeClock]:
    clock = FakeClock()
    return MemoryCache(max_bytes, clock), clock


def test_a_value_is_there_until_its_end() -> None:
    kept, clock = cache()
    kept.put(b"key", "value", n_bytes=1, expires_at_s=5)

    clock.now_s = 4.9
    before = kept.get(b"key")
    clock.now_s = 5

    assert before == "value"
    assert kept.get(b"key") is None


def test_what_was_never_kept_is_not_there() -> None:
    kept, _ = cache()

    assert kept.get(b"key") is None


def test_what_is_over_gives_its_room_back_when_it_is_asked_for() -> None:
    kept, clock = cache()
    kept.put(b"key", "value", n_bytes=40, expires_at_s=5)
    clock.now_s = 5

    before = kept.n_bytes
    kept.get(b"key")

    assert (before, kept.n_bytes) == (40, 0)


def test_the_newest_value_of_a_key_counts() -> None:
    kept, _ = cache()

    kept.put(b"key", "old", n_bytes=40, expires_at_s=5)
    kept.put(b"key", "new", n_bytes=10, expires_at_s=5)

    assert kept.get(b"key") == "new"
    assert kept.n_bytes == 10


def test_what_was_not_asked_for_longest_leaves_first() -> None:
    kept, _ = cache()
    kept.put(b"a", "A", n_bytes=50, expires_at_s=5)
    kept.put(b"b", "B", n_bytes=50, expires_at_s=5)

    kept.get(b"a")
    kept.put(b"c", "C", n_bytes=50, expires_at_s=5)

    assert [kept.get(key) for key in (b"a", b"b", b"c")] == ["A", None, "C"]


def test_what_is_larger_than_all_the_room_is_not_kept_and_pushes_nothing_out() -> None:
    kept, _ = cache()
    kept.put(b"small", "value", n_bytes=1, expires_at_s=5)

    kept.put(b"large", "value", n_bytes=101, expires_at_s=5)

    assert kept.get(b"large") is None
    assert kept.get(b"small") == "value"


def test_without_room_nothing_is_kept() -> None:
    kept, _ = cache(max_bytes=0)

    kept.put(b"key", "value", n_bytes=1, expires_at_s=5)

    assert kept.get(b"key") is None


@given(
    puts=st.lists(
        st.tuples(st.integers(0, 5), st.integers(1, 120), st.integers(0, 9)),
        max_size=40,
    )
)
def test_whatever_is_put_in_the_room_is_never_exceeded(
    puts: list[tuple[int, int, int]],
) -> None:
    kept, clock = cache()

    for key, n_bytes, lasts_s in puts:
        clock.now_s += 1
        kept.put(b"%d" % key, "v", n_bytes=n_bytes, expires_at_s=clock.now_s + lasts_s)
        assert kept.n_bytes <= 100
        is_there = n_bytes <= 100 and lasts_s > 0
        if is_there:
            assert kept.get(b"%d" % key) == "v"
