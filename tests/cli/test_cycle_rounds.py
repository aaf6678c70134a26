"""Each cycle that forecasts is told to telemetry, once."""

from dataclasses import replace
from pathlib import Path
from typing import cast

import aiohttp
from tests.cli.cycle_inputs import names, price_file
from tests.fakes import FakeClock

from tsfm_runner.adapters.files.tasks import Question
from tsfm_runner.bootstrap import open_backend
from tsfm_runner.cli.cycle_input import Wanted
from tsfm_runner.cli.cycle_report import CycleReport
from tsfm_runner.cli.cycle_rounds import Desk, Job, run_cycles
from tsfm_runner.config import EmbeddedConfig, Settings
from tsfm_runner.ports import Telemetry
from tsfm_runner.service.cycle_times import Schedule


class HeardCycles:
    """Hears of cycles only."""

    def __init__(self) -> None:
        self.durations_s: list[float] = []

    def cycle_finished(self, duration_s: float) -> None:
        self.durations_s.append(duration_s)


async def heard(path: Path, *, n_cycles: int) -> tuple[list[float], list[CycleReport]]:
    """Return what telemetry heard of some cycles, and their reports."""
    telemetry = HeardCycles()
    settings = Settings(embedded=EmbeddedConfig(enabled=False))
    question = Question.from_config(settings.task)
    job = Job(
        Wanted(str(path), (), None, None, question, settings),
        Schedule(FakeClock(), interval_s=0.01, first_s=0.0),
        n_cycles=n_cycles,
        url=None,
        piped=None,
        out=None,
    )
    reports: list[CycleReport] = []
    async with open_backend(settings) as opened, aiohttp.ClientSession() as session:
        backend = replace(opened, telemetry=cast("Telemetry", telemetry))
        await run_cycles(Desk(job, backend, session), reports.append)
    return telemetry.durations_s, reports


async def test_telemetry_hears_of_every_cycle(tmp_path: Path) -> None:
    durations_s, reports = await heard(price_file(tmp_path, *names(2)), n_cycles=3)

    assert durations_s == [report.duration_s for report in reports]
    assert len(durations_s) == 3


async def test_the_cache_lives_on_from_cycle_to_cycle(tmp_path: Path) -> None:
    _, reports = await heard(price_file(tmp_path, *names(2)), n_cycles=2)

    assert [report.n_from_cache for report in reports] == [0, 2]


async def test_telemetry_hears_nothing_of_a_cycle_without_markets(
    tmp_path: Path,
) -> None:
    durations_s, [report] = await heard(tmp_path / "absent.csv", n_cycles=1)

    assert durations_s == []
    assert report.error is not None
