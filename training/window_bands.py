"""Draws the raw bands of a stored model and of our baselines for recorded windows."""

from pathlib import Path

import numpy as np

from recorded_windows import HORIZON, FloatArray, RecordedWindows
from tsfm_runner.adapters.embedded import EmbeddedModel, Shown, open_model
from tsfm_runner.adapters.models import model_store
from tsfm_runner.adapters.models.adding import try_candidate
from tsfm_runner.adapters.models.store import stored_model
from tsfm_runner.adapters.onnx_session import OnnxSession
from tsfm_runner.bootstrap.calibration import load_har_table
from tsfm_runner.config import Settings
from tsfm_runner.core.levels import values_at_levels
from tsfm_runner.core.resampling import detect_ticks
from tsfm_runner.service.baselining import Baselines
from tsfm_runner.service.finishing import finish_values
from window_scores import LEVELS


def find_model(named: str) -> EmbeddedModel:
    """Open a model by name, ``name@revision``, or the path of its folder or file."""
    path = Path(named)
    if path.is_dir():
        return open_model(stored_model(path.resolve()), threads=1)
    if path.is_file():
        return _from_file(path)
    name, _, revision = named.partition("@")
    stored = model_store(Settings().embedded.models_dir).find(name, revision or None)
    return open_model(stored, threads=1)


def _from_file(path: Path) -> EmbeddedModel:
    content = path.read_bytes()
    candidate = try_candidate(
        content, said={}, known=None, source=path.name, added_at=None
    )
    return EmbeddedModel(candidate.manifest, OnnxSession(content, threads=1))


def model_bands(model: EmbeddedModel, windows: RecordedWindows) -> FloatArray:
    """Return the deciles of the model at 12 steps, (n, 12, 9), as it would be served.

    When trading closes is not told to it: the baselines do not know it either.
    """
    n_windows = len(windows.contexts)
    shown = Shown(
        np.nan_to_num(windows.contexts),
        np.isfinite(windows.contexts).sum(axis=1),
        windows.is_observed,
        np.full(n_windows, windows.step_minutes),
        np.full(n_windows, np.nan),
    )
    native = model.quantiles(shown, horizon=HORIZON)
    known = model.manifest.quantile_levels
    return _finished(values_at_levels(native, known=known, wanted=LEVELS), windows)


def baseline_bands(method: str, windows: RecordedWindows) -> FloatArray:
    """Return the deciles of a baseline at 12 steps, (n, 12, 9), as the service does.

    A price that is k steps old is forecast k steps further.
    """
    settings = Settings()
    baselines = Baselines(settings.baseline, load_har_table())
    n_stale = np.argmax(windows.is_observed[:, ::-1], axis=1)
    values = np.empty((len(windows.contexts), HORIZON, len(LEVELS)))
    for stale in np.unique(n_stale).tolist():
        rows = np.flatnonzero(n_stale == stale)
        fresh = windows.contexts[rows, : windows.contexts.shape[1] - stale]
        drawn = baselines.quantiles(
            method,
            fresh,
            detect_ticks(fresh),
            horizon=HORIZON + stale,
            levels=LEVELS,
            space=settings.task.space,
        )
        values[rows] = drawn[:, stale:]
    return _finished(values, windows)


def _finished(values: FloatArray, windows: RecordedWindows) -> FloatArray:
    return finish_values(values, windows.contexts, LEVELS, Settings().band).values
