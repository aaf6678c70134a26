"""A batch is taken apart in one pass where that cannot be wrong, else with care."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsfm_runner.api.batch import split_batch
from tsfm_runner.api.problems import ProblemError

_texts = st.one_of(
    st.text(max_size=5), st.sampled_from(["requests", '"requests"', "\\", "é"])
)
_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(0, 1), _texts),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(_texts, inner, max_size=3)
    ),
    max_leaves=8,
)
_spaces = st.sampled_from([None, 0, 1])


@given(
    items=st.lists(_values, min_size=1, max_size=5), indent=_spaces, raw=st.booleans()
)
def test_parts_mean_what_the_whole_says(
    items: list[object], indent: int | None, *, raw: bool
) -> None:
    body = json.dumps({"requests": items}, indent=indent, ensure_ascii=not raw)

    parts = split_batch(body.encode("utf-8", "surrogatepass"))

    assert [json.loads(part) for part in parts] == items


@pytest.mark.parametrize(
    "body",
    [
        b'{"requests":[1],"requests":[2]}',
        b'{"requests":[1],"r\\u0065quests":[2]}',
        b'{"requests":[1],"other":[2]}',
        b'{"requests":[]}',
        b'{"requests":[' + b"1," * 1_000 + b"1]}",
        b'{"requests":[1]} {}',
        b'{"requests":[1',
        b'[{"requests":[1]}]',
        b'{"requests":[\xff]}',
    ],
)
def test_what_is_no_batch_is_refused(body: bytes) -> None:
    with pytest.raises(ProblemError):
        split_batch(body)


def test_a_key_of_the_envelope_inside_an_item_is_of_no_matter() -> None:
    body = b'{"requests":[{"requests":[1]},{"market_id":"requests"}]}'

    parts = split_batch(body)

    assert [json.loads(part) for part in parts] == [
        {"requests": [1]},
        {"market_id": "requests"},
    ]
