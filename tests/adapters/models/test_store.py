"""Models are found by name and revision, and only whole ones are handed out."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from tests.adapters.models.graphs import model_bytes
from tests.adapters.models.samples import NOW, candidate, empty_store, stored

from tsfm_runner.adapters.models import ModelStore, model_store
from tsfm_runner.adapters.models.adding import add_model, write_model
from tsfm_runner.adapters.models.manifest import MAX_MODEL_BYTES
from tsfm_runner.adapters.models.store import SHIPPED_MODELS
from tsfm_runner.errors import ConfigurationError, ModelFileError


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return empty_store(tmp_path)


def test_a_model_comes_back_byte_for_byte(store: ModelStore) -> None:
    stored(store)

    found = store.find("tiny")

    assert found.read_bytes_checked() == model_bytes()
    assert (found.label, found.is_shipped) == ("tiny@1", False)
    assert found.path == store.own_dir / "tiny" / "1"


def test_a_shipped_model_lies_in_plain_files(store: ModelStore) -> None:
    write_model(candidate(added_at=None), store.dirs[0] / "tiny" / "1")

    found = store.find("tiny", "1")

    assert found.is_shipped
    assert found.file == store.dirs[0] / "tiny" / "1" / "model.onnx"
    assert found.golden_file.name == "golden.json"
    assert store.shipped_names() == {"tiny"}


def test_without_a_revision_the_one_that_was_added_last_is_found(
    store: ModelStore,
) -> None:
    for revision, age in (("2", 0), ("3", 2), ("10", 1)):
        add_model(
            store, candidate(revision=revision, added_at=NOW - timedelta(days=age))
        )

    assert store.find("tiny").manifest.revision == "2"
    assert store.find("tiny", "3").manifest.revision == "3"
    assert [one.label for one in store.all()] == ["tiny@10", "tiny@2", "tiny@3"]


def test_of_each_model_the_revision_that_was_added_last_is_the_newest(
    store: ModelStore,
) -> None:
    add_model(store, candidate(name="other", revision="2"))
    for revision, age_s in (("9", 1), ("10", 0)):
        when = NOW - timedelta(seconds=age_s)
        add_model(store, candidate(revision=revision, added_at=when))

    assert [one.label for one in store.newest()] == ["other@2", "tiny@10"]


def test_a_place_that_cannot_be_looked_at_is_not_taken_for_an_empty_one(
    store: ModelStore,
) -> None:
    store.own_dir.write_text("no folder", encoding="utf-8")

    with pytest.raises(ModelFileError, match=r"own cannot be read: Not a directory"):
        store.all()


def test_what_else_lies_between_models_is_passed_over(store: ModelStore) -> None:
    stored(store)
    for place in ("notes.txt", "tiny/notes.txt"):
        store.own_dir.joinpath(place).write_text("mine", encoding="utf-8")

    assert [one.label for one in store.all()] == ["tiny@1"]


@pytest.mark.parametrize("name", ["other", "*", "../own/tiny", "", "/"])
def test_what_is_not_stored_is_told_beside_what_is(
    store: ModelStore, name: str
) -> None:
    stored(store)

    with pytest.raises(ModelFileError, match="there are: tiny@1"):
        store.find(name)


def test_a_revision_that_is_not_stored_is_named(store: ModelStore) -> None:
    with pytest.raises(ModelFileError, match=r"tiny in revision 2 is stored.*: none"):
        store.find("tiny", "2")


@pytest.mark.parametrize("place", [0, 300, -1])
def test_a_changed_byte_is_found(store: ModelStore, place: int) -> None:
    model = stored(store)
    content = bytearray(model_bytes())
    content[place] ^= 1
    model.file.write_bytes(content)

    with pytest.raises(ConfigurationError) as caught:
        model.read_bytes_checked()

    told = str(caught.value)
    assert str(model.file) in told
    assert model.manifest.sha256 in told
    assert "models remove tiny@1" in told


def test_a_file_that_is_cut_short_is_found(store: ModelStore) -> None:
    model = stored(store)
    model.file.write_bytes(model_bytes()[:-100])
    whole = len(model_bytes())

    with pytest.raises(ModelFileError, match=f"{whole - 100} bytes .* have {whole}"):
        model.read_bytes_checked()


def test_a_file_without_an_end_is_not_read_to_its_end(store: ModelStore) -> None:
    model = stored(store)
    os.truncate(model.file, MAX_MODEL_BYTES + 1)

    with pytest.raises(ModelFileError, match=r"damaged: it has more than 67,108,864"):
        model.read_bytes_checked()


def test_a_damaged_file_of_the_package_is_mended_by_installing_it_again(
    store: ModelStore,
) -> None:
    model = write_model(candidate(added_at=None), store.dirs[0] / "tiny" / "1")
    model.file.unlink()

    with pytest.raises(ModelFileError, match=r"No such file.*Install tsfm-runner"):
        model.read_bytes_checked()


def test_a_folder_without_a_manifest_holds_no_model(store: ModelStore) -> None:
    folder = store.own_dir / "tiny" / "1"
    folder.mkdir(parents=True)
    folder.joinpath("model.onnx").write_bytes(model_bytes())

    assert store.all() == []


def test_a_manifest_in_the_folder_of_another_stops_the_start(
    store: ModelStore,
) -> None:
    model = stored(store)
    model.path.rename(model.path.with_name("2"))

    with pytest.raises(ModelFileError, match="is of tiny@1, which belongs into"):
        store.all()


def test_a_model_that_would_be_taken_for_one_of_the_package_stops_the_start(
    store: ModelStore,
) -> None:
    write_model(candidate(added_at=None), store.dirs[0] / "tiny" / "1")
    write_model(candidate(slope=0.4), store.own_dir / "tiny" / "1")

    with pytest.raises(ModelFileError, match=r"own.* remove tiny@1` takes it out"):
        store.all()


def test_a_damaged_manifest_stops_the_start(store: ModelStore) -> None:
    model = stored(store)
    model.path.joinpath("model.json").write_text("{", encoding="utf-8")

    with pytest.raises(ModelFileError, match=r"model\.json"):
        store.all()


def test_models_are_those_of_the_package_and_of_the_users_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))

    assert model_store(None).dirs[0] == SHIPPED_MODELS
    assert model_store(None).own_dir.parts[-2:] == ("tsfm-runner", "models")
    assert model_store(tmp_path).own_dir == tmp_path
