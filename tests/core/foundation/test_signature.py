"""The signature of a model: names and numbers that others rely on."""

import numpy as np
import pytest

from tsfm_runner.core.foundation.signature import (
    ANCHOR_STEPS,
    CONTEXT_STEPS,
    FEATURES,
    N_FEATURES,
    NATIVE_LEVELS,
)


def test_every_feature_has_a_name_of_its_own() -> None:
    assert len(set(FEATURES)) == N_FEATURES == 54


def test_steps_ascend_from_the_first_to_as_many_as_the_context_has() -> None:
    assert ANCHOR_STEPS[0] == 1
    assert ANCHOR_STEPS[-1] == CONTEXT_STEPS
    assert (np.diff(ANCHOR_STEPS) > 0).all()


def test_levels_ascend_and_are_symmetric() -> None:
    levels = np.array(NATIVE_LEVELS)

    assert (np.diff(levels) > 0).all()
    assert levels + levels[::-1] == pytest.approx(np.ones(13))
