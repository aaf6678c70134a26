"""Request documents come one by one, whatever they were wrapped in."""

import json

import pytest

from tsfm_runner.adapters.files.documents import RequestDocument, split_requests
from tsfm_runner.adapters.files.series import SkippedMarket
from tsfm_runner.errors import UnreadableInputError

ONE, TWO = {"market_id": "a"}, {"market_id": "b"}


def _bodies(content: str) -> list[object]:
    return [
        item.body if isinstance(item, RequestDocument) else item
        for item in split_requests(content.encode())
    ]


@pytest.mark.parametrize(
    ("content", "bodies"),
    [
        (json.dumps(ONE), [ONE]),
        (json.dumps([ONE, TWO], indent=2), [ONE, TWO]),
        (json.dumps({"requests": [ONE, TWO]}), [ONE, TWO]),
        (f"{json.dumps(ONE)}\n\n{json.dumps(TWO)}\r\n", [ONE, TWO]),
        (f"{json.dumps([ONE])}\n{json.dumps({'requests': [TWO]})}", [ONE, TWO]),
        ("[]", []),
    ],
)
def test_requests_are_found_in_every_wrapping(
    content: str, bodies: list[object]
) -> None:
    assert _bodies(content) == bodies


def test_a_bad_line_costs_itself_alone() -> None:
    first, bad, number, last = _bodies(
        f"{json.dumps(ONE)}\n{{oops\n42\n{json.dumps(TWO)}"
    )

    assert (first, last) == (ONE, TWO)
    assert isinstance(bad, SkippedMarket)
    assert bad.market_id == "line 2"
    assert bad.reason.startswith("no JSON: ")
    assert number == SkippedMarket("line 3", "a request must be a JSON object")


def test_a_bad_item_of_a_list_is_named_by_its_place() -> None:
    _, bad = _bodies(json.dumps([ONE, 42]))

    assert bad == SkippedMarket("request 2", "a request must be a JSON object")


def test_nesting_without_end_is_a_bad_line() -> None:
    (bad,) = _bodies("[" * 100_000)

    assert isinstance(bad, SkippedMarket)


@pytest.mark.parametrize("content", ["", " \n\t\n"])
def test_nothing_to_read_is_refused(content: str) -> None:
    with pytest.raises(UnreadableInputError, match="the input is empty"):
        _bodies(content)
