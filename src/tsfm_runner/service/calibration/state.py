"""Everything that was learned, of all streams."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from tsfm_runner.config import CalibrationConfig, DriftConfig
from tsfm_runner.core.conformal.cells import cell_of, last_step_of
from tsfm_runner.domain.calibration import CoverageRecord, StreamKey, TargetRecord
from tsfm_runner.domain.task import FloatArray
from tsfm_runner.service.calibration.markets import MarketScales
from tsfm_runner.service.calibration.priors import Prior
from tsfm_runner.service.calibration.scoring import Learned
from tsfm_runner.service.calibration.streams import Stream
from tsfm_runner.service.calibration.tallying import Tallies


class CalibrationState:
    """The streams of one process, each with its counts and its markets."""

    def __init__(
        self,
        config: CalibrationConfig,
        drift: DriftConfig,
        priors: Mapping[str, Prior],
    ) -> None:
        """Start with nothing; a stream of a model with a prior starts from that."""
        self.config = config
        self.drift = drift
        self._priors = priors
        self.learned: dict[StreamKey, Learned] = {}
        self.false_alarms: dict[int, FloatArray] = {}
        """What false alarms have looked like, by step; see `signals.references`."""

    @property
    def version(self) -> int:
        """A number that grows whenever anything was learned."""
        return sum(one.stream.n_steps for one in self.learned.values())

    def stream(self, key: StreamKey) -> Stream:
        """Return the stream of a model at a frequency, a new one if need be."""
        return self.of_key(key).stream

    def of_key(self, key: StreamKey) -> Learned:
        """Return everything of a stream, a new one if need be."""
        if key not in self.learned:
            prior = self._priors.get(key.model_name, Prior.none())
            stream = Stream(key, self.config, self.drift, prior)
            scales = MarketScales(self.config.max_markets)
            self.learned[key] = Learned(stream, Tallies(), scales)
        return self.learned[key]

    def of(self, stream: Stream) -> Learned:
        """Return everything that belongs to a stream."""
        return self.learned[stream.key]

    def targets(self, steps: Sequence[int]) -> Iterator[TargetRecord]:
        """Yield how served target intervals did at some steps, by segment."""
        cells = cell_of(np.array(steps))
        for stream, tallies, _ in self.learned.values():
            rows = zip(stream.names, tallies.targets(cells).tolist(), strict=False)
            for name, row in rows:
                for step, numbers in zip(steps, row, strict=False):
                    if numbers[0]:
                        yield TargetRecord(name, step, *numbers)

    def records(
        self, is_wanted: Callable[[StreamKey, str], bool] = lambda _key, _name: True
    ) -> Iterator[CoverageRecord]:
        """Yield how the bands of each stream did, by segment and cell of steps."""
        for key, (stream, tallies, _) in self.learned.items():
            for is_shadow, place, cell, n, kinds in tallies.records():
                name = stream.names[place]
                if is_wanted(key, name):
                    step = last_step_of(cell)
                    yield CoverageRecord(key, is_shadow, name, step, n, *kinds)
