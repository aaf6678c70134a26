"""A report counts everybody, and says what went wrong first."""

import io
import re
from dataclasses import replace
from datetime import UTC, datetime

from rich.console import Console
from tests.adapters.files.served import served

from tsfm_runner.adapters.files.series import SkippedMarket
from tsfm_runner.cli.cycle_report import CycleReport
from tsfm_runner.cli.exit_codes import ExitCode
from tsfm_runner.cli.forecast_summary import Summary
from tsfm_runner.domain.standing import MarketStanding
from tsfm_runner.facade import Answers
from tsfm_runner.service.breaches import Breaches

DONE = CycleReport(7, datetime(2026, 2, 20, 12, tzinfo=UTC), 1.5, 5.0)


def printed(report: CycleReport) -> str:
    stream = io.StringIO()
    Console(file=stream, width=150).print(report.as_tables())
    return stream.getvalue()


def test_the_gravest_fault_gives_the_exit_code() -> None:
    skipped = Summary(skipped=(SkippedMarket("m", "too short"),))

    assert DONE.exit_code == ExitCode.OK
    assert replace(DONE, summary=skipped).exit_code == ExitCode.PARTIAL
    assert replace(DONE, summary=skipped, duration_s=5.1).exit_code == ExitCode.FAILED
    assert replace(DONE, error="no answer").exit_code == ExitCode.FAILED


def test_a_market_is_shown_with_what_it_was_ranked_for() -> None:
    standing = MarketStanding(True, True, 12_345.0, 174e6)

    text = printed(replace(DONE, first=[(served("rain"), standing)]))

    assert "Cycle 7, 2026-02-20 12:00:00 UTC" in text
    assert "rain" in text
    assert "watchlist, alert, volume 12.3k, interest 174M" in text


def test_nothing_to_be_ranked_for_has_no_column() -> None:
    text = printed(replace(DONE, first=[(served("rain"), MarketStanding())]))

    assert "ranked for" not in text


def test_levels_are_named_where_they_are_the_same_for_all() -> None:
    alike = [(served(name), MarketStanding()) for name in ("rain", "snow")]
    other = (served("wind", levels=(0.05, 0.95)), MarketStanding())

    assert re.search("q0.1 +q0.9", printed(replace(DONE, first=alike)))
    assert re.search("low +high", printed(replace(DONE, first=[*alike, other])))


def test_models_and_baselines_are_counted_apart() -> None:
    summary = Summary().plus(Answers((served("a"), served("b")), ()))
    by = {"tollama:chronos2": 3, "baseline:ewma": 2}

    document = replace(
        DONE, summary=replace(summary, markets=5, answered_by=by)
    ).as_document()

    assert (document["by_model"], document["by_baseline"]) == (3, 2)


def test_markets_outside_their_band_are_counted_and_named() -> None:
    report = replace(DONE, breaches=Breaches(20, ("a", "b", "c", "d")))

    document = report.as_document()

    assert "4 of 20 (20%)  a, b, c and 1 more" in printed(report)
    assert document["n_outside_previous_band"] == 4
    assert document["outside_previous_band"] == ["a", "b", "c", "d"]


def test_what_is_late_is_said_beside_the_time() -> None:
    text = printed(replace(DONE, duration_s=12.0, n_starts_missed=2))

    assert "12.00 s of 5 s, over budget, 2 starts missed" in text


def test_watched_markets_that_are_not_there_are_named() -> None:
    text = printed(replace(DONE, watched_absent=("x",)))

    assert re.search(r"watched, not seen +x\b", text)
