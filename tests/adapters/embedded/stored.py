"""Models in folders, as a store holds them, and calls of them."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from tests.adapters.models.graphs import Flaw, model_bytes

from tsfm_runner.adapters.models import ModelManifest, StoredModel
from tsfm_runner.adapters.models.store import sha256_of, stored_model
from tsfm_runner.adapters.onnx_session import OnnxSession
from tsfm_runner.domain.forecast import ModelCall, ModelSeries

CUTOFF = datetime(2026, 2, 20, 12, tzinfo=UTC)
ADDED_AT = datetime(2026, 2, 1, tzinfo=UTC)


def store_model(
    folder: Path,
    flaw: Flaw | None = None,
    *,
    slope: float = 0.5,
    **told: Any,  # noqa: ANN401
) -> StoredModel:
    """Write a tiny model to a folder of models, as if a user had added it."""
    content = model_bytes(flaw, slope=slope, **told)
    said: dict[str, Any] = dict(OnnxSession(content, threads=1).metadata)
    said |= {key: json.loads(said[key]) for key in _WRITTEN_AS_JSON}
    manifest = ModelManifest(
        **said,
        sha256=sha256_of(content),
        n_bytes=len(content),
        added_at=ADDED_AT,
        source="a test",
    )
    place = folder / manifest.name / manifest.revision
    place.mkdir(parents=True)
    (place / "model.onnx").write_bytes(content)
    manifest.write(place / "model.json")
    return stored_model(place)


_WRITTEN_AS_JSON = ("steps", "quantile_levels", "made_by")


def call(*series: ModelSeries, **fields: Any) -> ModelCall:  # noqa: ANN401
    """Return a call of the tiny model, some of its fields replaced."""
    usual: dict[str, Any] = {
        "model_name": "tiny",
        "step_s": 300,
        "horizon": 3,
        "quantile_levels": (0.1, 0.9),
        "params": {},
    }
    return ModelCall(series=series or (moving(),), **(usual | fields))


def moving(
    market_id: str = "m",
    *,
    n_points: int = 60,
    **fields: Any,  # noqa: ANN401
) -> ModelSeries:
    """Return a series that moves up and down, some of its fields replaced."""
    usual: dict[str, Any] = {
        "cutoff": CUTOFF,
        "context": 0.4 + 0.01 * (7 * np.arange(n_points) % 5),
        "past_covariates": {},
        "future_covariates": {},
    }
    return ModelSeries(market_id, **(usual | fields))
