"""What a runtime is told of those who share a call."""

from tsfm_runner.domain.asker import MAX_ID_CHARACTERS, NOBODY, Asker, joined_ids


def test_each_request_is_named_once_in_order() -> None:
    askers = [Asker("b"), Asker("a"), NOBODY, Asker("b", "00-trace")]

    assert joined_ids(askers) == "b,a"


def test_without_requests_there_is_no_name() -> None:
    assert not joined_ids([NOBODY, NOBODY])


def test_a_call_of_64_requests_with_ids_of_ours_names_them_all() -> None:
    ids = [f"{number:032x}" for number in range(60)]

    assert joined_ids(map(Asker, ids)).split(",") == ids


def test_names_stop_where_a_header_would_grow_too_long() -> None:
    ids = [f"{number:0128d}" for number in range(64)]

    joined = joined_ids(map(Asker, ids))

    assert len(joined) <= MAX_ID_CHARACTERS
    assert joined.split(",") == ids[:15]
