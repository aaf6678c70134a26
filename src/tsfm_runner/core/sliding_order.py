"""The k-th smallest of every window of a series, for all windows at once.

Number the values of a series in their order, and a window is a set of bits: the value
that comes sets its bit, the one that goes clears it, and the k-th smallest is the k-th
bit that is set. So one sort serves every window and every rank.
"""

from collections.abc import Sequence
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from tsfm_runner.core.arrays import FloatArray, IntArray

_WORD_BITS = 64
_HALVES = (32, 16, 8)  # of a word, of its half, of its quarter: what is left is a byte
_BYTE_BITS = 8

RankArray: TypeAlias = npt.NDArray[np.int32]

_Words = npt.NDArray[np.uint64]
_Bytes = npt.NDArray[np.uint8]
_Scalar = TypeVar("_Scalar", bound=np.generic)


def sliding_order_statistics(
    values: FloatArray, *, lengths: Sequence[int], ranks: RankArray
) -> FloatArray:
    """Return the values of some ranks in the windows that end at the last points.

    Parameters
    ----------
    values : (n_series, n_points) array
        NaN where there is no value; it takes up its place in a window all the same.
    lengths : sequence of int
        Points in a window of each series, at least 1; fewer at its start.
    ranks : (n_series, n_ranks, n_windows) array
        From 0 for the smallest, for each of the last so many points. Where a window
        holds no more values than its rank, the result means nothing.

    Returns
    -------
    (n_series, n_ranks, n_windows) array

    References
    ----------
    Vigna (2008), Broadword implementation of rank/select queries, WEA.

    Examples
    --------
    >>> sliding_order_statistics(
    ...     np.array([[3.0, 1.0, 2.0, 5.0]]),
    ...     lengths=[3],
    ...     ranks=np.array([[[0, 1, 1, 1]]]),
    ... ).tolist()
    [[[3.0, 3.0, 2.0, 2.0]]]

    """
    order = np.argsort(values, axis=1)
    words = _windows(values, order, lengths)[..., -ranks.shape[2] :]
    before = _counted_before(words)
    word = _word_of(ranks, before)
    cell = _cell_of(word, n_words=words.shape[1])
    left = (ranks - before.ravel().take(cell)).astype(np.uint8)
    place = word
    place *= _WORD_BITS
    place += _bit_of(left, words.ravel().take(cell))
    place += (np.arange(len(values)) * values.shape[1])[:, None, None]
    ordered = np.take_along_axis(values, order, axis=1)
    return ordered.ravel().take(place, mode="clip")


def _windows(values: FloatArray, order: IntArray, lengths: Sequence[int]) -> _Words:
    """Return the set of the window that ends at each point, over (words, points).

    A bit that is flipped twice is as it was: to come and to go are the same.
    """
    n_series, n_points = values.shape
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.arange(n_points)[None], axis=1)
    word, bit = np.divmod(place, _WORD_BITS)
    bits = np.uint64(1) << bit.astype(np.uint64)
    bits[np.isnan(values)] = 0
    flips = np.zeros((n_series, -(-n_points // _WORD_BITS), n_points), dtype=np.uint64)
    np.put_along_axis(flips, word[:, None], bits[:, None], axis=1)
    gone = _delayed(word, lengths)[:, None]
    flipped = np.take_along_axis(flips, gone, axis=1)
    flipped ^= _delayed(bits, lengths)[:, None]
    np.put_along_axis(flips, gone, flipped, axis=1)
    return np.bitwise_xor.accumulate(flips, axis=2, out=flips)


def _delayed(
    rows: npt.NDArray[_Scalar], lengths: Sequence[int]
) -> npt.NDArray[_Scalar]:
    """Return each row moved back by its own number of points, zeros before it."""
    delayed = np.zeros_like(rows)
    for late, row, length in zip(delayed, rows, lengths, strict=True):
        late[length:] = row[:-length]
    return delayed


def _counted_before(words: _Words) -> RankArray:
    """Return how many bits are set in the words before each."""
    counts, before = np.bitwise_count(words), np.zeros(words.shape, dtype=np.int32)
    for place in range(1, words.shape[1]):
        np.add(before[:, place - 1], counts[:, place - 1], out=before[:, place])
    return before


def _word_of(ranks: RankArray, before: RankArray) -> IntArray:
    """Return the word in which the bit of each rank stands."""
    word = np.zeros(ranks.shape, dtype=np.int64)
    for place in range(1, before.shape[1]):
        word += before[:, None, place] <= ranks
    return word


def _cell_of(word: IntArray, *, n_words: int) -> IntArray:
    """Return where some words stand in a flat array over (words, points)."""
    n_series, _, n_points = word.shape
    first = np.arange(n_series) * (n_words * n_points)
    return np.asarray(word * n_points + (first[:, None] + np.arange(n_points))[:, None])


def _bit_of(rank: _Bytes, words: _Words) -> _Bytes:
    """Return where in its word the bit of each rank stands, by halving the word."""
    bit = np.zeros_like(rank)
    for width in _HALVES:
        n_low = np.bitwise_count(words & np.uint64((1 << width) - 1))
        is_high = n_low <= rank
        rank -= n_low * is_high
        shift = is_high * np.uint8(width)
        words >>= shift
        bit += shift
    byte = words.astype(np.uint8).astype(np.intp) * _BYTE_BITS
    byte += rank
    bit += _BIT_OF_RANK.take(byte, mode="clip")
    return bit


def _bits_of_ranks() -> _Bytes:
    """Return for each byte and rank, byte by byte, where its bit stands."""
    table = np.zeros((1 << _BYTE_BITS, _BYTE_BITS), dtype=np.uint8)
    for byte, row in enumerate(table):
        bits = [bit for bit in range(_BYTE_BITS) if byte >> bit & 1]
        row[: len(bits)] = bits
    return table.ravel()


_BIT_OF_RANK = _bits_of_ranks()
