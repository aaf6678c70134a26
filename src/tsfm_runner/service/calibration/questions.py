"""What the calibrator is asked, and what it answers."""

from typing import NamedTuple

from tsfm_runner.domain.calibration import Certificate
from tsfm_runner.domain.model import ModelRevision
from tsfm_runner.domain.task import FloatArray
from tsfm_runner.service.calibration.rows import RowArray
from tsfm_runner.service.calibration.streams import Stream
from tsfm_runner.service.preparing import PreparedTask


class RawAnswer(NamedTuple):
    """A finished band before calibration, at every level of the prepared task."""

    prepared: PreparedTask
    model: ModelRevision
    values: FloatArray


class Calibrated(NamedTuple):
    """A band after calibration, at the same levels, and what scoring it needs.

    ``target`` has shape (horizon, 2); ``packed`` is None where nothing is to be scored.
    """

    values: FloatArray
    certificate: Certificate
    target: FloatArray
    stream: Stream
    place: int
    packed: RowArray | None


class Served(NamedTuple):
    """A band at the levels asked for, before and after calibration, as it went out.

    A shadow went nowhere: it was drawn to be compared with the band that did.
    """

    prepared: PreparedTask
    calibrated: Calibrated
    raw: FloatArray
    published: FloatArray
    forecast_id: str
    runtime: str
    fallback_reason: str | None
    is_shadow: bool
