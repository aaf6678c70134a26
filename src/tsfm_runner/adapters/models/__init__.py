"""Files of models: where they lie, what they are, and whether they are whole."""

from tsfm_runner.adapters.models.manifest import ModelManifest
from tsfm_runner.adapters.models.store import ModelStore, StoredModel, model_store

__all__ = ["ModelManifest", "ModelStore", "StoredModel", "model_store"]
