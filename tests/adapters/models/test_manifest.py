"""A manifest comes back as it was, and a wrong one is named field by field."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.adapters.models.graphs import LEVELS
from tests.adapters.models.samples import candidate, empty_store, stored

from tsfm_runner.adapters.models.manifest import MAX_MANIFEST_BYTES, ModelManifest
from tsfm_runner.adapters.models.store import stored_model
from tsfm_runner.errors import ModelFileError

LEVELS_OF_100 = [round(0.0095 * n + 0.0202, 4) for n in range(1, 101)]
Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.json"


@pytest.fixture(scope="module")
def manifest() -> ModelManifest:
    return candidate(made_by={"seed": 7, "data": ["a", "b"]}).manifest


def test_a_manifest_comes_back_as_it_was(path: Path, manifest: ModelManifest) -> None:
    manifest.write(path)

    assert ModelManifest.read(path) == manifest
    assert not list(path.parent.glob("*.part"))


def test_what_looks_like_a_list_comes_back_as_it_was(tmp_path: Path) -> None:
    model = stored(empty_store(tmp_path), made_by={"note": "[1,2,   3]"})

    assert stored_model(model.path).manifest.made_by == {"note": "[1,2,   3]"}


@pytest.mark.parametrize(
    "made_by",
    [
        '{"loss": NaN}',
        '{"note": "\\ud800"}',
        '{"a":' * 240 + "1" + "}" * 240,
        '{"a":' * 900 + "1" + "}" * 900,
        json.dumps({"note": "x" * MAX_MANIFEST_BYTES}),
    ],
)
def test_a_model_whose_manifest_could_not_be_read_again_is_refused(
    made_by: str,
) -> None:
    with pytest.raises(ModelFileError, match="what it says of itself"):
        candidate(made_by=made_by)


def test_levels_stand_on_one_line_for_people(
    path: Path, manifest: ModelManifest
) -> None:
    manifest.write(path)

    text = path.read_text(encoding="utf-8")
    assert f'"quantile_levels": {json.dumps(LEVELS)}' in text
    assert text.startswith('{\n "signature": "tsfm-1",\n "name": "tiny",\n')


def test_one_of_plain_json_without_what_has_a_default_is_read(
    path: Path, manifest: ModelManifest
) -> None:
    document = manifest.model_dump(mode="json", by_alias=True)
    for optional in ("schema", "model_file", "golden_file", "n_parameters", "source"):
        del document[optional]
    path.write_text(json.dumps(document), encoding="utf-8")

    assert ModelManifest.read(path).model_file == "model.onnx"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda d: d.pop("sha256"), "sha256: Field required"),
        (lambda d: d.update(sha256="abc"), "sha256: "),
        (lambda d: d.update(n_bytes=0), "n_bytes: "),
        (lambda d: d.update(surprise=1), "surprise: "),
        (lambda d: d.update(schema="tsfm-runner/model/2"), "schema: "),
        (lambda d: d.update(signature="tsfm-2"), "signature: Input should be 'tsfm-1'"),
        (lambda d: d.update(name="../up"), "name: must be 1 to 64 letters"),
        (lambda d: d.update(model_file="a/b"), "model_file: must be 1 to 64 letters"),
        (lambda d: d.update(revision="."), "revision: must be"),
        (lambda d: d.update(license_tag="mine"), "license_tag: "),
        (lambda d: d.update(license_name="\x1b[2J"), "license_name: must be printable"),
        (lambda d: d.update(license_name="[/red]"), "license_name: must be printable"),
        (lambda d: d.update(steps=[2, 3]), "steps: must begin with 1"),
        (lambda d: d.update(steps=[1, 3, 3]), "steps: must begin with 1 and ascend"),
        (lambda d: d.update(steps=[1, 289]), "steps.1: "),
        (lambda d: d.update(steps=[]), "steps: "),
        (lambda d: d.update(quantile_levels=[0.9, 0.1]), "quantile_levels: must asc"),
        (lambda d: d.update(quantile_levels=[0.1, 0.8]), "must lie symmetrically"),
        (lambda d: d.update(quantile_levels=[0.12345, 0.87655]), "at most 4 digits"),
        (lambda d: d.update(quantile_levels=[0.0, 1.0]), "quantile_levels.0: "),
        (lambda d: d.update(quantile_levels=LEVELS_OF_100), "at most 99 items"),
        (lambda d: d.update(description="\x07"), "description: must be printable"),
        (lambda d: d.update(description="x" * 2_001), "at most 2000 characters"),
        (lambda d: d.update(added_at="2026-11-26T05:00:00"), "added_at: "),
    ],
)
def test_what_is_wrong_is_named(
    path: Path, manifest: ModelManifest, change: Change, told: str
) -> None:
    document = manifest.model_dump(mode="json", by_alias=True)
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")

    with pytest.raises(ModelFileError) as caught:
        ModelManifest.read(path)

    assert str(path) in str(caught.value)
    assert told in str(caught.value)


def test_many_faults_are_cut_short(path: Path) -> None:
    path.write_text('{"name": "/", "steps": [], "sha256": 1}', encoding="utf-8")

    with pytest.raises(ModelFileError, match="and 2 more"):
        ModelManifest.read(path)


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff"])
def test_what_is_no_json_object_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    with pytest.raises(ModelFileError, match=r"model\.json"):
        ModelManifest.read(path)


def test_a_manifest_that_is_not_there_or_endless_is_refused(path: Path) -> None:
    with pytest.raises(ModelFileError, match="No such file"):
        ModelManifest.read(path)

    path.write_bytes(b" " * (MAX_MANIFEST_BYTES + 1))
    with pytest.raises(ModelFileError, match="too large"):
        ModelManifest.read(path)
