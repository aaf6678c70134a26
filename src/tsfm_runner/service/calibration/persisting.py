"""The calibration state as bytes, and back."""

import zlib
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import fields
from typing import Any, TypeAlias, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from tsfm_runner.domain.calibration import StreamKey
from tsfm_runner.errors import CalibrationStateError
from tsfm_runner.service.calibration.arrays import ByCell, BySegment, Scores
from tsfm_runner.service.calibration.scoring import Learned
from tsfm_runner.service.calibration.state import CalibrationState
from tsfm_runner.service.calibration.streams import Stream

FORMAT = 1
_COMPRESSION = 1  # most of the state is zeros: the quickest is nearly the smallest
_TYPES = ("<f4", "<f8", "<i8", "|b1")

Array = npt.NDArray[Any]
NewestCutoff: TypeAlias = tuple[str, Stream, float]
Arrays = TypeVar("Arrays", BySegment, ByCell)


class _PlainArray(msgspec.Struct, array_like=True):
    """An array in plain words."""

    type: str
    shape: tuple[int, ...]
    data: bytes


class _PlainStream(msgspec.Struct):
    """Everything that was learned of one stream, in plain words."""

    key: tuple[str, str, int]
    names: list[str]
    by_segment: dict[str, _PlainArray]
    by_cell: dict[str, _PlainArray]
    incoming: list[list[_PlainArray]]
    grid_time: int
    n_steps: int
    updated_at_s: float | None
    sums: _PlainArray
    clusters: _PlainArray
    events: list[tuple[int, str, int, int]]
    markets: list[str]
    log_scales: _PlainArray


class _PlainState(msgspec.Struct):
    """The whole state, in plain words."""

    format: int
    streams: list[_PlainStream]
    newest: list[tuple[str, tuple[str, str, int], float]]
    false_alarms: list[tuple[int, _PlainArray]] = []


def to_bytes(state: CalibrationState, newest: Iterable[NewestCutoff] = ()) -> bytes:
    """Return everything that was learned, in a form that `restore` reads.

    ``newest`` is from where each market was scored last.
    """
    streams = [_plain_stream(learned) for learned in state.learned.values()]
    cutoffs = [
        (market_id, _plain_key(stream.key), cutoff_s)
        for market_id, stream, cutoff_s in newest
    ]
    alarms = [(step_s, _plain_array(one)) for step_s, one in state.false_alarms.items()]
    return msgspec.msgpack.encode(_PlainState(FORMAT, streams, cutoffs, alarms))


def restore(state: CalibrationState, blob: bytes) -> list[NewestCutoff]:
    """Put what was learned into a state that has learned nothing yet.

    Returns from where each market was scored last.

    Raises ``CalibrationStateError`` for bytes that `to_bytes` did not make.
    """
    try:
        plain = msgspec.msgpack.decode(blob, type=_PlainState)
        if plain.format != FORMAT:
            raise CalibrationStateError(
                f"the calibration state has format {plain.format}, and this program "
                f"reads {FORMAT}: start the version that wrote it, or set store.url "
                "to a new file"
            )
        for one in plain.streams:
            _restore_stream(state.of_key(StreamKey(*one.key)), one)
        state.false_alarms |= {
            step_s: _array(one) for step_s, one in plain.false_alarms
        }
        return [
            (market_id, state.stream(StreamKey(*key)), cutoff_s)
            for market_id, key, cutoff_s in plain.newest
        ]
    except (KeyError, TypeError, ValueError, zlib.error) as failure:
        raise CalibrationStateError(
            f"the calibration state cannot be read ({failure}): restore the ledger "
            "from a backup, or set store.url to a new file"
        ) from failure


def _plain_key(key: StreamKey) -> tuple[str, str, int]:
    return key.model_name, key.model_version, key.step_s


def _plain_stream(learned: Learned) -> _PlainStream:
    stream, tallies, scales = learned
    return _PlainStream(
        _plain_key(stream.key),
        stream.names,
        _plain_arrays(stream.segment),
        _plain_arrays(stream.cell),
        [[_plain_array(column) for column in part] for part in stream.incoming],
        stream.grid_time,
        stream.n_steps,
        stream.updated_at_s,
        _plain_array(tallies.sums),
        _plain_array(tallies.clusters),
        [(*key, *counts) for key, counts in tallies.events.items()],
        list(scales.rows),
        _plain_array(scales.logs[list(scales.rows.values())]),
    )


def _restore_stream(learned: Learned, plain: _PlainStream) -> None:
    stream, tallies, scales = learned
    for name in plain.names:
        stream.place_of(name)
    stream.segment = _restored(BySegment, plain.by_segment)
    stream.cell = _restored(ByCell, plain.by_cell)
    stream.prior = stream.prior.resized(len(stream.cell.weights))
    stream.incoming = [Scores._make(map(_array, part)) for part in plain.incoming]
    stream.grid_time = plain.grid_time
    stream.n_steps = plain.n_steps
    stream.updated_at_s = plain.updated_at_s
    tallies.sums = _array(plain.sums)
    tallies.clusters = _array(plain.clusters)
    tallies.events = {
        (segment, event): (n, hits) for segment, event, n, hits in plain.events
    }
    scales.rows = OrderedDict((name, row) for row, name in enumerate(plain.markets))
    scales.logs = _array(plain.log_scales)


def _plain_arrays(arrays: BySegment | ByCell) -> dict[str, _PlainArray]:
    return {one.name: _plain_array(getattr(arrays, one.name)) for one in fields(arrays)}


def _restored(kind: type[Arrays], plain: dict[str, _PlainArray]) -> Arrays:
    return kind(**{one.name: _array(plain[one.name]) for one in fields(kind)})


def _plain_array(array: Array) -> _PlainArray:
    data = zlib.compress(np.ascontiguousarray(array).tobytes(), _COMPRESSION)
    return _PlainArray(array.dtype.str, array.shape, data)


def _array(plain: _PlainArray) -> Array:
    if plain.type not in _TYPES:
        raise ValueError(f"an array has type {plain.type}")
    data = np.frombuffer(zlib.decompress(plain.data), dtype=plain.type)
    return data.reshape(plain.shape).copy()
