"""From the weights of a network to a model that can be shipped or added."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import torch

from tsfm_runner.adapters.models.adding import Candidate, try_candidate
from tsfm_runner.adapters.models.golden import Golden, inputs_of
from tsfm_runner.core.foundation.signature import (
    ANCHOR_STEPS,
    NATIVE_LEVELS,
    SIGNATURE,
)
from tsfm_runner.domain.model import LicenceTag
from tsfm_runner.errors import TrainingError
from tsfm_runner.learning.graph import to_graph, to_weights
from tsfm_runner.learning.network import network_of
from tsfm_runner.learning.shape import Weights

MOST_DIFFERENCE = 1e-5
"""Between what torch and ONNX Runtime compute from the same weights."""


class Naming(NamedTuple):
    """What a model says of itself, besides what it computes."""

    name: str
    revision: str
    license_name: str
    license_tag: LicenceTag
    description: str


def to_candidate(
    weights: Weights,
    naming: Naming,
    *,
    made_by: Mapping[str, Any],
    source: str,
    added_at: datetime | None,
) -> Candidate:
    """Return the model, tried out: its graph answers what the network does.

    Weights are stored in half precision. A model without ``added_at`` is one to be
    shipped.

    Raises
    ------
    TrainingError
        If the graph answers something else.

    """
    metadata = {
        **naming._asdict(),
        "signature": SIGNATURE,
        "steps": json.dumps(ANCHOR_STEPS),
        "quantile_levels": json.dumps(NATIVE_LEVELS),
        "made_by": json.dumps(made_by),
    }
    graph = to_graph(weights, metadata, is_half=True)
    candidate = try_candidate(
        graph.SerializeToString(),
        said={},
        known=None,
        source=source,
        added_at=added_at,
    )
    require_same(candidate.golden, to_weights(graph))
    return candidate


def require_same(golden: Golden, weights: Weights) -> None:
    """Hold what the graph answered against torch."""
    inputs = inputs_of(golden.contexts)
    with torch.no_grad():
        shown = map(torch.from_numpy, (inputs.features, inputs.channels))
        expected = network_of(weights)(*shown).numpy()
    apart = float(np.abs(golden.offsets - expected).max() / np.abs(expected).max())
    if not apart <= MOST_DIFFERENCE:
        raise TrainingError(f"the graph answers otherwise than the network: {apart}")
