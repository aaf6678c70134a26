"""The file of the priors: what each was learned from, and how it is replaced."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tsfm_runner.adapters.models import ModelManifest, ModelStore
from tsfm_runner.adapters.models.store import SHIPPED_MODELS

BASELINES = ("ewma", "kalman", "rolling_quantile", "har")
MODELS = ("tsfm-mini",)
TOLERANCE = 5e-3  # another processor adds up in another order
PRIORS = Path(__file__).parents[1] / "src" / "tsfm_runner" / "data" / "priors.json"


def shipped_model(name: str) -> ModelManifest:
    """Return what the package says of the model that it holds."""
    return ModelStore((SHIPPED_MODELS,)).find(name).manifest


def provenance_of(name: str, how: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the prior of a name follows from, as the file holds it."""
    provenance: dict[str, Any] = json.loads(json.dumps(how))
    if name in MODELS:
        model = shipped_model(name)
        provenance |= {"revision": model.revision, "sha256": model.sha256}
    return provenance


def with_learned(
    document: Mapping[str, Any], learned: Mapping[str, Any], how: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the document of all priors with some in the place of what it held.

    Those of others stay what they are, to the last digit.
    """
    provenance = {name: provenance_of(name, how) for name in learned}
    return {
        "made_by": "training/fit_priors.py",
        "data": "simulated markets only",
        "provenance": {**document.get("provenance", {}), **provenance},
        "priors": {**document.get("priors", {}), **learned},
    }


def as_text(document: Mapping[str, Any]) -> str:
    """Return the document as the package holds it."""
    return json.dumps(document, separators=(",", ":")) + "\n"


def check(
    shipped: Mapping[str, Any], learned: Mapping[str, Any], how: Mapping[str, Any]
) -> None:
    """Leave with an error where the shipped file is not what was learned now."""
    for name, prior in learned.items():
        if shipped["provenance"].get(name) != provenance_of(name, how):
            raise SystemExit(f"the shipped prior of {name} was learned in another way")
        for part, numbers in prior.items():
            was = np.array(shipped["priors"][name][part])
            if not np.allclose(was, np.array(numbers), rtol=0.05, atol=TOLERANCE):
                raise SystemExit(f"{part} of {name} differ from those that are shipped")
