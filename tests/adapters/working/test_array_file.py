"""Arrays in a file come back bit by bit, or the damage is seen."""

import pickle
import resource
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsfm_runner.adapters.working.array_file import (
    DamagedFileError,
    is_whole,
    read_arrays,
    write_arrays,
)

ARRAYS = {
    "floats": np.array([0.1, np.nan, -0.0, np.inf]),
    "narrow": np.arange(6, dtype=np.float32).reshape(2, 3),
    "turned": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    "every other": np.arange(10)[::2],
    "one": np.array(7),
    "none": np.empty((0, 3)),
    "flags": np.array([True, False]),
    "words": np.array(["ewma", "kalman"]),
    "times": np.array(["2026-02-20T00:00"], dtype="datetime64[s]"),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    written = tmp_path / "unit.arrays"
    write_arrays(written, ARRAYS)
    return written


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_comes_back_as_it_was(path: Path, name: str) -> None:
    found = read_arrays(path)[name]

    assert found.dtype == ARRAYS[name].dtype
    assert found.shape == ARRAYS[name].shape
    assert found.tobytes() == ARRAYS[name].tobytes()
    assert found.flags.aligned


def test_arrays_that_were_read_cannot_be_written_to(path: Path) -> None:
    with pytest.raises(ValueError, match="read-only"):
        read_arrays(path)["floats"][0] = 1


def test_arrays_that_were_read_can_be_sent_on(path: Path) -> None:
    sent = pickle.loads(pickle.dumps(read_arrays(path), protocol=5))  # noqa: S301

    assert sent["narrow"].tolist() == ARRAYS["narrow"].tolist()


def test_no_arrays_are_a_file_too(tmp_path: Path) -> None:
    write_arrays(tmp_path / "empty", {})

    assert read_arrays(tmp_path / "empty") == {}
    assert is_whole(tmp_path / "empty")


def test_a_file_is_written_over_as_a_whole(path: Path) -> None:
    write_arrays(path, {"new": np.arange(3)})

    assert read_arrays(path)["new"].tolist() == [0, 1, 2]
    assert [found.name for found in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "array",
    [np.array([None]), np.zeros(2, dtype=[("low", float), ("high", float)])],
    ids=["objects", "fields"],
)
def test_arrays_that_are_more_than_their_bytes_are_refused(
    tmp_path: Path, array: np.ndarray
) -> None:
    with pytest.raises(ValueError, match=r"low: arrays of .* cannot be stored"):
        write_arrays(tmp_path / "unit.arrays", {"low": array})

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_missing_is_not_whole(tmp_path: Path) -> None:
    assert not is_whole(tmp_path / "unit.arrays")


def test_a_file_that_was_written_is_whole(path: Path) -> None:
    assert is_whole(path)


@given(kept=st.floats(0, 1, exclude_max=True))
def test_a_file_that_is_cut_short_is_seen(
    tmp_path_factory: pytest.TempPathFactory, kept: float
) -> None:
    path = tmp_path_factory.mktemp("cut") / "unit.arrays"
    write_arrays(path, ARRAYS)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])

    assert not is_whole(path)
    with pytest.raises(DamagedFileError):
        read_arrays(path)


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_bit_that_is_changed_is_seen(
    tmp_path_factory: pytest.TempPathFactory, place: float, bit: int
) -> None:
    path = tmp_path_factory.mktemp("changed") / "unit.arrays"
    write_arrays(path, ARRAYS)
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    path.write_bytes(content)

    assert not is_whole(path)


@pytest.mark.parametrize(
    "header",
    [b"[]", b"{}", b'{"arrays": 1, "n_bytes": 0}', b'{"arrays": {"a": 1}', b"\xff"],
)
def test_a_header_that_is_none_is_seen(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "unit.arrays"
    path.write_bytes(
        b"tsfmwrk1" + bytes(8) + len(header).to_bytes(8, "little") + header
    )

    with pytest.raises(DamagedFileError):
        read_arrays(path)


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "unit.arrays"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            write_arrays(path, {"big": np.zeros(100_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert list(tmp_path.iterdir()) == []
