"""Bodies that a hostile or broken client sends: a problem, never an error of ours."""

import gzip
import json
import tracemalloc
from collections.abc import Callable

import pytest
from starlette.testclient import TestClient
from tests.api.wire import BATCH, FORECAST, Json, a_request, assert_problem

_MIB = 1024**2
_DEPTH = 100_000
_MANY = 10_000_000


def _with(member: str) -> bytes:
    """Return a good request with one member, as text, put at its end."""
    return (json.dumps(a_request())[:-1] + f", {member}}}").encode()


def _replaced(field: str, value: str) -> bytes:
    """Return a good request with the text of one value replaced."""
    marked = json.dumps(a_request(**{field: "HERE"}))
    return marked.replace('"HERE"', value).encode()


def _in_batch(request: bytes) -> bytes:
    return b'{"requests": [' + request + b"]}"


_NESTED = "[" * _DEPTH + "]" * _DEPTH

NOT_JSON: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "blank": lambda: b" \n",
    "cut short": lambda: json.dumps(a_request()).encode()[:-1],
    "more after the end": lambda: json.dumps(a_request()).encode() + b"{}",
    "single quotes": lambda: b"{'market_id': 'm'}",
    "trailing comma": lambda: b'{"market_id": "m",}',
    "comment": lambda: b'{"market_id": "m" /* why */}',
    "control character": lambda: b'{"market_id": "a\nb"}',
    "NaN": lambda: _replaced("y", "[0.5, NaN]"),
    "Infinity": lambda: _replaced("y", "[0.5, Infinity]"),
    "-Infinity": lambda: _replaced("y", "[0.5, -Infinity]"),
    "leading zero": lambda: _replaced("y", "[00.5, 1]"),
    "whole number of 5,000 digits": lambda: _with(f'"tte_seconds": {"1" * 5_000}'),
    "byte order mark": lambda: b"\xef\xbb\xbf" + json.dumps(a_request()).encode(),
    "UTF-16": lambda: json.dumps(a_request()).encode("utf-16"),
    "UTF-32": lambda: json.dumps(a_request()).encode("utf-32"),
    "invalid UTF-8": lambda: b'{"market_id": "\xff"}',
    "overlong UTF-8": lambda: b'{"market_id": "\xc0\xaf"}',
    "surrogate in UTF-8": lambda: b'{"market_id": "\xed\xa0\x80"}',
    "gzip": lambda: gzip.compress(json.dumps(a_request()).encode()),
    "key twice": lambda: _with('"market_id": "other"'),
    "key twice, escaped": lambda: _with(r'"mark\u0065t_id": "other"'),
    "key twice, nested": lambda: _with('"transform": {"eps": 0.1, "eps": 0.2}'),
    "key twice in params": lambda: _with('"model": {"params": {"a": 1, "a": 1}}'),
    "brackets": lambda: b"[" * _DEPTH,
    "brackets, closed": _NESTED.encode,
    "braces": lambda: b'{"a":' * _DEPTH,
    "brackets in params": lambda: _with(f'"model": {{"params": {{"a": {_NESTED}}}}}'),
    "brackets in an unknown key": lambda: _with(f'"unknown": {_NESTED}'),
    "brackets in y": lambda: _replaced("y", _NESTED),
}
BROKEN: dict[str, Callable[[], bytes]] = {
    "null": lambda: b"null",
    "array": lambda: b"[]",
    "array of a request": lambda: b"[" + json.dumps(a_request()).encode() + b"]",
    "text": lambda: b'"market"',
    "number": lambda: b"7",
    "1e400 in y": lambda: _replaced("y", "[0.5, 1e400]"),
    "1e400 in y_ts": lambda: _replaced("y_ts", "[1, 2, 1e400]"),
    "1e400 in x_past": lambda: _replaced("x_past", '{"a": [1, 2, 1e400]}'),
    "1e400 in params": lambda: _with('"model": {"params": {"a": [-1e400]}}'),
    "1e400 seconds": lambda: _with('"tte_seconds": 1e400'),
    "-0.1 in y": lambda: _replaced("y", "[0.5, -0.1]"),
    "4,000 digits in y": lambda: _replaced("y", f"[0.5, {'9' * 4_000}]"),
    "4,000 digits in y_ts": lambda: _replaced("y_ts", f"[1, 2, {'9' * 4_000}]"),
    "4,000 digits of steps": lambda: _with(f'"horizon_steps": {"9" * 4_000}'),
    "4,000 digits in params": lambda: _with(
        f'"model": {{"params": {{"a": -{"9" * 4_000}}}}}'
    ),
    "4,000,000 digits": lambda: _with(f'"tick_size": {"9" * 4_000_000}.0'),
    "half of a pair in a name": lambda: _replaced("market_id", r'"\ud800"'),
    "half of a pair in freq": lambda: _with(r'"freq": "\udc00"'),
    "half of a pair in a time": lambda: _replaced("as_of_ts", r'"\ud800"'),
    "half of a pair as a key": lambda: _with(r'"\ud800": 1'),
    "half of a pair in x_past": lambda: _with(r'"x_past": {"\ud800": [1, 2, 3]}'),
    "half of a pair in params": lambda: _with(r'"model": {"params": {"a": "\ud800"}}'),
    "half of a pair as a param": lambda: _with(r'"model": {"params": {"\ud800": 1}}'),
    "half of a pair, deep": lambda: _with(r'"model": {"params": {"a": {"\ud800": 1}}}'),
    "key of a million characters": lambda: _with(f'"{"k" * 1_000_000}": 1'),
    "text of a million characters": lambda: _replaced("y", f'"{"k" * 1_000_000}"'),
    "900 brackets in an unknown key": lambda: _with(f'"k": {"[" * 900}{"]" * 900}'),
    "199,000 wrong values": lambda: _replaced("y", json.dumps(["a"] * 199_000)),
    "399,000 right values": lambda: _replaced("y", json.dumps([0.5] * 399_000)),
    "199,000 wrong levels": lambda: _with(
        f'"quantiles": {json.dumps(["a"] * 199_000)}'
    ),
}
TOO_LARGE: dict[str, Callable[[], bytes]] = {
    "10 million numbers": lambda: b"[" + b"0," * (_MANY - 1) + b"0]",
    "10 million numbers in y": lambda: _replaced("y", f"[{'0,' * (_MANY - 1)}0]"),
    "10 million empty lists": lambda: b"[" + b"[]," * (_MANY - 1) + b"[]]",
    "101 keys": lambda: json.dumps({f"k{key}": key for key in range(101)}).encode(),
}


@pytest.mark.parametrize("route", [FORECAST, BATCH])
@pytest.mark.parametrize("make", NOT_JSON.values(), ids=NOT_JSON)
def test_body_that_is_no_json_is_a_400(
    client: TestClient, route: str, make: Callable[[], bytes]
) -> None:
    response = client.post(route, content=make())

    problem = assert_problem(response, 400, "invalid_json")
    assert len(response.content) < 1_000
    assert "sys." not in problem["detail"]


@pytest.mark.parametrize("name", sorted(NOT_JSON.keys() - {"empty", "blank"}))
def test_item_that_is_no_json_makes_the_whole_batch_a_400(
    client: TestClient, name: str
) -> None:
    response = client.post(BATCH, content=_in_batch(NOT_JSON[name]()))

    assert_problem(response, 400, "invalid_json")


@pytest.mark.parametrize("make", BROKEN.values(), ids=BROKEN)
def test_json_that_is_no_request_is_a_422(
    client: TestClient, make: Callable[[], bytes]
) -> None:
    response = client.post(FORECAST, content=make())

    assert assert_problem(response, 422, "invalid_request")["errors"]
    assert len(response.content) < 2_000


@pytest.mark.parametrize("make", BROKEN.values(), ids=BROKEN)
def test_item_that_is_no_request_is_a_problem_of_its_own(
    client: TestClient, make: Callable[[], bytes]
) -> None:
    good = json.dumps(a_request()).encode()

    response = client.post(BATCH, content=_in_batch(make() + b"," + good))

    assert response.status_code == 200, response.text
    broken, answered = response.json()["results"]
    assert broken["error"]["status"] == 422
    assert broken["error"]["errors"]
    assert answered["result"]["market_id"] == "rain"


@pytest.mark.parametrize("route", [FORECAST, BATCH])
@pytest.mark.parametrize("make", TOO_LARGE.values(), ids=TOO_LARGE)
def test_body_of_too_much_is_a_413(
    client: TestClient, route: str, make: Callable[[], bytes]
) -> None:
    response = client.post(route, content=make())

    assert_problem(response, 413, "payload_too_large")


@pytest.mark.parametrize(
    ("route", "make"),
    [
        (FORECAST, TOO_LARGE["10 million numbers in y"]),
        (BATCH, TOO_LARGE["10 million numbers"]),
        (BATCH, TOO_LARGE["10 million empty lists"]),
        (FORECAST, NOT_JSON["brackets in params"]),
        (FORECAST, BROKEN["199,000 wrong values"]),
        (FORECAST, BROKEN["399,000 right values"]),
        (FORECAST, BROKEN["4,000,000 digits"]),
        (BATCH, lambda: _in_batch(_wrong_everywhere())),
    ],
)
def test_refusal_takes_little_more_memory_than_the_body(
    client: TestClient, route: str, make: Callable[[], bytes]
) -> None:
    body = make()
    tracemalloc.start()

    try:
        client.post(route, content=body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 4 * len(body) + 64 * _MIB


def _wrong_everywhere() -> bytes:
    """Return 500 requests of 2,000 wrong values each."""
    return b",".join([_replaced("y", json.dumps(["a"] * 2_000))] * 500)


def test_many_wrong_values_in_a_batch_are_told_briefly(client: TestClient) -> None:
    body = _in_batch(_wrong_everywhere())

    response = client.post(BATCH, content=body)

    errors: list[Json] = [item["error"] for item in response.json()["results"]]
    assert len(errors) == 500
    assert all(len(error["errors"]) == 1 for error in errors)


@pytest.mark.parametrize(
    ("declared", "status"),
    [("9" * 5_000, 413), ("4194305", 413), ("0" * 5_000, 200), ("abc", 200)],
)
def test_declared_length_is_believed_only_when_it_is_too_much(
    client: TestClient, declared: str, status: int
) -> None:
    body = json.dumps(a_request()).encode()

    response = client.post(FORECAST, content=body, headers={"Content-Length": declared})

    assert response.status_code == status


def test_type_of_the_content_does_not_matter(client: TestClient) -> None:
    body = json.dumps(a_request()).encode()

    response = client.post(
        FORECAST, content=body, headers={"Content-Type": "text/plain"}
    )

    assert response.status_code == 200


def test_body_of_exactly_the_limit_is_read(client: TestClient) -> None:
    body = json.dumps(a_request()).encode().ljust(4 * _MIB)

    at_limit = client.post(FORECAST, content=body)
    above = client.post(FORECAST, content=body + b" ")

    assert at_limit.status_code == 200
    assert_problem(above, 413, "payload_too_large")
