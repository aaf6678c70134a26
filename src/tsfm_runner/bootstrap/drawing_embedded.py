"""Draw raw bands for a study with a model of our own, without a service."""

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from tsfm_runner.adapters.embedded import EmbeddedModel, Shown, open_model
from tsfm_runner.adapters.models import model_store
from tsfm_runner.config import Settings
from tsfm_runner.core.arrays import FloatArray
from tsfm_runner.core.foundation.signature import CONTEXT_STEPS
from tsfm_runner.errors import StudyError
from tsfm_runner.evaluation.design import Design, Model, Part
from tsfm_runner.evaluation.drawing_directly import Asked, Drawer, draw_directly


def embedded_model(
    settings: Settings, name: str, revision: str | None, baseline: tuple[str, str]
) -> Model:
    """Return a stored model as one to be studied; None: the revision added last.

    Raises ``ModelFileError`` where none is stored, or its file is damaged.
    """
    stored = model_store(settings.embedded.models_dir).find(name, revision)
    open_model(stored, threads=1)
    manifest = stored.manifest
    draw = partial(
        draw_embedded,
        own=(manifest.name, manifest.revision),
        sha256=manifest.sha256,
        baseline=baseline,
    )
    return Model(manifest.name, manifest.revision, is_baseline=False, draw=draw)


def draw_embedded(
    part: Part,
    design: Design,
    *,
    own: tuple[str, str],
    sha256: str,
    baseline: tuple[str, str],
) -> dict[str, npt.NDArray[Any]]:
    """Return the raw bands that the service would answer at every origin of a part.

    See `Model.draw`. Raises ``StudyError`` where the file is not the one that the
    study began with.
    """
    stored = model_store(design.settings.embedded.models_dir).find(*own)
    if stored.manifest.sha256 != sha256:
        raise StudyError(f"{stored.file} is not the one that the study began with")
    model = open_model(stored, threads=1)
    bands = partial(bands_of, model, design.horizon)
    drawer = Drawer(own, model.manifest.quantile_levels, bands)
    return draw_directly(part, design, drawer, baseline)


def bands_of(model: EmbeddedModel, horizon: int, asked: Asked) -> FloatArray:
    """Return prices at the model's own levels, shown the newest steps as ever."""
    recent = asked.contexts[:, -CONTEXT_STEPS:]
    n_markets, width = recent.shape
    is_known = np.isfinite(recent)
    prices = np.zeros((n_markets, CONTEXT_STEPS))
    prices[:, CONTEXT_STEPS - width :] = np.where(is_known, recent, 0)
    is_observed = np.ones(prices.shape, dtype=np.bool_)
    is_observed[:, CONTEXT_STEPS - width :] = asked.is_observed[:, -CONTEXT_STEPS:]
    shown = Shown(
        prices,
        is_known.sum(axis=1),
        is_observed,
        np.full(n_markets, asked.step_minutes),
        asked.steps_to_close,
    )
    return model.quantiles(shown, horizon=horizon)
