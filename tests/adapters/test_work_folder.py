"""What is done of a study is there again, whole, and for one process at a time."""

import os
import pickle
import resource
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tsfm_runner.adapters.work_folder import WorkFolder
from tsfm_runner.adapters.working.toolchain import this_toolchain
from tsfm_runner.errors import StudyInUseError, StudyNotStoredError

UNIT = "bands/300/ewma: first & only"
ARRAYS = {"bands": np.arange(6.0).reshape(2, 3)}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[WorkFolder]:
    with WorkFolder(tmp_path / "work", "study") as opened:
        yield opened


def files(store: WorkFolder) -> list[Path]:
    return [path for path in store.path(UNIT).parents[1].rglob("*") if path.is_file()]


def test_a_unit_is_not_done_before_it_is_written(store: WorkFolder) -> None:
    assert not store.has(UNIT)


def test_what_is_written_is_read(store: WorkFolder) -> None:
    store.write(UNIT, ARRAYS)

    assert store.has(UNIT)
    assert store.read(UNIT)["bands"].tolist() == ARRAYS["bands"].tolist()


def test_a_study_that_is_opened_again_goes_on(tmp_path: Path) -> None:
    with WorkFolder(tmp_path, "study") as store:
        store.write(UNIT, ARRAYS)

    with WorkFolder(tmp_path, "study") as again:
        assert again.has(UNIT)


def test_another_study_begins_anew(tmp_path: Path) -> None:
    with WorkFolder(tmp_path, "study") as store:
        store.write(UNIT, ARRAYS)

    with WorkFolder(tmp_path, "other study") as other:
        assert not other.has(UNIT)


def test_other_code_begins_anew(tmp_path: Path) -> None:
    with WorkFolder(tmp_path, "study") as store:
        store.write(UNIT, ARRAYS)
    other_code = replace(this_toolchain(), code="another")

    with WorkFolder(tmp_path, "study", toolchain=other_code) as other:
        assert not other.has(UNIT)


def test_a_name_may_hold_anything(store: WorkFolder) -> None:
    names = ["a/b", "a-b", "../a", "A/B", "", "ä" * 300, "a\0b"]

    for number, name in enumerate(names):
        store.write(name, {"number": np.array(number)})

    assert [int(store.read(name)["number"]) for name in names] == list(range(7))
    assert len({store.path(name).parent for name in names}) == 1


def test_a_reader_reads_in_another_process(store: WorkFolder) -> None:
    store.write(UNIT, ARRAYS)

    read = pickle.loads(pickle.dumps(store.reader(UNIT)))  # noqa: S301

    assert read()["bands"].tolist() == ARRAYS["bands"].tolist()


def test_a_damaged_unit_is_not_done(store: WorkFolder) -> None:
    store.write(UNIT, ARRAYS)
    content = store.path(UNIT).read_bytes()
    store.path(UNIT).write_bytes(content[:-1])

    assert not store.has(UNIT)
    with pytest.raises(StudyNotStoredError, match="cannot be read; start again"):
        store.read(UNIT)


def test_a_damaged_unit_can_be_written_again(store: WorkFolder) -> None:
    store.path(UNIT).write_bytes(b"half of it")

    store.write(UNIT, ARRAYS)

    assert store.has(UNIT)


def test_a_unit_that_is_gone_is_said_to_be(store: WorkFolder) -> None:
    with pytest.raises(StudyNotStoredError, match="is gone; start again"):
        store.read(UNIT)


def test_what_a_killed_writer_left_is_deleted(tmp_path: Path) -> None:
    with WorkFolder(tmp_path, "study") as store:
        left_over = Path(f"{store.path(UNIT)}.4711.part")
        left_over.write_bytes(b"half of it")

    with WorkFolder(tmp_path, "study") as store:
        assert not left_over.exists()
        assert not store.has(UNIT)


def test_two_at_a_time_are_refused_and_the_first_is_named(tmp_path: Path) -> None:
    with (
        WorkFolder(tmp_path, "study"),
        pytest.raises(StudyInUseError, match=f"in use by process {os.getpid()}: wait"),
    ):
        WorkFolder(tmp_path, "other study")


def test_other_studies_are_deleted_when_that_is_asked_for(tmp_path: Path) -> None:
    with WorkFolder(tmp_path, "old study") as old:
        old.write(UNIT, ARRAYS)
    (tmp_path / "notes").mkdir()
    with WorkFolder(tmp_path, "study") as store:
        store.write(UNIT, ARRAYS)

        store.remove_others()

        assert store.has(UNIT)
    assert not old.path(UNIT).parent.exists()
    assert (tmp_path / "notes").exists()


def test_a_study_is_cleared_when_that_is_asked_for(store: WorkFolder) -> None:
    store.write(UNIT, ARRAYS)

    store.clear()

    assert [path.name for path in files(store)] == ["lock"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_a_full_disk_is_one_line_and_half_of_nothing(store: WorkFolder) -> None:
    store.write(UNIT, ARRAYS)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(StudyNotStoredError) as raised:
            store.write("big", {"big": np.zeros(100_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert str(raised.value).endswith(
        "cannot be written to: File too large; what was done is kept"
    )
    assert sorted(path.name for path in files(store)) == [
        store.path(UNIT).name,
        "lock",
    ]


def test_a_place_that_is_no_folder_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StudyNotStoredError, match="cannot be written to: Not a dir"):
        WorkFolder(tmp_path / "file", "study")
