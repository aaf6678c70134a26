"""Find out what an input is: a folder of markets, a table, or request documents."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl

from tsfm_runner.adapters.files.market_facts import read_markets
from tsfm_runner.adapters.files.points import MARKET_NAMES, canonical_points
from tsfm_runner.adapters.files.series import KnownMarket
from tsfm_runner.config import PreparationConfig
from tsfm_runner.errors import UnreadableInputError

DOCUMENT_SUFFIXES = (".json", ".jsonl", ".ndjson")

_DEFAULTS = PreparationConfig()
_PARQUET_MAGIC = b"PAR1"

# Text stays text until `canonical_points`, where one bad cell costs one market.
TABLE_SCANS: Mapping[str, Callable[[Path | io.BytesIO], pl.LazyFrame]] = {
    ".parquet": pl.scan_parquet,
    ".csv": partial(pl.scan_csv, infer_schema=False),
}
# A market called 007 is not called 7.
_NAMES_ARE_TEXT = dict.fromkeys(MARKET_NAMES, pl.String)


@dataclass(frozen=True, slots=True, eq=False)
class MarketTable:
    """Points of many markets in one table, and what is known of each market.

    ``markets`` is the table that this comes from, still to be read; None: there is
    none beside the points.
    """

    points: pl.DataFrame
    known: dict[str, KnownMarket]
    markets: pl.LazyFrame | None = None


@dataclass(frozen=True, slots=True, eq=False)
class RequestDocuments:
    """The bytes of a JSON or JSONL file of requests in wire shape."""

    content: bytes


def open_path(
    path: Path,
    *,
    where: Sequence[str] = (),
    config: PreparationConfig = _DEFAULTS,
) -> MarketTable | RequestDocuments:
    """Read a folder (markets and prices), a table, or request documents.

    Beside a table named ``prices`` a table named ``markets`` is read too. Raises
    ``UnreadableInputError`` for anything else, or when ``where`` is given and
    there is no table of markets to choose from.
    """
    if path.is_dir():
        prices = _require_table("prices", path)
        return _open_table(prices, where=where, config=config)
    if not path.is_file():
        raise UnreadableInputError(f"{path} is no file and no folder")
    suffix = path.suffix.lower()
    if suffix in TABLE_SCANS:
        return _open_table(path, where=where, config=config)
    if suffix in DOCUMENT_SUFFIXES:
        refuse_choice(where)
        return RequestDocuments(path.read_bytes())
    known = ", ".join((*TABLE_SCANS, *DOCUMENT_SUFFIXES))
    raise UnreadableInputError(f"{path} must be a folder or end in one of: {known}")


def open_bytes(
    content: bytes,
    *,
    where: Sequence[str] = (),
    config: PreparationConfig = _DEFAULTS,
) -> MarketTable | RequestDocuments:
    """Read what came through a pipe: JSON, JSONL, Parquet or else CSV."""
    refuse_choice(where)
    if content.lstrip()[:1] in (b"{", b"["):
        return RequestDocuments(content)
    suffix = ".parquet" if content.startswith(_PARQUET_MAGIC) else ".csv"
    table = TABLE_SCANS[suffix](io.BytesIO(content))
    return MarketTable(canonical_points(table, config), known={})


def find_table(stem: str, folder: Path) -> Path | None:
    """Return the CSV or Parquet file of this name in a folder, if there is one."""
    paths = [folder / f"{stem}{suffix}" for suffix in TABLE_SCANS]
    return next((path for path in paths if path.is_file()), None)


def scan_facts(path: Path) -> pl.LazyFrame:
    """Return a table whose columns have types of their own, but for the names."""
    if path.suffix.lower() != ".csv":
        return pl.scan_parquet(path)
    return pl.scan_csv(path, schema_overrides=_NAMES_ARE_TEXT, infer_schema_length=None)


def _open_table(
    path: Path, *, where: Sequence[str], config: PreparationConfig
) -> MarketTable:
    points = canonical_points(TABLE_SCANS[path.suffix.lower()](path), config)
    markets = find_table("markets", path.parent) if path.stem == "prices" else None
    if markets is None:
        refuse_choice(where)
        return MarketTable(points, known={})
    table = scan_facts(markets)
    known = read_markets(table, where=where)
    if where:
        points = points.filter(pl.col("market_id").is_in(list(known)))
    return MarketTable(points, known, table)


def _require_table(stem: str, folder: Path) -> Path:
    path = find_table(stem, folder)
    if path is None:
        names = " or ".join(f"{stem}{suffix}" for suffix in TABLE_SCANS)
        raise UnreadableInputError(f"{folder} holds no {names}")
    return path


def refuse_choice(where: Sequence[str]) -> None:
    """Raise ``UnreadableInputError`` when there is something to choose markets by."""
    if where:
        raise UnreadableInputError(
            f"markets cannot be chosen by {', '.join(where)}: there is no table of "
            "markets beside the prices"
        )
