"""The fast way to read a body, held against the schema: never more, never other."""

import json
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.api.broken_requests import BROKEN
from tests.api.test_accepted_requests import ACCEPTED
from tests.api.wire import AS_OF, a_request, prices

from tsfm_runner.api.decode import parse_json
from tsfm_runner.api.problems import Problem, ProblemError
from tsfm_runner.api.schemas import EXAMPLE_REQUEST
from tsfm_runner.api.translate import read_lean_task, read_task
from tsfm_runner.config import TaskConfig
from tsfm_runner.domain.task import ForecastTask

DEFAULTS = TaskConfig()

# What clients write, as the text of JSON.
USUAL: dict[str, list[str]] = {
    "market_id": ['"rain"', '"é\U0001f327"', '"a b"', f'"{"m" * 256}"', '"null"'],
    "as_of_ts": [
        f'"{AS_OF}"',
        '"2026-02-20T21:00:00+09:00"',
        '"2026-02-20 12:00:00.123456789z"',
        '"1971-01-01T00:00:00-23:59"',
    ],
    "y": [
        "[0.4,0.41,0.43]",
        "[0, 1]",
        "[null, 0.5, null]",
        "[1e-300, 1E-2, 9.9e-1, 0.1000000000000000055511151231257827]",
        "[-0.0, -0, 0e5, 1.0]",
        json.dumps(prices(60)),
    ],
    "freq": ['"5m"', '"1h"', '"PT5M"', '"1440m"', '"D"'],
    "horizon_steps": ["1", "12", "288"],
    "quantiles": ["[0.1,0.5,0.9]", "[0.9, 0.1]", "[0.001]", "[5e-1]"],
    "transform": ["{}", '{"space":"identity"}', '{"eps":1e-9, "space":"logit"}'],
    "model": ["{}", '{"provider":"baseline","model_name":"har"}'],
    "liquidity_bucket": ['"low"', '"mid"'],
    "category": ['"weather"', '"気象"'],
    "event_id": ['"storm"'],
    "closes_at": [f'"{AS_OF}"', '"2026-02-21T00:00:00+09:00"'],
    "tte_seconds": ["0", "60", "1e10", "0.5"],
    "tick_size": ["0.01", "0.5"],
    "max_gap_minutes": ["60", "1e6"],
}
REQUIRED = ("market_id", "as_of_ts", "y")
# What they write when something went wrong, and what is rare.
ODD = (
    *("null", "true", "false", '""', '"5"', "[]", "{}", "[[]]", "[{}]", '{"a":1}'),
    *("0", "1", "-1", "12.0", "1e1", "0.5", "1e400", "-1e400", "1e-400", "NaN"),
    *("Infinity", "-Infinity", "01", "1.", ".5", "+1", "0x1", "9" * 400, "5" * 5_000),
    *("18446744073709551616", "-9223372036854775809", "1.7976931348623159e308"),
    *("[0.5]", "[0.5,2]", "[0.5,true]", '["0.5",1]', "[0.5,NaN]", "[0.5,[0.5]]"),
    *("[0.5,0.5]", "[0.5,5e-1]", "[null,null]", "[0.5,0.5,]", "[1e-4,0.5]", "[80]"),
    *(f'"{"m" * 257}"', '"a\x00b"', '"a\nb"', '"\x7f"', '"\\u0061"', '"\\ud800"'),
    *('"\\"', '"a"b"', "'a'", '"5 m"', '"5M"', '"\u0665m"', '"30s"', '"2d"', '"P"'),
    *('"2026-02-20T12:00:00"', '"2026-02-30T12:00:00Z"', '"1970-12-31T23:59:59Z"'),
    *('"2026-02-20T12:00:00+24:00"', '"2026-02-20t12:00:60z"', '"3000-01-01"'),
    *('"logit"', '{"space":"log"}', '{"eps":0.5}', '{"eps":1e-13}', '{"eps":true}'),
    *('{"space":"logit","space":"identity"}', '{"eps":null}', '{"Eps":0.1}'),
    *('{"params":{"a":1}}', '{"params":null}', '{"params":{}}', '{"name":"x"}'),
    *('{"model_name":""}', '{"model_version":2}', '{"provider":"openai"}'),
    *("[1771588200,1771588500,1771588800]", '{"a":[1,2,3]}'),
    *("// x", "/**/1", "", " "),
)
RARE = ("level", "y_ts", "x_past", "x_future")
UNKNOWN = ("", "Y", "horizon", "y ", "\\u0079", "mark\\u0065t_id", "é")
SPACES = ("", " ", "\n  ", "\t", "\r\n")
NO_SPACES = ("\x0b", "\x0c", "\xa0", "\ufeff", "\x00", ",")


class Member(NamedTuple):
    """A key and its value, both as text."""

    key: str
    value: str


def member(keys: tuple[str, ...], *, odd: bool = False) -> st.SearchStrategy[Member]:
    return st.sampled_from(keys).flatmap(
        lambda key: st.builds(
            Member, st.just(key), st.sampled_from(ODD if odd else USUAL[key])
        )
    )


def rendered(members: list[Member], space: str) -> bytes:
    inner = f"{space},{space}".join(
        f'"{one.key}"{space}:{space}{one.value}' for one in members
    )
    return f"{space}{{{space}{inner}{space}}}{space}".encode("utf-8", "surrogatepass")


@st.composite
def usual_bodies(draw: st.DrawFn) -> bytes:
    """Return bodies that hold what they need, and a few more fields."""
    optional = [key for key in USUAL if key not in (*REQUIRED, "tte_seconds")]
    chosen = draw(st.lists(st.sampled_from(optional), unique=True, max_size=6))
    fields = draw(st.permutations([*REQUIRED, *chosen]))
    members = [draw(member((key,))) for key in fields]
    return rendered(members, draw(st.sampled_from(SPACES)))


@st.composite
def nearly_valid_bodies(draw: st.DrawFn) -> bytes:
    """Return bodies with one to three things that are odd, wrong or only rare."""
    members = [draw(member((key,))) for key in REQUIRED]
    members += draw(st.lists(member(tuple(USUAL)), max_size=3))
    for _ in range(draw(st.integers(0, 2))):
        changed = draw(member((*USUAL, *RARE, *UNKNOWN), odd=True))
        place = draw(st.integers(0, len(members)))
        if draw(st.booleans()):  # in the place of what stands there
            members = [one for one in members if one.key != changed.key]
        members.insert(place, changed)
    if draw(st.integers(0, 9)) == 0:
        del members[draw(st.integers(0, len(members) - 1))]
    odd_space = draw(st.integers(0, 9)) == 0
    body = rendered(members, draw(st.sampled_from(NO_SPACES if odd_space else SPACES)))
    return draw(st.one_of(st.just(body), edited(body)))


def edited(body: bytes) -> st.SearchStrategy[bytes]:
    """Return the body with a few of its bytes replaced by others."""
    return st.builds(
        lambda start, length, put: body[:start] + put + body[start + length :],
        st.integers(0, len(body)),
        st.integers(0, 3),
        st.one_of(
            st.binary(max_size=2),
            st.sampled_from([b'"', b"\\", b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"{"]),
        ),
    )


def by_schema(body: bytes) -> ForecastTask | Problem:
    try:
        return read_task(parse_json(body), DEFAULTS)
    except ProblemError as failure:
        return failure.problem


def told(task: ForecastTask) -> dict[str, Any]:
    """Return every field of a task in a form that can be compared."""
    fields = {name: getattr(task, name) for name in ForecastTask.__slots__}
    for name in ("context", "times_s"):
        fields[name] = None if fields[name] is None else _exact(fields[name])
    for name in ("past_covariates", "future_covariates"):
        fields[name] = {key: _exact(column) for key, column in fields[name].items()}
    times = (task.cutoff, task.facts.closes_at)
    return fields | {"zones": [time and time.isoformat() for time in times]}


def _exact(array: np.ndarray) -> tuple[str, list[str]]:
    return array.dtype.str, [repr(value + 0.0) for value in array.tolist()]


def assert_agreed(body: bytes) -> None:
    lean = read_lean_task(body, DEFAULTS)

    if lean is not None:
        slow = by_schema(body)
        assert isinstance(slow, ForecastTask), (body, slow)
        assert told(lean) == told(slow)


@given(body=nearly_valid_bodies())
@settings(max_examples=500)
@example(body=b"")
@example(body=b"null")
@example(body=json.dumps(a_request()).encode("utf-16"))
@example(body=b"\xef\xbb\xbf" + json.dumps(a_request()).encode())
@example(body=b"[" * 100_000)
def test_what_the_fast_way_reads_the_schema_reads_the_same(body: bytes) -> None:
    assert_agreed(body)


@given(body=usual_bodies())
@settings(max_examples=300)
def test_usual_bodies_are_read_the_fast_way_and_alike(body: bytes) -> None:
    assert read_lean_task(body, DEFAULTS) is not None
    assert_agreed(body)


@pytest.mark.parametrize("key", [*USUAL, *RARE])
def test_odd_values_are_left_to_the_schema_or_read_alike(key: str) -> None:
    members = [Member(name, USUAL[name][0]) for name in REQUIRED if name != key]

    for value in ODD:
        assert_agreed(rendered([*members, Member(key, value)], ""))


@pytest.mark.parametrize("key", USUAL)
def test_key_that_stands_twice_is_left_to_the_schema(key: str) -> None:
    members = [Member(name, USUAL[name][0]) for name in {*REQUIRED, key}]

    for value in (*USUAL[key], *ODD):
        for body in (
            rendered([*members, Member(key, value)], ""),
            rendered([Member(key, value), *members], ""),
        ):
            assert read_lean_task(body, DEFAULTS) is None, body


@pytest.mark.parametrize(
    "fields",
    [*(row[0] for row in BROKEN.values()), *ACCEPTED.values()],
    ids=[*BROKEN, *ACCEPTED],
)
def test_request_at_a_limit_or_past_it_is_left_to_the_schema_or_read_alike(
    fields: dict[str, Any],
) -> None:
    assert_agreed(json.dumps(a_request(**fields), ensure_ascii=False).encode())


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_documented_example_is_read_the_fast_way(
    indent: int | None, separators: tuple[str, str]
) -> None:
    body = json.dumps(EXAMPLE_REQUEST, indent=indent, separators=separators)

    assert read_lean_task(body.encode(), DEFAULTS) is not None


def test_defaults_are_those_of_the_settings() -> None:
    defaults = TaskConfig(
        freq="1h", horizon=3, quantile_levels=(0.25,), space="identity", eps=0.01
    )
    body = json.dumps(a_request()).encode()

    lean = read_lean_task(body, defaults)
    slow = read_task(parse_json(body), defaults)

    assert lean is not None
    assert isinstance(slow, ForecastTask)
    assert told(lean) == told(slow)
    assert (lean.horizon, lean.quantile_levels) == (3, (0.25,))
