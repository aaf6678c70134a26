"""A new verdict is taken while the service runs; a broken one changes nothing."""

import asyncio
import json
from io import StringIO
from pathlib import Path, PosixPath
from typing import Any

import pytest
from tests.service.verdict.samples import decided, verdict

from tsfm_runner.adapters.telemetry import open_log, silent_log
from tsfm_runner.adapters.verdict_file import write_verdict
from tsfm_runner.adapters.watched_verdict import WatchedVerdict
from tsfm_runner.config import LogConfig, RoutingConfig, VerdictConfig
from tsfm_runner.errors import ConfigurationError

FIRST, SECOND = verdict(decided()), verdict(version=2)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "verdict.yaml"


@pytest.fixture
def written() -> StringIO:
    return StringIO()


def watched(
    path: Path | None,
    written: StringIO | None = None,
    *,
    policy: str = "proven",
    interval_s: float = 5.0,
) -> WatchedVerdict:
    routing = {"policy": policy, "verdict_file": path}
    return WatchedVerdict(
        RoutingConfig.model_validate(routing),
        VerdictConfig(reload_interval_s=interval_s),
        silent_log() if written is None else open_log(LogConfig(), written),
    )


def logged(written: StringIO) -> list[tuple[str, str]]:
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    return [(line["level"], line["event"]) for line in lines]


def test_the_verdict_of_the_file_holds_from_the_start(
    path: Path, written: StringIO
) -> None:
    write_verdict(FIRST, path)

    found = watched(path, written)

    assert found.current.verdict == FIRST
    assert logged(written) == []


def test_where_there_is_no_file_yet_nothing_is_proven(
    path: Path, written: StringIO
) -> None:
    found = watched(path, written)
    found.refresh(path)
    before = found.current

    write_verdict(FIRST, path)
    found.refresh(path)

    assert before.verdict is None
    assert found.current.verdict == FIRST
    assert found.current.number != before.number
    assert logged(written) == [
        ("warning", "verdict_missing"),
        ("warning", "verdict_changed"),
    ]


def test_a_file_that_cannot_be_used_refuses_the_start(path: Path) -> None:
    path.write_text("proven: everywhere", encoding="utf-8")

    with pytest.raises(ConfigurationError, match=r"verdict\.yaml"):
        watched(path)


def test_a_policy_that_goes_by_no_verdict_reads_none(path: Path) -> None:
    path.write_text("proven: everywhere", encoding="utf-8")

    assert watched(path, policy="ladder").current == (0, None)
    assert watched(None, policy="ladder").current == (0, None)


def test_a_new_verdict_takes_the_place_of_the_old_one_and_is_logged(
    path: Path, written: StringIO
) -> None:
    write_verdict(FIRST, path)
    found = watched(path, written)
    before = found.current.number

    write_verdict(SECOND, path)
    found.refresh(path)

    assert found.current.verdict == SECOND
    assert found.current.number != before
    [line] = [json.loads(line) for line in written.getvalue().splitlines()]
    assert (line["event"], line["level"]) == ("verdict_changed", "warning")
    assert (line["version"], line["n_segments"], line["n_proven"]) == (2, 0, 0)


def test_a_file_that_says_the_same_is_no_change(path: Path, written: StringIO) -> None:
    write_verdict(FIRST, path)
    found = watched(path, written)
    before = found.current

    write_verdict(FIRST, path)
    found.refresh(path)

    assert found.current is before
    assert logged(written) == []


def test_a_broken_or_missing_file_keeps_the_verdict_and_is_logged_once(
    path: Path, written: StringIO
) -> None:
    write_verdict(FIRST, path)
    found = watched(path, written)
    before = found.current

    path.write_text("proven: everywhere", encoding="utf-8")
    found.refresh(path)
    found.refresh(path)
    path.unlink()
    found.refresh(path)
    found.refresh(path)

    assert found.current is before
    assert logged(written) == [("error", "verdict_kept")] * 2


class CountedPath(PosixPath):
    """A path that knows how often its file was read."""

    n_read = 0

    def read_text(self, *args: Any, **options: Any) -> str:  # noqa: ANN401 - any
        type(self).n_read += 1
        return super().read_text(*args, **options)


def test_a_broken_file_is_read_once_until_it_changes(path: Path) -> None:
    write_verdict(FIRST, path)
    found, counted = watched(path), CountedPath(path)
    path.write_text("proven: everywhere", encoding="utf-8")

    before = CountedPath.n_read

    for _ in range(3):
        found.refresh(counted)

    assert CountedPath.n_read == before + 1


def test_a_file_that_is_another_for_its_rights_alone_is_read(path: Path) -> None:
    write_verdict(FIRST, path)
    found, counted = watched(path), CountedPath(path)
    before = CountedPath.n_read

    path.chmod(0o400)
    found.refresh(counted)

    assert CountedPath.n_read == before + 1


def test_a_file_that_is_mended_is_taken(path: Path, written: StringIO) -> None:
    write_verdict(FIRST, path)
    found = watched(path, written)
    path.unlink()
    found.refresh(path)

    write_verdict(SECOND, path)
    found.refresh(path)

    assert found.current.verdict == SECOND
    assert logged(written) == [
        ("error", "verdict_kept"),
        ("warning", "verdict_changed"),
    ]


async def until_changed(found: WatchedVerdict) -> None:
    async with asyncio.timeout(10):
        while found.current.verdict != SECOND:  # noqa: ASYNC110 - nothing tells it
            await asyncio.sleep(0)


async def test_watching_takes_a_change_after_the_interval(path: Path) -> None:
    write_verdict(FIRST, path)
    slow, quick = watched(path, interval_s=1_000), watched(path, interval_s=0.001)

    async with slow.watched(), quick.watched():
        write_verdict(SECOND, path)
        await until_changed(quick)

    assert slow.current.verdict == FIRST


async def test_without_a_file_there_is_nothing_to_watch() -> None:
    async with asyncio.timeout(10):
        await watched(None, policy="ladder").watch()
