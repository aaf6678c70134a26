"""Widths are written as people write them, and read off the weights again."""

import numpy as np
import pytest

from tsfm_runner.learning.shape import MEDIAN, N_LEVELS, NetworkShape, level_ladder


def test_what_is_not_named_keeps_its_default() -> None:
    shape = NetworkShape.from_text("width=256,n_blocks=3")

    assert shape == NetworkShape(width=256, n_blocks=3)
    assert NetworkShape.from_text("") == NetworkShape()


@pytest.mark.parametrize("text", ["height=3", "width", "width=0", "width=-1", "=2"])
def test_a_shape_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not NAME=NUMBER of first_channels"):
        NetworkShape.from_text(text)


def test_the_pyramid_ends_with_five_steps() -> None:
    shape = NetworkShape(channels=10)

    assert shape.channel_counts == (3, 32, 10, 10, 10)
    assert shape.parts[1:] == (50, 72, 10)


def test_levels_are_cumulated_gaps_away_from_the_median() -> None:
    gaps = np.arange(1.0, N_LEVELS)

    apart = gaps @ level_ladder()

    assert apart[MEDIAN] == 0
    assert np.diff(apart).tolist() == gaps.tolist()
