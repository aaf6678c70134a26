import pytest

from tsfm_runner.domain.model import Capabilities
from tsfm_runner.service.levels import levels_to_ask, quantile_sources

DECILES = (0.1, 0.5, 0.9)


@pytest.mark.parametrize(
    ("levels", "asked"),
    [
        ((0.1, 0.5), (0.1, 0.5)),
        ((0.12345, 0.5), (0.1234, 0.1235, 0.5)),
        ((0.001, 0.999), (0.001, 0.999)),
    ],
)
def test_a_model_for_any_level_is_asked_for_canonical_decimals(
    levels: tuple[float, ...], asked: tuple[float, ...]
) -> None:
    assert levels_to_ask(levels, Capabilities()) == asked


def test_a_model_with_a_list_is_asked_for_all_of_it() -> None:
    assert levels_to_ask((0.05,), Capabilities(quantile_levels=DECILES)) == DECILES


def test_a_model_without_quantiles_is_asked_for_none() -> None:
    assert levels_to_ask((0.5,), Capabilities(quantile_levels="none")) == ()


def test_every_level_tells_how_it_came_about() -> None:
    assert quantile_sources(DECILES, (0.05, 0.1, 0.3, 0.95)) == {
        0.05: "extrapolated",
        0.1: "native",
        0.3: "interpolated",
        0.95: "extrapolated",
    }
