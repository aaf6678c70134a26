"""``simulate``: write realistic synthetic markets to files."""

import tempfile
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import polars as pl
import typer
from rich.console import Console
from rich.table import Table

from tsfm_runner.cli.forecast_options import parse_moment
from tsfm_runner.cli.invocation import JsonFlag, print_json
from tsfm_runner.cli.tables import plain_table
from tsfm_runner.domain.frequency import Frequency
from tsfm_runner.errors import UnreadableInputError
from tsfm_runner.testing.markets import PriorName, simulate_markets, to_frames


class FileFormat(StrEnum):
    """How the tables are written."""

    PARQUET = "parquet"
    CSV = "csv"


_WRITE: dict[FileFormat, Callable[[pl.DataFrame, Path], None]] = {
    FileFormat.PARQUET: lambda frame, path: frame.write_parquet(path),
    FileFormat.CSV: lambda frame, path: frame.write_csv(path),
}


def simulate(  # noqa: PLR0913 - one parameter an option
    *,
    out: Annotated[Path, typer.Option(help="Folder for the two tables.")],
    markets: Annotated[int, typer.Option(min=1, help="Number of markets.")] = 20,
    steps: Annotated[int, typer.Option(min=2, help="Prices of each market.")] = 576,
    freq: Annotated[str, typer.Option(help="Step between prices.")] = "5m",
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same files.")] = 1,
    end: Annotated[
        str, typer.Option(help="ISO 8601 time of the last price; UTC if it says none.")
    ] = "2026-01-01T00:00Z",
    prior: Annotated[
        PriorName,
        typer.Option(
            help="As recorded venues show markets, or anything they might do."
        ),
    ] = "venues",
    file_format: Annotated[
        FileFormat, typer.Option("--format", help="How the tables are written.")
    ] = FileFormat.PARQUET,
    as_json: JsonFlag = False,
) -> None:
    """Write realistic synthetic markets: a table of markets and one of prices."""
    simulated = simulate_markets(
        markets,
        n_steps=steps,
        step_s=Frequency.parse(freq).step_s,
        seed=seed,
        end=parse_moment(end, option="end"),
        prior=prior,
    )
    market_rows, price_rows = to_frames(simulated)
    tables = {"markets": market_rows, "prices": price_rows}
    paths = _write_tables(tables, out, file_format)
    summary = _summary(market_rows)
    if as_json:
        print_json(
            {
                **{name: str(path) for name, path in paths.items()},
                "n_markets": market_rows.height,
                "n_points": price_rows.height,
                "categories": summary.to_dicts(),
            }
        )
        return
    Console().print(_table(summary, f"{price_rows.height} prices in {out}"))


def _write_tables(
    tables: dict[str, pl.DataFrame], folder: Path, file_format: FileFormat
) -> dict[str, Path]:
    """Write every table, then let all appear, so that nobody sees half a file."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".simulate-", dir=folder) as name:
            fresh = {table: Path(name) / f"{table}.{file_format}" for table in tables}
            for table, frame in tables.items():
                _WRITE[file_format](frame, fresh[table])
            return {
                table: path.replace(folder / path.name) for table, path in fresh.items()
            }
    except OSError as exc:
        raise UnreadableInputError(
            f"{folder} cannot be written: {exc.strerror or exc}"
        ) from exc


def _summary(markets: pl.DataFrame) -> pl.DataFrame:
    """Count markets and events of each category, and say how often prices move."""
    liquidity = pl.col("liquidity_bucket")
    return (
        markets.group_by("category")
        .agg(
            pl.len().alias("markets"),
            pl.col("event_id").n_unique().alias("events"),
            *((liquidity == name).sum().alias(name) for name in ("low", "mid", "high")),
            pl.col("frac_changes").mean().round(3).alias("share_moving"),
        )
        .sort("category")
    )


def _table(summary: pl.DataFrame, title: str) -> Table:
    table = plain_table(title, *(name.replace("_", " ") for name in summary.columns))
    for row in summary.iter_rows():
        table.add_row(*map(str, row))
    return table
