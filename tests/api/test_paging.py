"""A cursor stands for one place, and nothing else is a cursor."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsfm_runner.api.paging import cursor_of, place_of, places_of


@given(place=st.integers(0, 2**63 - 1))
def test_cursor_leads_back_to_its_place(place: int) -> None:
    assert place_of(cursor_of(place)) == place


@given(places=st.lists(st.integers(0, 2**63 - 1), min_size=2, max_size=3))
def test_a_cursor_may_lead_to_several_places(places: list[int]) -> None:
    assert list(places_of(cursor_of(*places), len(places))) == places
    with pytest.raises(ValueError, match="must be the next_cursor"):
        places_of(cursor_of(*places), len(places) - 1)


@given(text=st.text(max_size=8))
def test_other_text_is_refused_or_is_the_cursor_of_its_place(text: str) -> None:
    with suppress(ValueError):
        assert cursor_of(place_of(text)) == text


@pytest.mark.parametrize("place", [-1, 2**63])
def test_places_that_no_cursor_leads_to_are_refused(place: int) -> None:
    with pytest.raises(ValueError, match="must be the next_cursor"):
        place_of(cursor_of(place))
