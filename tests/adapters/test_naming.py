from tsfm_runner.adapters.naming import unique_names


def test_every_name_is_new_and_has_thirty_two_hexadecimal_digits() -> None:
    name = unique_names()

    names = [name() for _ in range(1_000)]

    assert len(set(names)) == 1_000
    assert {len(each) for each in names} == {32}
    assert all(int(each, 16) for each in names)


def test_two_who_give_names_do_not_meet() -> None:
    ours, theirs = unique_names(), unique_names()

    assert {ours() for _ in range(100)}.isdisjoint({theirs() for _ in range(100)})
