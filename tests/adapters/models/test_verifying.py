"""A stored model is looked at again: bytes, words and answers."""

from pathlib import Path

import numpy as np
import pytest
from tests.adapters.models.graphs import N_PARAMETERS, model_bytes
from tests.adapters.models.samples import empty_store, stored

from tsfm_runner.adapters.models import StoredModel
from tsfm_runner.adapters.models.golden import Golden, read_golden, write_golden
from tsfm_runner.adapters.models.manifest import ModelManifest
from tsfm_runner.adapters.models.store import sha256_of, stored_model
from tsfm_runner.adapters.models.verifying import verify
from tsfm_runner.errors import ModelFileError


@pytest.fixture
def model(tmp_path: Path) -> StoredModel:
    return stored(empty_store(tmp_path))


def rewritten(model: StoredModel, **changes: object) -> StoredModel:
    """Return a model whose manifest says something else."""
    document = {**model.manifest.model_dump(), **changes}
    ModelManifest.model_validate(document).write(model.path / "model.json")
    return stored_model(model.path)


def test_a_sound_model_is_verified_with_its_known_answers(model: StoredModel) -> None:
    assert verify(model) == (N_PARAMETERS, 12)


def test_without_known_answers_it_still_has_to_be_sound(model: StoredModel) -> None:
    model.golden_file.unlink()
    assert verify(model) == (N_PARAMETERS, 0)

    content = model_bytes("not_a_number")
    model.file.write_bytes(content)
    with pytest.raises(ModelFileError, match="not all finite"):
        verify(rewritten(model, sha256=sha256_of(content)))


def test_a_changed_byte_is_found(model: StoredModel) -> None:
    content = bytearray(model.file.read_bytes())
    content[100] ^= 4
    model.file.write_bytes(content)

    with pytest.raises(ModelFileError, match="is damaged"):
        verify(model)


def test_another_model_in_its_place_is_found_by_its_answers(
    model: StoredModel,
) -> None:
    content = model_bytes(slope=0.4)
    model.file.write_bytes(content)

    with pytest.raises(ModelFileError, match="answers are not the known ones"):
        verify(rewritten(model, sha256=sha256_of(content)))


def test_a_manifest_that_says_other_levels_than_the_model_is_found(
    model: StoredModel,
) -> None:
    with pytest.raises(ModelFileError, match=r"quantile_levels are .* manifest says"):
        verify(rewritten(model, quantile_levels=(0.1, 0.9)))


def test_a_name_of_the_users_own_is_no_difference(tmp_path: Path) -> None:
    model = stored(empty_store(tmp_path), name="mine", revision="2026-11")

    assert verify(model).n_known_answers == 12


def test_known_answers_that_were_changed_are_found(model: StoredModel) -> None:
    golden = read_golden(model.golden_file)
    write_golden(
        Golden(golden.contexts, golden.offsets + np.float32(0.5)), model.golden_file
    )

    with pytest.raises(ModelFileError, match="504 of 504 answers"):
        verify(model)
