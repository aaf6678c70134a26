"""What is drawn: cold starts, priors, any level, the target, nothing switched off."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes import FakeLedger
from tests.service.calibration.desk import SOON, Desk, cutoff_at, moment, walks

from tsfm_runner.core.conformal.scale import N_FEATURES
from tsfm_runner.core.conformal.sketch import N_BINS, bin_of
from tsfm_runner.domain.frequency import Frequency
from tsfm_runner.domain.task import MarketFacts
from tsfm_runner.service.calibration.priors import Prior

FLAT = np.full(30, 0.4)
BAND = (0.3, 0.4, 0.5)
ANY_LEVELS = tuple(round(level, 2) for level in np.arange(0.01, 1, 0.01).tolist())
PRICES = walks(4, 100, seed=20260701)
NOW = 90


def prior(n_cells: int = 2) -> Prior:
    """Return a prior whose scores are half of size one, half of nothing."""
    shares = np.zeros((n_cells, N_BINS))
    shares[:, 0] = shares[:, bin_of(np.array([1.0]))] = 0.5
    shape = (n_cells, N_FEATURES)
    return Prior(shares, np.zeros(shape), np.zeros((*shape, N_FEATURES)))


@pytest.fixture(scope="module")
def experienced() -> FakeLedger:
    desk = Desk(calibration=SOON)
    desk.replay(PRICES, range(30, NOW + 1), horizon=3)
    desk.snapshot()
    return desk.ledger


@pytest.fixture
def desk(experienced: FakeLedger) -> Desk:
    ledger = FakeLedger()
    ledger.append(experienced.entries)
    return Desk(calibration=SOON, ledger=ledger, now_s=moment(NOW))


def test_without_scores_a_raw_band_is_served_a_quarter_wider() -> None:
    [one] = Desk().ask(0, {"m": FLAT}, band=BAND)

    assert one.raw_values == pytest.approx(np.tile(BAND, (3, 1)))
    assert one.values == pytest.approx(np.tile([0.275, 0.4, 0.525], (3, 1)))
    certificate = one.certificate
    assert (certificate.status, certificate.band) == ("uncalibrated", "raw")
    assert (certificate.n, certificate.empirical_coverage) == (0, None)
    assert (certificate.coverage_interval, certificate.updated_at_s) == (None, None)
    assert certificate.target_coverage == 0.9
    assert (certificate.lower < 0.275).all()
    assert (certificate.upper > 0.525).all()


def test_a_wider_band_stays_within_bounds() -> None:
    [one] = Desk(calibration={"cold_widening": 9.0}).ask(0, {"m": FLAT}, band=BAND)

    assert one.values[0].tolist() == [0, 0.4, 1]
    assert one.certificate.lower.tolist() == [0, 0, 0]
    assert one.certificate.upper.tolist() == [1, 1, 1]


def test_with_a_prior_the_first_band_is_calibrated() -> None:
    desk = Desk(priors={"ewma": prior()})

    [one] = desk.ask(0, {"m": FLAT}, band=BAND, horizon=3)

    assert (one.certificate.status, one.certificate.band) == (
        "warming_up",
        "conformal",
    )
    assert not np.array_equal(one.values, one.raw_values)
    assert desk.calibrator.version == 0


def test_a_prior_is_of_one_model_alone() -> None:
    desk = Desk(priors={"har": prior()})

    [one] = desk.ask(0, {"m": FLAT}, band=BAND)

    assert one.certificate.status == "uncalibrated"


def test_a_prior_fades_as_scores_come() -> None:
    desk = Desk(priors={"ewma": prior()}, calibration={"half_life_steps": 5.0})
    worth = []
    for step in range(11):
        [one] = desk.ask(step, {"m": FLAT}, band=BAND, horizon=1)
        desk.tell("m", {step + 1: 0.4})
        [learned] = desk.calibrator.state.learned.values()
        worth.append(learned.stream.prior_scores)

    assert worth[0] == 1_000
    assert worth[10] == pytest.approx(250)
    assert one.certificate.status == "warming_up"


@pytest.mark.parametrize("name", Prior._fields)
def test_parts_of_a_prior_that_do_not_fit_are_refused(name: str) -> None:
    parts = {key: value.tolist() for key, value in prior()._asdict().items()}
    good = Prior.from_mapping(parts)

    assert np.array_equal(good.shares, prior().shares)
    with pytest.raises(ValueError, match="do not fit together"):
        Prior.from_mapping(parts | {name: parts[name][:1]})


def test_a_calibrated_band_is_told_so(desk: Desk) -> None:
    answers = desk.ask(NOW, {name: row[:91] for name, row in PRICES.items()})

    certificates = [one.certificate for one in answers]
    assert {one.status for one in certificates} <= {"calibrated", "warming_up"}
    assert "calibrated" in {one.status for one in certificates}
    for one in certificates:
        assert one.band == "conformal"
        assert one.updated_at_s == moment(NOW)
        if one.status == "calibrated":
            assert one.n > 0
            assert one.empirical_coverage is not None
            assert 0 <= one.empirical_coverage <= 1


def test_a_new_segment_is_still_warming_up(desk: Desk) -> None:
    facts = MarketFacts(category="unheard of")

    [one] = desk.ask(NOW, {"new": FLAT}, facts=facts)

    assert one.certificate.status == "warming_up"
    assert (one.certificate.n, one.certificate.coverage_interval) == (0, None)


def test_a_step_that_was_never_scored_leaves_the_band_uncalibrated(desk: Desk) -> None:
    near, far = (desk.ask(NOW, {f"m-{h}": FLAT}, horizon=h)[0] for h in (3, 4))

    assert near.certificate.band == "conformal"
    assert far.certificate.status == "uncalibrated"


def test_every_level_can_be_drawn_in_order(desk: Desk) -> None:
    [one] = desk.ask(NOW, {"m": PRICES["m0"][:91]}, quantile_levels=ANY_LEVELS)

    assert one.values.shape == (3, 99)
    assert (np.diff(one.values, axis=1) >= 0).all()
    assert one.certificate.lower == pytest.approx(one.values[:, 4])
    assert one.certificate.upper == pytest.approx(one.values[:, 94])


@settings(max_examples=25)
@given(
    levels=st.lists(
        st.integers(1, 999).map(lambda level: level / 1_000),
        min_size=1,
        max_size=8,
        unique=True,
    ).map(sorted)
)
def test_a_level_is_drawn_the_same_whichever_others_are(
    experienced: FakeLedger, levels: list[float]
) -> None:
    ledger = FakeLedger()
    ledger.append(experienced.entries)
    one = Desk(calibration=SOON, ledger=ledger, now_s=moment(NOW))
    asked = {"m": PRICES["m0"][:91]}

    [together] = one.ask(NOW, asked, quantile_levels=tuple(levels))

    for place, level in enumerate(levels):
        [alone] = one.ask(NOW, asked, quantile_levels=(level,))
        assert alone.values[:, 0] == pytest.approx(together.values[:, place])


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.95])
def test_the_target_is_the_interval_at_its_levels(
    experienced: FakeLedger, coverage: float
) -> None:
    ledger = FakeLedger()
    ledger.append(experienced.entries)
    told = SOON | {"target_coverage": coverage}
    desk = Desk(calibration=told, ledger=ledger, now_s=moment(NOW))
    levels = (round((1 - coverage) / 2, 3), round((1 + coverage) / 2, 3))

    [one] = desk.ask(NOW, {"m": PRICES["m0"][:91]}, quantile_levels=levels)

    certificate = one.certificate
    assert certificate.target_coverage == coverage
    assert certificate.lower == pytest.approx(one.values[:, 0])
    assert certificate.upper == pytest.approx(one.values[:, 1])


def test_a_band_stands_on_the_grid_of_its_market(desk: Desk) -> None:
    facts = MarketFacts(tick_size=0.05)

    [one] = desk.ask(NOW, {"m": PRICES["m0"][:91]}, facts=facts)

    edges = one.values[:, [0, 2]] / 0.05
    median = one.values[:, [1]] / 0.05
    is_on_grid = np.abs(edges - edges.round()) < 1e-6
    assert (is_on_grid | (np.abs(edges - median) < 1e-6)).all()


def test_many_markets_get_what_each_would_alone(desk: Desk) -> None:
    asked = {name: row[:91] for name, row in PRICES.items()}

    together = desk.ask(NOW, asked)

    for one in together:
        [alone] = desk.ask(NOW, {one.task.market_id: asked[one.task.market_id]})
        assert np.array_equal(alone.values, one.values)
        assert alone.certificate.segment == one.certificate.segment


def test_switched_off_a_band_is_served_as_it_is() -> None:
    desk = Desk(calibration={"enabled": False, "target_coverage": 0.8})

    [one] = desk.ask(0, {"m": FLAT}, band=BAND)

    assert np.array_equal(one.values, one.raw_values)
    certificate = one.certificate
    assert (certificate.status, certificate.band) == ("disabled", "raw")
    assert certificate.lower == pytest.approx([0.3] * 3)
    assert certificate.upper == pytest.approx([0.5] * 3)
    assert certificate.target_coverage == 0.8
    assert certificate.segment.startswith("category=none,")


def test_each_frequency_and_horizon_is_drawn_by_its_own_stream(desk: Desk) -> None:
    hour = Frequency.parse("1h")

    [other] = desk.ask(NOW, {"m": FLAT}, freq=hour)

    assert other.certificate.status == "uncalibrated"
    assert {key.step_s for key in desk.calibrator.state.learned} == {300, 3_600}
    assert cutoff_at(0).timestamp() == moment(0)
