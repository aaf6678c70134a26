"""``observe``: tell what happened, so that bands can be scored."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated, NamedTuple, Protocol

import aiohttp
import polars as pl
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tsfm_runner.adapters.files.series import SkippedMarket
from tsfm_runner.adapters.ledger import ledger_path
from tsfm_runner.adapters.running_service import Busy, RunningService, Taken
from tsfm_runner.bootstrap import open_backend
from tsfm_runner.cli.exit_codes import ExitCode
from tsfm_runner.cli.invocation import JsonFlag, load_for, print_json
from tsfm_runner.cli.observe_input import Observed, read_observed
from tsfm_runner.cli.service_options import (
    TokenEnvOption,
    UrlOption,
    checked_url,
    headers_of,
)
from tsfm_runner.cli.tables import plain_table
from tsfm_runner.config import Settings
from tsfm_runner.errors import (
    ConfigurationError,
    LedgerInUseError,
    LedgerUnavailableError,
)
from tsfm_runner.service.backend import Backend
from tsfm_runner.service.calibration.points import MarketPoints

_AT_ONCE = 10_000
_MOST_AHEAD_S = 86_400
_SHOWN = 10


class _Target(NamedTuple):
    """Where a running service is, and the variable with its token."""

    url: str | None
    token_env: str | None


class _Teller(Protocol):
    """Tells one part of the points to whoever keeps them."""

    async def __call__(self, part: pl.DataFrame) -> Taken: ...


def observe(
    context: typer.Context,
    file: Annotated[
        str,
        typer.Argument(
            help="CSV or Parquet with the columns market_id, ts and price (or y); JSON "
            "or JSONL of {market_id, ts, y}; or - for a pipe."
        ),
    ],
    *,
    url: UrlOption = None,
    token_env: TokenEnvOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Tell prices as they were, so that the bands before them are scored.

    Without --url the ledger of the settings is opened and closed again. The same
    prices may be told any number of times: each counts once.
    """
    place = checked_url(url)
    settings = load_for(context).settings
    observed = read_observed(
        file,
        typer.get_binary_stream("stdin"),
        config=settings.preparation,
        latest_s=time.time() + _MOST_AHEAD_S,
    )
    taken = asyncio.run(_tell_all(settings, observed.points, _Target(place, token_env)))
    _report(taken, observed, as_json=as_json)
    if observed.skipped:
        raise typer.Exit(ExitCode.PARTIAL)


async def _tell_all(settings: Settings, points: pl.DataFrame, target: _Target) -> Taken:
    n_stored = n_scored = 0
    async with _teller(settings, target) as tell:
        with Progress(console=Console(stderr=True), transient=True) as progress:
            bar = progress.add_task("Telling", total=len(points))
            # In order of time across markets: that is how bands are learned from.
            for part in points.iter_slices(_AT_ONCE):
                taken = await tell(part)
                n_stored += taken.n_stored
                n_scored += taken.n_scored
                progress.advance(bar, len(part))
    return Taken(n_stored, n_scored)


def _teller(
    settings: Settings, target: _Target
) -> AbstractAsyncContextManager[_Teller]:
    if target.url is None:
        return _ledger_teller(settings)
    return _service_teller(target.url, headers_of(target.token_env))


@asynccontextmanager
async def _ledger_teller(settings: Settings) -> AsyncIterator[_Teller]:
    if ledger_path(settings.store.url) is None:
        raise ConfigurationError(
            "store.url keeps the ledger in memory, so nothing would last: name a file, "
            "or a running service with --url"
        )
    try:
        async with open_backend(settings, runtimes={}, keeps=True) as backend:

            async def tell(part: pl.DataFrame) -> Taken:
                return await _tell_ledger(backend, part)

            yield tell
    except LedgerInUseError as exc:
        raise LedgerInUseError(
            f"{exc}; or tell the service that uses it, with --url"
        ) from exc


async def _tell_ledger(backend: Backend, part: pl.DataFrame) -> Taken:
    told = backend.calibrator.tell(list(_markets(part)), source="observation")
    await backend.calibrator.ledger.commit()
    return Taken(*told)


def _markets(part: pl.DataFrame) -> Iterator[MarketPoints]:
    for (market_id,), points in part.group_by("market_id", maintain_order=True):
        yield MarketPoints(
            str(market_id), points["time_s"].to_numpy(), points["price"].to_numpy()
        )


@asynccontextmanager
async def _service_teller(
    url: str, headers: Mapping[str, str]
) -> AsyncIterator[_Teller]:
    async with aiohttp.ClientSession(headers=headers) as session:
        service = RunningService(session, url)

        async def tell(part: pl.DataFrame) -> Taken:
            return await _tell_service(service, part)

        yield tell


async def _tell_service(service: RunningService, part: pl.DataFrame) -> Taken:
    """Tell a part; once more, a little later, where the service cannot store it."""
    rows = part.rename({"time_s": "ts", "price": "y"}).to_dicts()
    answer = await service.observe(rows)
    if isinstance(answer, Busy):
        await asyncio.sleep(answer.retry_after_s)
        answer = await service.observe(rows)
    if isinstance(answer, Busy):
        raise LedgerUnavailableError(answer.reason)
    return answer


def _report(taken: Taken, observed: Observed, *, as_json: bool) -> None:
    if as_json:
        skipped = [
            {"market_id": market.market_id, "reason": market.told}
            for market in observed.skipped
        ]
        document = {"points": taken.n_stored, "scored": taken.n_scored}
        print_json({**document, "skipped": skipped})
        return
    for market in observed.skipped[:_SHOWN]:
        typer.echo(f"skipped {market.market_id}: {market.told}", err=True)
    if n_more := len(observed.skipped[_SHOWN:]):
        typer.echo(f"skipped {n_more:,} more", err=True)
    Console().print(_table(taken, observed.skipped))


def _table(taken: Taken, skipped: tuple[SkippedMarket, ...]) -> Table:
    table = plain_table("Observed")
    table.add_row("points", f"{taken.n_stored:,}")
    table.add_row("steps of bands scored", f"{taken.n_scored:,}")
    if skipped:
        table.add_row("markets skipped", f"{len(skipped):,}")
    return table
