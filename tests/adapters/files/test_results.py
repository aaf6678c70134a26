"""Files of a study appear whole or not at all, whatever stops their writing."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from tsfm_runner.adapters.files.results import (
    remove_left_overs,
    write_table,
    write_text,
)
from tsfm_runner.errors import StudyNotStoredError

FRAMES = [pl.DataFrame({"a": [1, 2]}), pl.DataFrame({"a": [3]})]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_text_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "new" / "scores.json"

    write_text(path, "before")
    write_text(path, "after ±\n")

    assert path.read_bytes() == "after ±\n".encode()
    assert names_in(path.parent) == ["scores.json"]


def test_frames_are_joined_in_one_table(tmp_path: Path) -> None:
    path = tmp_path / "new" / "scores.parquet"

    write_table(path, iter(FRAMES))

    assert pl.read_parquet(path)["a"].to_list() == [1, 2, 3]
    assert names_in(path.parent) == ["scores.parquet"]


def test_the_same_frames_make_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "other"):
        write_table(tmp_path / name, FRAMES)

    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def stopped(error: BaseException) -> Iterator[pl.DataFrame]:
    yield FRAMES[0]
    raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError()])
def test_a_table_that_is_stopped_leaves_what_was_there(
    tmp_path: Path, error: BaseException
) -> None:
    path = tmp_path / "bands.parquet"
    write_table(path, FRAMES[1:])

    with pytest.raises(type(error)):
        write_table(path, stopped(error))

    assert pl.read_parquet(path)["a"].to_list() == [3]
    assert names_in(tmp_path) == ["bands.parquet"]


def test_frames_that_do_not_fit_together_are_no_table(tmp_path: Path) -> None:
    other = pl.DataFrame({"b": [3]})

    with pytest.raises(
        StudyNotStoredError, match=r"bands\.parquet cannot be"
    ) as caught:
        write_table(tmp_path / "bands.parquet", [FRAMES[0], other])

    assert "\n" not in str(caught.value)
    assert names_in(tmp_path) == []


def test_a_place_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    path = tmp_path / "file" / "scores.json"

    writes: list[Callable[[], None]] = [
        lambda: write_text(path, "text"),
        lambda: write_table(path, FRAMES),
    ]
    for write in writes:
        with pytest.raises(StudyNotStoredError) as caught:
            write()
        assert str(caught.value).startswith(f"{path} cannot be written: ")
        assert "\n" not in str(caught.value)


def test_a_folder_in_the_place_of_the_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    path.mkdir()

    with pytest.raises(StudyNotStoredError, match="cannot be written: Is a directory"):
        write_text(path, "text")

    assert names_in(tmp_path) == ["scores.json"]


def test_what_a_killed_process_left_is_removed_and_nothing_else(
    tmp_path: Path,
) -> None:
    (tmp_path / f"scores.json.{os.getpid()}.part").write_text("hal")
    (tmp_path / ".parts-x1").mkdir()
    (tmp_path / ".parts-x1" / "0.parquet").write_bytes(b"PAR1")
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "notes.txt.1.part").write_text("mine too")
    (tmp_path / ".work").mkdir()

    remove_left_overs(tmp_path, ["scores.json"])

    assert names_in(tmp_path) == [".work", "notes.txt", "notes.txt.1.part"]


def test_a_folder_that_is_not_there_has_no_left_overs(tmp_path: Path) -> None:
    remove_left_overs(tmp_path / "never", ["scores.json"])

    assert names_in(tmp_path) == []
