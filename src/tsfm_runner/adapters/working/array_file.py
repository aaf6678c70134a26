"""Arrays in one file, which is whole or not there, and opens without being read.

The file is a mark, a checksum of all that comes later, the length of a header, the
header as JSON with types, shapes and places, and the bytes of one array after the
other, each at a multiple of 64 so that it can be mapped into memory.
"""

import json
import mmap
import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

PART = ".part"  # the ending of a file that is being written

_MARK = b"tsfmwrk1"
_NUMBER_BYTES = 8
_CHECKED_FROM = len(_MARK) + _NUMBER_BYTES
_START = _CHECKED_FROM + _NUMBER_BYTES
_ALIGNMENT = 64

Array = npt.NDArray[Any]


class DamagedFileError(Exception):
    """The file is cut short, changed, or none of ours."""


class _Place(NamedTuple):
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int  # from the beginning of the file


def write_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write the file beside its place, then move it there; sync both to the disk.

    Raises ``OSError`` and leaves nothing behind where that fails, and ``ValueError``
    for arrays whose bytes are not their values, as those of objects.
    """
    plain = {name: _plain(name, array) for name, array in arrays.items()}
    part = path.with_name(f"{path.name}.{os.getpid()}{PART}")
    try:
        with part.open("wb") as file:
            _write(file, plain)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        sync_folder(path.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def read_arrays(path: Path) -> dict[str, Array]:
    """Return the arrays, mapped into memory and not to be written to.

    Raises ``OSError`` where there is no file, ``DamagedFileError`` where its length or
    its header are wrong; damage inside the arrays is for ``is_whole`` to find.
    """
    content = _content(path)
    try:
        return {
            name: np.ndarray(place.shape, place.dtype, content, place.offset)
            for name, place in _places(content).items()
        }
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise DamagedFileError(f"{path} is damaged") from exc


def is_whole(path: Path) -> bool:
    """Whether the file is there, as long as it should be, and unchanged."""
    try:
        read_arrays(path)
        content = memoryview(_content(path))
    except (OSError, DamagedFileError):
        return False
    checksum = zlib.crc32(content[_CHECKED_FROM:])
    return content[len(_MARK) : _CHECKED_FROM] == _number(checksum)


def sync_folder(folder: Path) -> None:
    """Make safe what was moved into a folder; nothing to do where that is unknown."""
    if os.name == "posix":
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def _plain(name: str, array: Array) -> Array:
    if array.dtype.hasobject or np.dtype(array.dtype.str) != array.dtype:
        raise ValueError(f"{name}: arrays of {array.dtype} cannot be stored")
    return np.require(array, requirements="C")


def _write(file: BinaryIO, arrays: Mapping[str, Array]) -> None:
    pieces = list(_pieces(arrays))
    header = _header(arrays)
    checksum = zlib.crc32(_number(len(header)) + header)
    for piece in pieces:
        checksum = zlib.crc32(piece, checksum)
    file.write(_MARK + _number(checksum) + _number(len(header)) + header)
    for piece in pieces:
        file.write(piece)


def _header(arrays: Mapping[str, Array]) -> bytes:
    """Return the header, filled up so that the first array is in its place."""
    places, end = {}, 0
    for name, array in arrays.items():
        offset = end + -end % _ALIGNMENT
        places[name] = (array.dtype.str, array.shape, offset)
        end = offset + array.nbytes
    header = json.dumps({"arrays": places, "n_bytes": end}).encode()
    return header + b" " * (-(_START + len(header)) % _ALIGNMENT)


def _pieces(arrays: Mapping[str, Array]) -> Iterator[bytes | memoryview]:
    """Yield the bytes of each array, and the zeros that bring it to its place."""
    end = 0
    for array in arrays.values():
        yield bytes(-end % _ALIGNMENT)
        yield array.reshape(-1).view(np.uint8).data
        end += -end % _ALIGNMENT + array.nbytes


def _number(value: int) -> bytes:
    return value.to_bytes(_NUMBER_BYTES, "little")


def _content(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        try:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError as exc:
            raise DamagedFileError(f"{path} is empty") from exc


def _places(content: mmap.mmap) -> dict[str, _Place]:
    """Return where each array is; raise any of four errors for what is no header."""
    start = _START + int.from_bytes(content[_CHECKED_FROM:_START], "little")
    header = json.loads(content[_START:start])
    if content[: len(_MARK)] != _MARK or start + header["n_bytes"] != len(content):
        raise ValueError("not the mark, or not the length")
    return {
        name: _Place(np.dtype(dtype), tuple(shape), start + offset)
        for name, (dtype, shape, offset) in header["arrays"].items()
    }
