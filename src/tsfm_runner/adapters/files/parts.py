"""Prices in one table or in many: find them, and read those that are not damaged."""

import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from tsfm_runner.adapters.files.points import canonical_points
from tsfm_runner.adapters.files.series import SkippedMarket
from tsfm_runner.adapters.files.sources import DOCUMENT_SUFFIXES, TABLE_SCANS
from tsfm_runner.config import PreparationConfig
from tsfm_runner.errors import UnreadableInputError

PRICES = "prices"

_PART = f"{PRICES}[-_.0-9]*"  # none that only begin alike, as pricesheet
_WILD = "*?["
_UNREADABLE = "the table cannot be read"
_STANDARD_ERROR = 2


def price_files(place: Path) -> list[Path]:
    """Return the tables of prices at a place, in order of their names.

    A place is a table, a pattern such as ``data/prices-*.parquet``, or a folder. In a
    folder they are called ``prices``, or begin so (``prices-01.parquet``), or lie in a
    folder of that name; where some are Parquet, CSV is left alone. Raises
    ``UnreadableInputError`` where there is none.
    """
    if place.is_dir():
        found = _in_folder(place)
        if not found:
            names = " or ".join(f"{PRICES}{suffix}" for suffix in TABLE_SCANS)
            raise UnreadableInputError(f"{place} holds no {names}")
        return found
    if any(mark in place.name for mark in _WILD) and not place.exists():
        found = sorted(path for path in place.parent.glob(place.name) if path.is_file())
        if not found:
            raise UnreadableInputError(f"no file is called {place}")
        return [_table(path) for path in found]
    if not place.is_file():
        raise UnreadableInputError(f"{place} is no file and no folder")
    return [_table(place)]


def _in_folder(folder: Path) -> list[Path]:
    for suffix in TABLE_SCANS:
        found = [
            *folder.glob(f"{PRICES}{suffix}"),
            *folder.glob(f"{_PART}{suffix}"),
            *(folder / PRICES).rglob(f"*{suffix}"),
        ]
        if found:
            return sorted(set(found))
    return []


def _table(path: Path) -> Path:
    suffix = path.suffix.lower()
    if suffix in DOCUMENT_SUFFIXES:
        raise UnreadableInputError(
            f"{path} holds requests: to evaluate or to learn, prices over time are "
            "needed"
        )
    if suffix not in TABLE_SCANS:
        known = ", ".join(TABLE_SCANS)
        raise UnreadableInputError(f"{path} must be a folder or end in one of: {known}")
    return path


def read_parts(
    paths: Sequence[Path], config: PreparationConfig
) -> tuple[pl.DataFrame, dict[Path, SkippedMarket]]:
    """Return the points of all tables, and why some tables have none.

    Raises ``UnreadableInputError`` where no table can be read.
    """
    tables: list[pl.DataFrame] = []
    skipped: dict[Path, SkippedMarket] = {}
    for path in paths:
        try:
            table = TABLE_SCANS[path.suffix.lower()](path)
            tables.append(canonical_points(table, config))
        except UnreadableInputError as exc:
            found = str(exc).removeprefix(f"{_UNREADABLE}: ")
            skipped[path] = SkippedMarket(path.name, _UNREADABLE, found)
    if not tables:
        first = next(iter(skipped.values()))
        others = f", nor {len(skipped) - 1} others" if len(skipped) > 1 else ""
        told = f"{first.market_id} cannot be read: {first.found}{others}"
        raise UnreadableInputError(told)
    return pl.concat(tables, how="diagonal"), skipped


@contextmanager
def quiet_panics() -> Generator[None]:
    """Keep polars from writing a backtrace where a damaged file surprises it.

    It writes to standard error itself, whatever becomes of the exception.
    """
    try:
        kept = os.dup(_STANDARD_ERROR)
    except OSError:  # there is none
        yield
        return
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a descriptor is needed
        os.dup2(nowhere.fileno(), _STANDARD_ERROR)
    try:
        yield
    finally:
        os.dup2(kept, _STANDARD_ERROR)
        os.close(kept)
