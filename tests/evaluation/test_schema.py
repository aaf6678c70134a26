"""What a document of a study may hold, and what not."""

import json
import re
from copy import deepcopy
from typing import Any

import jsonschema_rs
import numpy as np
import pytest
from pydantic import ValidationError
from tests.docs.reading import ROOT
from tests.evaluation.documents import study, without_numbers

from tsfm_runner.evaluation.schema import json_schema, validated

SMALL = study(models=("ewma",), freqs=("all",), horizon=2, n_segments=2)


def changed(*path: str | int, to: object) -> Any:  # noqa: ANN401
    """Return the small document with another value in one place."""
    document: Any = deepcopy(SMALL)
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return document


def test_a_document_is_kept_as_it_is() -> None:
    assert validated(SMALL) == SMALL


def test_a_document_survives_json() -> None:
    assert validated(json.loads(json.dumps(SMALL, allow_nan=False))) == SMALL


def test_the_same_document_comes_from_the_same_seed() -> None:
    assert study(3, models=("ewma",)) == study(3, models=("ewma",))


def test_the_json_schema_takes_what_the_types_take() -> None:
    jsonschema_rs.validator_for(json_schema()).validate(SMALL)


def test_every_score_may_be_unknown() -> None:
    document = without_numbers(study(models=("ewma",), freqs=("all",)))

    assert validated(document) == document


@pytest.mark.parametrize(
    "document",
    [
        changed("schema", to="tsfm-runner/evaluation/2"),
        changed("overall", 0, "wis", to=float("nan")),
        changed("overall", 0, "n", to=np.int64(3)),
        changed("overall", 0, "n", to=-1),
        changed("overall", 0, "weighting", to="market"),
        changed("overall", 0, "intervals", 0, "closed", to=1.01),
        changed("surprise", to=1),
        changed("overall", 0, "surprise", to=1),
        changed("overall", 0, "intervals", 0, "surprise", to=1),
        changed("markets", 0, "bands", 0, "surprise", to=1),
        changed("manifest", "data", "surprise", to=1),
        changed("manifest", "created_at", to="2026-02-21T08:00:00"),
        changed("manifest", "created_at", to="yesterday"),
        changed("ratios", 0, "metric", to="crps"),
    ],
)
def test_what_does_not_belong_is_refused(document: object) -> None:
    with pytest.raises(ValidationError):
        validated(document)


def test_a_manifest_may_tell_more() -> None:
    assert validated(changed("manifest", "machine", to="two cores"))


def test_every_field_is_explained() -> None:
    page = (ROOT / "docs" / "evaluation-schema.md").read_text(encoding="utf-8")
    types = json_schema()["$defs"].values()
    fields = {name for one in types for name in one.get("properties", {})}
    fields = {re.sub("_(low|high)$", "", name) for name in fields} - {"seed"}

    assert {name for name in fields if f"`{name}`" not in page} == set()
    assert all(f"`{name}`" in page for name in json_schema()["properties"])
