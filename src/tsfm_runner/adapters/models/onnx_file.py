"""Read what an ONNX file says of itself, without running it.

Only what is needed of the format: a message is a list of numbered fields, and only a
few of them lead to metadata and to weights.
https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

_METADATA, _KEY, _VALUE = 14, 1, 2
_DIMS, _TYPE, _LOCATION = 1, 2, 14
_FLOATS = frozenset({1, 2, 3, 10, 11, 16})  # and the two that quantised weights have
_EXTERNAL = 1
_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5
_MAX_VARINT_BYTES = 10
# By the kind of a message: the fields that hold messages, and of which kind.
_CHILDREN: Mapping[str, Mapping[int, str]] = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor",
        6: "graph",
        10: "tensor",
        11: "graph",
        22: "sparse",
        23: "sparse",
    },
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}

_Field = tuple[int, int | memoryview]


class NotOnnxError(Exception):
    """The bytes are none of an ONNX file, or it is cut short."""


class OnnxFile(NamedTuple):
    """What was read: the metadata, and how large the model is."""

    metadata: Mapping[str, str]
    n_parameters: int
    """Numbers in all tensors of weights."""
    has_outer_weights: bool
    """Whether weights lie in other files, which the model names."""


def read_onnx(content: bytes) -> OnnxFile:
    """Return what the file says of itself; raise ``NotOnnxError`` if it is none."""
    tensors = [_tensor(found) for found in _tensors(memoryview(content))]
    metadata: dict[str, str] = {}
    for number, value in _fields(memoryview(content)):
        if number == _METADATA:
            entry = dict(_fields(_message(value)))
            metadata[_text(entry.get(_KEY))] = _text(entry.get(_VALUE))
    return OnnxFile(
        metadata,
        sum(size for size, _ in tensors),
        any(is_external for _, is_external in tensors),
    )


def _tensors(model: memoryview) -> Iterator[memoryview]:
    left = [("model", model)]
    is_graph_met = False
    while left:
        kind, message = left.pop()
        if kind == "tensor":
            yield message
            continue
        is_graph_met |= kind == "graph"
        for number, value in _fields(message):
            child = _CHILDREN[kind].get(number)
            if child is not None:
                left.append((child, _message(value)))
    if not is_graph_met:
        raise NotOnnxError("it holds no graph")


def _tensor(message: memoryview) -> tuple[int, bool]:
    """Return how many weights a tensor holds, and whether they lie elsewhere."""
    dims: list[int] = []
    kind, location = 0, 0
    for number, value in _fields(message):
        if number == _DIMS:
            dims += [value] if isinstance(value, int) else _packed(value)
        elif number == _TYPE and isinstance(value, int):
            kind = value
        elif number == _LOCATION and isinstance(value, int):
            location = value
    return math.prod(dims) if kind in _FLOATS else 0, location == _EXTERNAL


def _fields(message: memoryview) -> Iterator[_Field]:
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if wire == _LENGTH:
            n_bytes, at = _varint(message, at)
        elif wire in {_FOUR_BYTES, _EIGHT_BYTES}:
            n_bytes = 4 if wire == _FOUR_BYTES else 8
        else:
            raise NotOnnxError("it is no ONNX file")
        if at + n_bytes > len(message):
            raise NotOnnxError("it is cut short, or no ONNX file")
        yield number, message[at : at + n_bytes]
        at += n_bytes


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, least first, and where it ends."""
    value = 0
    for place, byte in enumerate(message[at : at + _MAX_VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:  # noqa: PLR2004 - the bit that says that more follows
            return value, at + place + 1
    raise NotOnnxError("it is cut short, or no ONNX file")


def _packed(numbers: memoryview) -> list[int]:
    values, at = [], 0
    while at < len(numbers):
        value, at = _varint(numbers, at)
        values.append(value)
    return values


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise NotOnnxError("it is no ONNX file")
    return value


def _text(value: int | memoryview | None) -> str:
    if not isinstance(value, memoryview):
        return ""
    try:
        return bytes(value).decode()
    except UnicodeDecodeError:
        raise NotOnnxError("its metadata are no text") from None
