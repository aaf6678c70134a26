"""Models as they are stored, made of small graphs."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.adapters.models.graphs import Flaw, model_bytes

from tsfm_runner.adapters.models import ModelStore, StoredModel
from tsfm_runner.adapters.models.adding import Candidate, add_model, try_candidate
from tsfm_runner.adapters.models.golden import Golden

NOW = datetime(2026, 11, 26, 5, tzinfo=UTC)


def candidate(
    flaw: Flaw | None = None,
    *,
    known: Golden | None = None,
    added_at: datetime | None = NOW,
    slope: float = 0.5,
    **metadata: Any,  # noqa: ANN401 - facts are any
) -> Candidate:
    """Return a small model that was tried out."""
    return try_candidate(
        model_bytes(flaw, slope=slope, **metadata),
        said={},
        known=known,
        source="tiny.onnx",
        added_at=added_at,
    )


def empty_store(folder: Path) -> ModelStore:
    """Return a store of two folders in which there is nothing yet."""
    return ModelStore((folder / "shipped", folder / "own"))


def stored(
    store: ModelStore,
    *,
    slope: float = 0.5,
    **metadata: Any,  # noqa: ANN401 - the same
) -> StoredModel:
    """Store a small model in the user's folder."""
    return add_model(store, candidate(slope=slope, **metadata))
