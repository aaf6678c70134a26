"""Draw the configured baseline beside every model, so that both can be compared."""

from collections.abc import Sequence
from dataclasses import dataclass

from tsfm_runner.config import BandConfig
from tsfm_runner.domain.model import ModelRevision
from tsfm_runner.service.baselining import Baselines
from tsfm_runner.service.calibration.calibrator import Calibrator
from tsfm_runner.service.calibration.questions import RawAnswer, Served
from tsfm_runner.service.finishing import at_levels, finish


@dataclass(frozen=True, slots=True)
class Shadowing:
    """Draws shadows: bands of the baseline that are scored and not served."""

    band: BandConfig
    baselines: Baselines
    calibrator: Calibrator
    baseline: ModelRevision
    is_enabled: bool

    def beside(self, served: Sequence[Served]) -> list[Served]:
        """Return a shadow for each answer that another model gave."""
        name = self.baseline.name
        others = [one for one in served if one.calibrated.stream.key.model_name != name]
        if not (self.is_enabled and others):
            return []
        tasks = [one.prepared for one in others]
        raw = self.baselines.predict([name] * len(tasks), tasks)
        finished = finish(list(zip(tasks, raw, strict=True)), self.band)
        answers = [
            RawAnswer(prepared, self.baseline, done.values)
            for prepared, done in zip(tasks, finished, strict=True)
        ]
        calibrated = self.calibrator.calibrate(answers)
        return [
            Served(
                one.prepared,
                band,
                at_levels(answer.values, one.prepared),
                at_levels(band.values, one.prepared),
                one.forecast_id,
                "baseline",
                None,
                is_shadow=True,
            )
            for one, answer, band in zip(others, answers, calibrated, strict=True)
        ]
