"""The state as bytes: exact there and back, and refused where it was damaged."""

import msgspec
import numpy as np
import pytest
from tests.fakes import FakeLedger
from tests.service.builders import NO_PRIORS
from tests.service.calibration.desk import SOON, Desk, moment, published, walks

from tsfm_runner.config import CalibrationConfig, DriftConfig
from tsfm_runner.domain.task import MarketFacts
from tsfm_runner.errors import CalibrationStateError
from tsfm_runner.service.calibration.persisting import restore, to_bytes
from tsfm_runner.service.calibration.state import CalibrationState

PRICES = walks(4, 80, seed=20260601)
NOW = 70


@pytest.fixture(scope="module")
def desk() -> Desk:
    one = Desk(calibration=SOON)
    one.replay(PRICES, range(30, NOW + 1), horizon=3, facts=MarketFacts("mid", "w"))
    return one


def fresh() -> CalibrationState:
    return CalibrationState(
        CalibrationConfig.model_validate(SOON), DriftConfig(), NO_PRIORS
    )


def test_a_state_is_the_same_after_it_was_written_and_read(desk: Desk) -> None:
    state = fresh()

    restore(state, desk.state)

    assert to_bytes(state) == desk.state
    assert list(state.records()) == list(desk.calibrator.state.records())
    assert state.version == desk.calibrator.version > 0


def test_an_empty_state_is_the_same_too() -> None:
    state = fresh()

    restore(state, to_bytes(fresh()))

    assert to_bytes(state) == to_bytes(fresh())
    assert state.learned == {}


def test_what_a_restored_state_draws_is_the_same(desk: Desk) -> None:
    ledger = FakeLedger()
    ledger.append(desk.ledger.entries)
    again = Desk(calibration=SOON, ledger=ledger, now_s=moment(NOW))
    state = fresh()
    restore(state, desk.state)
    asked = {"new": np.round(PRICES["m0"][:48], 2)}

    answers = again.ask(NOW, asked)

    assert published([answers]) == published([desk.ask(NOW, asked)])


def changed(blob: bytes, **fields: object) -> bytes:
    """Return the bytes with fields of the state replaced."""
    return msgspec.msgpack.encode(msgspec.msgpack.decode(blob) | fields)


def damaged(blob: bytes, name: str, value: object) -> bytes:
    """Return the bytes with a field of the first stream replaced."""
    plain = msgspec.msgpack.decode(blob)
    plain["streams"][0][name] = value
    return msgspec.msgpack.encode(plain)


def test_another_format_is_told_with_a_way_out(desk: Desk) -> None:
    with pytest.raises(CalibrationStateError, match=r"format 99.*store\.url"):
        restore(fresh(), changed(desk.state, format=99))


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"\x00",
        b"not a state at all",
        lambda blob: blob[:-1],
        lambda blob: blob[: len(blob) // 2],
        lambda blob: changed(blob, streams=7),
        msgspec.msgpack.encode({"format": 1}),
        lambda blob: damaged(blob, "key", ["ewma"]),
        lambda blob: damaged(blob, "names", None),
        lambda blob: damaged(blob, "sums", ["<f8", [2, 3], b"not compressed"]),
        lambda blob: damaged(blob, "sums", ["|O", [1], b""]),
        lambda blob: damaged(blob, "clusters", ["<f8", [999, 999], b"x\x9c\x03\x00"]),
        lambda blob: damaged(blob, "log_scales", ["<f4", [-3, 0, "a"], b""]),
        lambda blob: damaged(blob, "by_cell", {}),
        lambda blob: damaged(blob, "incoming", [[]]),
        lambda blob: damaged(blob, "events", [[1, "m"]]),
    ],
)
def test_damage_of_any_kind_is_told_with_a_way_out(desk: Desk, damage: object) -> None:
    blob = damage(desk.state) if callable(damage) else damage

    with pytest.raises(CalibrationStateError, match=r"cannot be read .*store\.url"):
        restore(fresh(), blob)  # type: ignore[arg-type]


def test_a_damaged_state_stops_the_start(desk: Desk) -> None:
    ledger = FakeLedger()
    ledger.append(desk.ledger.entries)
    other = Desk(calibration=SOON, ledger=ledger, now_s=moment(NOW))
    other.snapshot()
    [state] = ledger.states
    object.__setattr__(state, "blob", state.blob[:-9])

    with pytest.raises(CalibrationStateError):
        Desk(calibration=SOON, ledger=ledger, now_s=moment(NOW))
