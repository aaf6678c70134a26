"""Draw baselines beside every model, so that all of them can be compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tsfm_runner.config import BandConfig
from tsfm_runner.domain.model import ModelRevision
from tsfm_runner.service.baselining import Baselines
from tsfm_runner.service.calibration.calibrator import Calibrator
from tsfm_runner.service.calibration.questions import RawAnswer, Served
from tsfm_runner.service.finishing import at_levels, finish
from tsfm_runner.service.predicting import RawBand


class Shadow(NamedTuple):
    """A band beside one that was served: whose, and as its model drew it."""

    of: Served
    runtime: str
    model: ModelRevision
    band: RawBand


@dataclass(frozen=True, slots=True)
class Shadowing:
    """Draws shadows: bands that are scored and not served."""

    band: BandConfig
    baselines: Baselines
    calibrator: Calibrator
    baseline: ModelRevision
    is_enabled: bool

    def beside(
        self,
        served: Sequence[Served],
        rivals: Sequence[ModelRevision],
        explored: Sequence[Shadow] = (),
    ) -> list[Served]:
        """Return the shadows of all answers, those of explored models among them.

        Beside an answer stands the configured baseline, and its rival: the baseline
        that would have been served in its place.
        """
        others = [
            (one, model)
            for one, rival in zip(served, rivals, strict=True)
            for model in dict.fromkeys((self.baseline, rival))
            if model.name != one.calibrated.stream.key.model_name
        ]
        shadows = [*self._baselines(others), *explored] if self.is_enabled else explored
        return self._calibrated(shadows) if shadows else []

    def _baselines(
        self, others: Sequence[tuple[Served, ModelRevision]]
    ) -> list[Shadow]:
        names = [model.name for _, model in others]
        bands = self.baselines.predict(names, [one.prepared for one, _ in others])
        return [
            Shadow(one, "baseline", model, band)
            for (one, model), band in zip(others, bands, strict=True)
        ]

    def _calibrated(self, shadows: Sequence[Shadow]) -> list[Served]:
        tasks = [shadow.of.prepared for shadow in shadows]
        raw = [shadow.band for shadow in shadows]
        finished = finish(list(zip(tasks, raw, strict=True)), self.band)
        answers = [
            RawAnswer(shadow.of.prepared, shadow.model, done.values)
            for shadow, done in zip(shadows, finished, strict=True)
        ]
        calibrated = self.calibrator.calibrate(answers)
        return [
            Served(
                answer.prepared,
                band,
                at_levels(answer.values, answer.prepared),
                at_levels(band.values, answer.prepared),
                shadow.of.forecast_id,
                shadow.runtime,
                None,
                is_shadow=True,
            )
            for shadow, answer, band in zip(shadows, answers, calibrated, strict=True)
        ]
