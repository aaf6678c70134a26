"""Too few events or moments are refused, and it is said how many are needed."""

import pytest
from tests.evaluation.recordings import make_markets

from tsfm_runner.config import Settings
from tsfm_runner.core.foundation.signature import N_FEATURES
from tsfm_runner.errors import UnreadableInputError
from tsfm_runner.learning.lessons import LEAST_STEPS, Lessons, lessons_of
from tsfm_runner.learning.simulated import SimulatedWindows

FEW = Settings.model_validate({"verdict": {"min_groups": 4}})


def lessons(n_markets: int = 60, n_points: int = 60) -> Lessons:
    return lessons_of(make_markets(n_markets, n_points=n_points), FEW)


def test_too_few_events_are_counted() -> None:
    with pytest.raises(
        UnreadableInputError, match=r"of 10 events \d are held out .* about 100 events"
    ):
        lessons_of(make_markets(20), Settings())


def test_too_few_moments_are_counted() -> None:
    with pytest.raises(
        UnreadableInputError, match=r"there are \d{2,3} moments .* 1,000 are needed"
    ):
        lessons(n_points=15)


def test_markets_of_single_prices_teach_nothing() -> None:
    with pytest.raises(UnreadableInputError, match="nothing can be learned: no market"):
        lessons(n_points=1)


def test_watched_moments_are_of_events_that_teach_nothing() -> None:
    found = lessons()

    [batch] = found.watched
    groups = [{market.group for market in part} for part in found.parts]
    assert batch.features.shape == (min(len(batch.scale), 2_048), N_FEATURES)
    assert not groups[0] & groups[1]
    assert not groups[2] & (groups[0] | groups[1])


def test_recorded_and_simulated_windows_are_mixed_six_to_four() -> None:
    found = lessons()

    recipe = found.recipe(seed=3)

    assert [share for _, share in recipe.sources] == pytest.approx([0.6, 0.4])
    assert recipe.sources[0][0] is found.taught
    assert isinstance(recipe.sources[1][0], SimulatedWindows)


def test_a_training_goes_through_its_moments_a_few_times() -> None:
    found = lessons()

    assert found.n_steps == LEAST_STEPS
    assert found._replace(taught=_Long(found.taught)).n_steps == 1_953  # type: ignore[arg-type]


class _Long:
    def __init__(self, _: object) -> None:
        pass

    def __len__(self) -> int:
        return 100_000
