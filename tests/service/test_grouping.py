from tsfm_runner.service.grouping import chunks, grouped


def test_groups_keep_order_and_positions() -> None:
    groups = list(grouped(["a", "bb", "c", "dd"], len))

    assert groups == [(1, [0, 2], ["a", "c"]), (2, [1, 3], ["bb", "dd"])]


def test_chunks_hold_everything_once() -> None:
    assert list(chunks([1, 2, 3, 4, 5], 2)) == [[1, 2], [3, 4], [5]]
