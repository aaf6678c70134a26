"""What an expression names is found, and what cannot be read is refused."""

import pytest
from tests.monitoring.promql import Matcher, Query, Selector, read_query


@pytest.mark.parametrize(
    ("expression", "names", "grouping"),
    [
        ("a", ["a"], set()),
        ('sum by (x, y) (rate(a{k="v"}[5m])) / b', ["a", "b"], {"x", "y"}),
        ("sum(a) by (x)", ["a"], {"x"}),
        ("a / on (x) group_left () b offset 5m", ["a", "b"], {"x"}),
        ("a and b unless c or d > bool 1e3", ["a", "b", "c", "d"], set()),
        ("time() - a @ 12", ["a"], set()),
        ("quantile_over_time(0.9, a[1h:5m])", ["a"], set()),
    ],
)
def test_series_and_label_lists_are_found(
    expression: str, names: list[str], grouping: set[str]
) -> None:
    query = read_query(expression)

    assert [one.name for one in query.selectors] == names
    assert query.grouping == grouping


def test_matchers_are_found() -> None:
    query = read_query('a{k="v",other=~"x|y", third!="(}"}')

    matchers = (
        Matcher("k", "=", "v"),
        Matcher("other", "=~", "x|y"),
        Matcher("third", "!=", "(}"),
    )
    assert query == Query((Selector("a", matchers),), frozenset())
    assert matchers[1].alternatives() == ["x", "y"]


def test_what_cannot_be_read_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be read from here"):
        read_query("a ? b")
