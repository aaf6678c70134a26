import numpy as np
import pytest
from tests.service.builders import prepared

from tsfm_runner.config import BandConfig
from tsfm_runner.service.finishing import at_levels, finish
from tsfm_runner.service.predicting import RawBand
from tsfm_runner.service.preparing import PreparedTask

JUMPY = np.where(np.arange(60) % 2, 0.4, 0.6)
CALM = np.full(60, 0.5)


def raw(*rows: list[float]) -> RawBand:
    return RawBand(np.array(rows), {}, (), 1)


def finished(
    task: PreparedTask, band: RawBand, **fields: float
) -> tuple[np.ndarray, tuple[str, ...]]:
    [result] = finish([(task, band)], BandConfig(**fields))
    return result.values, result.warnings


def test_only_the_levels_asked_for_are_served() -> None:
    task = prepared(quantile_levels=(0.05, 0.95), horizon=1)

    values, warnings = finished(task, raw([0.2, 0.3, 0.5, 0.7, 0.8]))

    assert values.tolist() == [[0.2, 0.3, 0.5, 0.7, 0.8]]
    assert at_levels(values, task).tolist() == [[0.2, 0.8]]
    assert warnings == ()


def test_crossing_quantiles_are_put_in_order_with_a_warning() -> None:
    values, warnings = finished(prepared(horizon=1), raw([0.8, 0.5, 0.2]))

    assert values.tolist() == [[0.2, 0.5, 0.8]]
    assert warnings == ("quantiles_rearranged",)


def test_steps_whose_quantiles_crossed_are_counted() -> None:
    band = raw([0.8, 0.5, 0.2], [0.2, 0.5, 0.8], [0.2, 0.8, 0.5])

    [result] = finish([(prepared(), band)], BandConfig())

    assert result.n_crossings == 2


def test_what_is_served_holds_no_memory_of_other_markets() -> None:
    bands = [raw([0.2, 0.5, 0.8]) for _ in range(9)]

    results = finish([(prepared(horizon=1), band) for band in bands], BandConfig())
    some = prepared(horizon=1, quantile_levels=(0.1, 0.9))
    levels = [at_levels(result.values, prepared(horizon=1)) for result in results]
    levels += [at_levels(result.values, some) for result in results]

    assert all(
        values.base is None or values.base.nbytes == values.nbytes for values in levels
    )


def test_a_narrow_band_of_a_jumpy_market_is_widened() -> None:
    values, warnings = finished(prepared(JUMPY, horizon=1), raw([0.5, 0.5, 0.5]))

    assert values[0] == pytest.approx([0.49, 0.5, 0.51])
    assert warnings == ("band_widened_to_min_width",)


def test_a_narrow_band_of_a_calm_market_is_left_alone() -> None:
    values, warnings = finished(prepared(CALM, horizon=1), raw([0.5, 0.5, 0.5]))

    assert values.tolist() == [[0.5, 0.5, 0.5]]
    assert warnings == ()


def test_a_wide_band_is_clamped() -> None:
    values, warnings = finished(prepared(horizon=1), raw([-1, 0.5, 2]))

    assert values[0] == pytest.approx([0.05, 0.5, 0.95])
    assert warnings == ("band_clamped_to_max_width",)


@pytest.mark.parametrize(
    ("fields", "width"),
    [({"min_width": 0.1}, 0.1), ({"jumpy_move": 0.3}, 0.0)],
)
def test_the_least_width_and_what_is_jumpy_are_configurable(
    fields: dict[str, float], width: float
) -> None:
    values, _ = finished(prepared(JUMPY, horizon=1), raw([0.5, 0.5, 0.5]), **fields)

    assert np.ptp(values) == pytest.approx(width)


def test_the_greatest_width_is_configurable() -> None:
    values, _ = finished(prepared(horizon=1), raw([0.0, 0.5, 1.0]), max_width=0.5)

    assert np.ptp(values) == pytest.approx(0.5)


def test_bands_of_several_shapes_come_back_in_order() -> None:
    one, two = prepared(horizon=1), prepared(horizon=2)
    low, high = [0.1, 0.2, 0.3], [0.6, 0.7, 0.8]

    results = finish(
        [(one, raw(low)), (two, raw(high, high)), (one, raw(high))], BandConfig()
    )

    values = [result.values.tolist() for result in results]
    assert values == [[low], [high, high], [high]]


def test_how_many_jumps_make_a_market_jumpy_is_configurable() -> None:
    one_jump = np.r_[np.full(40, 0.5), np.full(20, 0.6)]

    often, rarely = (
        finished(prepared(one_jump, horizon=1), raw([0.6, 0.6, 0.6]), jumpy_share=share)
        for share in (0.01, 0.5)
    )

    assert (np.ptp(often[0]), np.ptp(rarely[0])) == (pytest.approx(0.02), 0)
