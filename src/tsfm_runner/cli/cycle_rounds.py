"""Cycle after cycle: read, rank, forecast, write, tell."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import aiohttp
import polars as pl
from rich.console import Console
from rich.progress import Progress

from tsfm_runner.adapters.download import fetch
from tsfm_runner.adapters.files.bands import bands_frame
from tsfm_runner.adapters.files.series import SkippedMarket
from tsfm_runner.bootstrap import open_backend
from tsfm_runner.cli.bands_output import open_sink
from tsfm_runner.cli.cycle_input import Chosen, Wanted, choose
from tsfm_runner.cli.cycle_report import SHOWN_MARKETS, CycleReport
from tsfm_runner.cli.exit_codes import ExitCode
from tsfm_runner.cli.forecast_summary import Summary
from tsfm_runner.domain.forecast import ServedForecast
from tsfm_runner.domain.standing import MarketStanding
from tsfm_runner.domain.task import ForecastTask
from tsfm_runner.errors import InvalidTaskError, UnreadableInputError
from tsfm_runner.facade import Answers, answers_of
from tsfm_runner.service.backend import Backend
from tsfm_runner.service.breaches import PastBand, find_breaches, past_bands
from tsfm_runner.service.cycle_times import CycleBudget, Schedule
from tsfm_runner.service.forecasting import Outcome
from tsfm_runner.service.parts import forecast_in_parts


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """What every cycle does; ``n_cycles`` None means that only a signal ends it.

    The input comes from ``url`` where there is one, from ``piped`` where something
    was piped in, and else from the place that is wanted.
    """

    wanted: Wanted
    schedule: Schedule
    n_cycles: int | None
    url: str | None
    piped: bytes | None
    out: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Desk:
    """What all cycles share: the use cases, and the connection to the input.

    They are opened once, so that cache and breaker know of the cycles before.
    """

    job: Job
    backend: Backend
    session: aiohttp.ClientSession


async def open_and_run(job: Job, tell: Callable[[CycleReport], None]) -> ExitCode:
    """Run every cycle of the job over one backend (see ``run_cycles``)."""
    async with (
        open_backend(job.wanted.settings, keeps=True) as backend,
        aiohttp.ClientSession() as session,
    ):
        return await run_cycles(Desk(job, backend, session), tell)


async def run_cycles(desk: Desk, tell: Callable[[CycleReport], None]) -> ExitCode:
    """Run every cycle and tell of each; return the gravest of their exit codes.

    A cycle whose input cannot be used is told as failed, and the next one goes on;
    of a cycle alone the error is raised.
    """
    schedule, n_cycles = desk.job.schedule, desk.job.n_cycles
    codes: set[ExitCode] = set()
    before: Mapping[str, PastBand] = {}
    number = place = 0
    while n_cycles is None or number < n_cycles:
        await asyncio.sleep(schedule.wait_s(place))
        number += 1
        report, before = await _cycle(desk, number, before)
        following = schedule.next_start(place)
        tell(replace(report, n_starts_missed=following - place - 1))
        place = following
        codes.add(report.exit_code)
    grave = (ExitCode.FAILED, ExitCode.PARTIAL)
    return next((code for code in grave if code in codes), ExitCode.OK)


async def _cycle(
    desk: Desk, number: int, before: Mapping[str, PastBand]
) -> tuple[CycleReport, Mapping[str, PastBand]]:
    """Return what became of one cycle, and the bands that the next is held against."""
    config = desk.job.wanted.settings.cycle
    budget = desk.job.schedule.budget(config)
    report = CycleReport(number, datetime.now(UTC), 0.0, budget.length_s)
    try:
        chosen, answers = await _work(desk, number, budget)
    except (UnreadableInputError, InvalidTaskError) as failure:
        if desk.job.schedule.interval_s is None:
            raise
        failed = replace(report, duration_s=budget.elapsed_s, error=str(failure))
        return failed, before
    desk.backend.telemetry.cycle_finished(budget.elapsed_s)
    tasks = [answer.task for answer in answers.served]
    return replace(
        report,
        duration_s=budget.elapsed_s,
        n_seen=chosen.n_seen,
        n_ranked=len(chosen.items),
        watched_absent=chosen.watched_absent,
        summary=Summary().plus(answers),
        n_from_cache=sum(answer.cache is not None for answer in answers.served),
        breaches=find_breaches(tasks, before),
        first=_first(chosen, answers.served),
    ), past_bands(answers.served)


async def _work(desk: Desk, number: int, budget: CycleBudget) -> tuple[Chosen, Answers]:
    """Read, forecast and write, and draw how far it is."""
    console = Console(stderr=True)
    # Where nobody watches, a bar that vanishes would leave an empty line a cycle.
    is_hidden = not console.is_terminal
    with Progress(console=console, transient=True, disable=is_hidden) as progress:
        bar = progress.add_task(f"Cycle {number}, reading", total=None)
        content = await _content(desk, budget)
        now_s = datetime.now(UTC).timestamp()
        chosen = await asyncio.to_thread(choose, desk.job.wanted, content, now_s=now_s)
        progress.update(bar, description=f"Cycle {number}", total=len(chosen.items))
        answers = await _answer(
            desk, chosen.items, budget, lambda count: progress.advance(bar, count)
        )
    if not answers.served:
        why = answers.skipped[0].told if answers.skipped else "there is none"
        raise UnreadableInputError(f"no market could be answered: {why}")
    _write(answers.served, desk.job.out)
    return chosen, answers


async def _content(desk: Desk, budget: CycleBudget) -> bytes | None:
    if desk.job.url is None:
        return desk.job.piped
    settings = desk.job.wanted.settings
    return await fetch(
        desk.session,
        desk.job.url,
        timeout_s=min(settings.cycle.fetch_timeout_s, budget.length_s),
        max_bytes=settings.server.max_batch_body_bytes,
    )


async def _answer(
    desk: Desk,
    items: Sequence[ForecastTask | SkippedMarket],
    budget: CycleBudget,
    advance: Callable[[int], None],
) -> Answers:
    """Ask models while there is time, then baselines; answers in order of rank."""
    tasks = [item for item in items if isinstance(item, ForecastTask)]
    skipped = [item for item in items if isinstance(item, SkippedMarket)]
    advance(len(skipped))
    parts = forecast_in_parts(
        desk.backend.forecasts,
        tasks,
        size=desk.job.wanted.settings.tollama.max_series_per_call,
        deadline_s=budget.models_s(len(tasks)),
    )
    outcomes: dict[int, Outcome] = {}
    async with aclosing(parts):
        async for part in parts:
            outcomes |= part
            advance(len(part))
    return answers_of(tasks, [outcomes[at] for at in range(len(tasks))], skipped)


def _write(served: Sequence[ServedForecast], out: str | None) -> None:
    if out is not None:
        collected: list[pl.DataFrame] = []
        with open_sink(out, collected) as sink:
            sink(bands_frame(served))


def _first(
    chosen: Chosen, served: Sequence[ServedForecast]
) -> list[tuple[ServedForecast, MarketStanding]]:
    standings = {
        item.market_id: standing
        for item, standing in zip(chosen.items, chosen.standings, strict=True)
    }
    return [
        (answer, standings[answer.task.market_id]) for answer in served[:SHOWN_MARKETS]
    ]
