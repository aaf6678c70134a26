"""Load checkpoints into memory, and compute once with each of them."""

import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from tsfm_runner.adapters.chronos.checkpoint import (
    INSTALL_HINT,
    WEIGHTS,
    Checkpoint,
    find_checkpoints,
)
from tsfm_runner.adapters.chronos.inference import (
    LoadedModel,
    answer_call,
    context_of,
    with_covariates,
)
from tsfm_runner.adapters.chronos.revisions import describe
from tsfm_runner.config import ChronosConfig
from tsfm_runner.domain.forecast import ModelCall, ModelSeries
from tsfm_runner.domain.model import ModelRevision
from tsfm_runner.errors import ConfigurationError, ForecastRuntimeError

_WARM_UP = ModelCall(
    model_name="",
    step_s=300,
    horizon=12,
    quantile_levels=(0.5,),
    params={},
    series=(
        ModelSeries(
            "warm-up", datetime(2026, 1, 1, tzinfo=UTC), np.sin(np.arange(32.0)), {}, {}
        ),
    ),
)


def load_models(
    config: ChronosConfig,
) -> dict[str, tuple[ModelRevision, LoadedModel]]:
    """Return every model of the settings by name, ready to compute.

    The number of threads holds for the thread that loads: the same has to compute.
    Raises ``ConfigurationError``, which names the setting, for one that cannot be.
    """
    found = find_checkpoints(config)
    if not found:
        return {}
    import_library(config)
    return {one.name: (describe(one, config), load_model(one, config)) for one in found}


def import_library(config: ChronosConfig) -> None:
    """Import what the extra brings, and make it quiet.

    Raises ``ConfigurationError`` where it is not installed, or not whole.
    """
    try:
        import chronos  # noqa: F401, PLC0415 - of the extra; takes seconds
        import torch  # noqa: PLC0415 - the same
        from transformers.utils import logging  # noqa: PLC0415 - the same
    except ImportError as exc:
        msg = f"chronos.models cannot be loaded ({exc}): {INSTALL_HINT}"
        raise ConfigurationError(msg) from exc
    torch.set_num_threads(config.threads)
    logging.disable_progress_bar()
    # We say it ourselves, in each answer.
    warnings.filterwarnings("ignore", message="We recommend keeping prediction length")


def load_model(found: Checkpoint, config: ChronosConfig) -> LoadedModel:
    """Return the model of a checkpoint after its first forecast."""
    from chronos import BaseChronosPipeline  # noqa: PLC0415 - of the extra
    from safetensors import SafetensorError  # noqa: PLC0415 - the same

    try:
        pipeline = BaseChronosPipeline.from_pretrained(
            str(found.folder),
            device_map=config.device,
            dtype=config.dtype,
            local_files_only=True,
        )
        n_missing = _n_missing(pipeline.model.state_dict(), found.folder)
    except (
        AssertionError,
        OSError,
        RuntimeError,
        SafetensorError,
        TypeError,
        ValueError,
    ) as exc:
        raise _fault(found, f"cannot be loaded on {config.device}: {exc}") from exc
    if n_missing:
        # The library would fill them with random numbers, and say so in a log.
        raise _fault(found, f"{n_missing} of its weights are not in the file")
    model = _loaded(pipeline, found, config)
    try:
        answers = answer_call(model, _WARM_UP, batch_size=1, is_over=lambda: False)
    except ForecastRuntimeError as exc:
        raise _fault(found, f"cannot forecast: {exc.__cause__ or exc}") from exc
    if isinstance(answers[0], ForecastRuntimeError):
        raise _fault(found, f"cannot forecast: {answers[0]}")
    return model


def _loaded(
    pipeline: Any,  # noqa: ANN401 - of the extra
    found: Checkpoint,
    config: ChronosConfig,
) -> LoadedModel:
    import torch  # noqa: PLC0415 - of the extra

    takes_covariates = found.kind == "Chronos2Pipeline"
    return LoadedModel(
        pipeline,
        found.quantile_levels,
        pipeline.model_prediction_length,
        options={"batch_size": config.batch_size} if takes_covariates else {},
        as_input=with_covariates
        if takes_covariates
        else lambda series: torch.from_numpy(context_of(series)),
    )


def _n_missing(state: Mapping[str, Any], folder: Path) -> int:
    """Return how many weights of a model its files hold under no name of theirs.

    A weight may have several names, of which a file holds one.
    """
    from safetensors import safe_open  # noqa: PLC0415 - of the extra

    held: set[str] = set()
    for path in folder.glob(WEIGHTS):
        with safe_open(path, framework="numpy") as file:
            held |= set(file.keys())
    places = {state[name].data_ptr() for name in held & state.keys()}
    return sum(
        name not in held and weight.data_ptr() not in places
        for name, weight in state.items()
    )


def _fault(found: Checkpoint, reason: str) -> ConfigurationError:
    return ConfigurationError(f"chronos.models.{found.name}: {found.folder} {reason}")
