"""A model is stored whole or not at all, whatever happens meanwhile."""

import multiprocessing
import os
import signal
import time
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest
from tests.adapters.models.graphs import N_PARAMETERS, model_bytes
from tests.adapters.models.samples import NOW, candidate, empty_store, stored

from tsfm_runner.adapters.models import ModelStore
from tsfm_runner.adapters.models.adding import (
    Candidate,
    add_model,
    remove_models,
    write_model,
)
from tsfm_runner.adapters.models.golden import Golden, read_golden
from tsfm_runner.adapters.models.verifying import verify
from tsfm_runner.adapters.process_lock import ProcessLock
from tsfm_runner.errors import ConfigurationError, InvalidTaskError, ModelFileError

SEED = 20261126
N_KILLS = 12
LONGEST_S = 0.1


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return empty_store(tmp_path)


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_stored_model_tells_what_it_is_and_what_it_answers(
    store: ModelStore,
) -> None:
    model = stored(store)

    manifest, golden = model.manifest, read_golden(model.golden_file)
    assert manifest.added_at == NOW
    assert manifest.source == "tiny.onnx"
    assert manifest.n_bytes == len(model_bytes())
    assert manifest.n_parameters == N_PARAMETERS
    assert golden.offsets.shape == (len(golden.contexts), 6, 7)
    assert len(files_in(model.path)) == 3
    assert store.find("tiny") == model


def test_answers_that_are_known_already_are_what_is_kept(store: ModelStore) -> None:
    usual = candidate().golden
    known = Golden(usual.contexts[:3], usual.offsets[:3])

    model = add_model(store, candidate(known=known))

    assert read_golden(model.golden_file).contexts == known.contexts


def test_a_model_that_does_not_answer_as_is_known_is_refused() -> None:
    other = candidate(slope=0.4).golden

    with pytest.raises(ModelFileError, match="answers are not the known ones"):
        candidate(known=other)


def test_the_same_revision_is_replaced_only_when_asked(store: ModelStore) -> None:
    old = stored(store)

    with pytest.raises(InvalidTaskError, match="tiny@1 is stored already"):
        stored(store, slope=0.25)
    assert old.read_bytes_checked() == model_bytes()

    add_model(store, candidate(slope=0.25), replace=True)
    assert store.find("tiny").read_bytes_checked() == model_bytes(slope=0.25)
    assert len(files_in(old.path)) == 3


def test_a_model_replaces_itself(store: ModelStore) -> None:
    stored(store)

    model = add_model(store, candidate(), replace=True)

    assert model.read_bytes_checked() == model_bytes()


def test_another_revision_stands_beside(store: ModelStore) -> None:
    stored(store)

    stored(store, revision="2")

    assert [one.label for one in store.all()] == ["tiny@1", "tiny@2"]


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("name", ["chronos2", "CHRONOS2", "bundled", "Bundled"])
def test_names_of_others_are_not_taken(
    store: ModelStore, name: str, *, replace: bool
) -> None:
    bundled = candidate(name="bundled", added_at=None)
    write_model(bundled, store.dirs[0] / "bundled" / "1")

    with pytest.raises(InvalidTaskError, match=f"^name: '{name}' is another model's"):
        add_model(store, candidate(name=name), reserved={"chronos2"}, replace=replace)
    assert not list(store.own_dir.glob(f"{name}/*/model.json"))


def test_what_a_killed_process_left_behind_is_cleared_away(store: ModelStore) -> None:
    folder = store.own_dir / "tiny" / "1"
    folder.mkdir(parents=True)
    for name in ("model-0123.onnx", "golden-0123.json", "x.part", "notes.txt"):
        folder.joinpath(name).write_bytes(b"left over")

    model = stored(store)

    ours = [model.file.name, model.golden_file.name, "model.json", "notes.txt"]
    assert files_in(folder) == sorted(ours)


def test_two_processes_do_not_change_models_at_once(store: ModelStore) -> None:
    store.own_dir.mkdir()
    lock = ProcessLock(store.own_dir / ".lock")

    with pytest.raises(ConfigurationError, match="is being changed by process"):
        stored(store)

    lock.release()
    stored(store)


def test_a_folder_that_cannot_be_written_to_is_named(store: ModelStore) -> None:
    store.own_dir.write_text("a file", encoding="utf-8")

    with pytest.raises(ConfigurationError, match="own cannot be written: "):
        stored(store)


def test_a_removed_model_leaves_nothing_of_ours(store: ModelStore) -> None:
    first, second = stored(store), stored(store, revision="2")
    second.path.joinpath("notes.txt").write_text("mine", encoding="utf-8")

    remove_models(store, [first.path, second.path])

    assert store.all() == []
    assert not first.path.exists()
    assert files_in(second.path) == ["notes.txt"]


def test_the_folder_of_a_removed_model_goes_with_its_last_revision(
    store: ModelStore,
) -> None:
    first, second = stored(store), stored(store, revision="2")

    remove_models(store, [first.path])
    assert [one.label for one in store.all()] == ["tiny@2"]

    remove_models(store, [second.path])
    assert files_in(store.own_dir) == [".lock"]


def test_a_model_that_lies_behind_a_link_is_removed_with_the_link(
    store: ModelStore, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    store.own_dir.mkdir()
    store.own_dir.joinpath("tiny").symlink_to(elsewhere)
    model = stored(store)

    remove_models(store, [model.path])

    assert files_in(store.own_dir) == [".lock"]
    assert files_in(elsewhere) == []


def replace_for_ever(
    store: ModelStore, candidates: list[Candidate], told: Connection
) -> None:
    told.send("begun")
    while True:
        for one in candidates:
            add_model(store, one, replace=True)
        remove_models(store, [store.own_dir / "tiny" / "2"])


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot be forked here")
def test_a_process_that_is_killed_leaves_whole_models(store: ModelStore) -> None:
    made_by = {"padding": "x" * 300_000}  # so that writing takes a while
    candidates = [
        candidate(made_by=made_by, slope=slope, revision=revision)
        for slope, revision in ((0.5, "1"), (0.4, "1"), (0.3, "2"))
    ]
    whole = {one.content for one in candidates}
    add_model(store, candidates[1])
    context = multiprocessing.get_context("fork")

    for after_s in np.random.default_rng(SEED).uniform(0, LONGEST_S, size=N_KILLS):
        mine, its = context.Pipe(duplex=False)
        process = context.Process(
            target=replace_for_ever, args=(store, candidates, its)
        )
        process.start()
        its.close()
        assert mine.poll(timeout=60)
        time.sleep(float(after_s))
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        mine.close()

        assert process.exitcode == -signal.SIGKILL
        models = store.all()
        assert "tiny@1" in {one.label for one in models}
        assert {one.read_bytes_checked() for one in models} <= whole
        for model in models:
            verify(model)
