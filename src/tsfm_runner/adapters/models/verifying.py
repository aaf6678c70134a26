"""Look at a stored model again: its bytes, its words, its answers."""

from typing import NamedTuple

from tsfm_runner.adapters.models.examining import (
    describe,
    require_known_answers,
    try_out,
)
from tsfm_runner.adapters.models.golden import read_golden, usual_contexts
from tsfm_runner.adapters.models.store import StoredModel
from tsfm_runner.errors import ModelFileError


class Verified(NamedTuple):
    """A model that is as it was: how large, and how much of it is known for sure."""

    n_parameters: int
    n_known_answers: int


def verify(model: StoredModel) -> Verified:
    """Return how a model was found; raise ``ModelFileError`` where it is not sound."""
    content = model.read_bytes_checked()
    manifest = model.manifest
    told, n_parameters = describe(
        content, {"name": manifest.name, "revision": manifest.revision}
    )
    for name in ("steps", "quantile_levels"):
        said, found = getattr(manifest, name), getattr(told, name)
        if said != found:
            raise ModelFileError(f"{name} are {found}, and its manifest says {said}")
    known = read_golden(model.golden_file) if model.golden_file.exists() else None
    contexts = known.contexts if known else usual_contexts()
    answers = try_out(content, manifest, contexts)
    if known:
        require_known_answers(answers, known)
    return Verified(n_parameters, len(known.contexts) if known else 0)
