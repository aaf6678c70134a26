"""History is replayed into breach signals, which are written and judged."""

import asyncio
import json
import os
import signal
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.adapters.ledger.entries import open_at
from tests.cli.command_line import run
from tests.cli.processes import PROGRAM
from tests.service.signals_told import breach_signal

from tsfm_runner.cli.exit_codes import ExitCode
from tsfm_runner.domain.signals import BreachQuery, BreachSignal, DeliveryEntry

START = datetime(2026, 1, 1, tzinfo=UTC)
N_MARKETS, N_STEPS, LEAP_AT = 8, 120, 60
STOPPED = 130
ENDPOINT = {
    "TSFM_WEBHOOKS__ENDPOINTS": '{"desk": {"url": "http://127.0.0.1:1/"}}',
    "TSFM_WEBHOOKS__SECRETS": '{"desk": "0123456789abcdef0123456789abcdef"}',
}


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Calm markets, of which the first leaps and goes on."""
    rows = []
    for step in range(N_STEPS):
        for market in range(N_MARKETS):
            leap = 0.2 + 0.05 * (step > LEAP_AT + 6) if step >= LEAP_AT else 0.0
            price = 0.4 + 0.01 * ((step + market) % 2) + (leap if not market else 0.0)
            ts = START + timedelta(minutes=5 * step)
            rows.append((f"m{market}", ts, round(price, 2)))
    path = tmp_path_factory.mktemp("history") / "prices.parquet"
    schema = ["market_id", "ts", "price"]
    pl.DataFrame(rows, schema=schema, orient="row").write_parquet(path)
    return path


def environ_of(ledger: Path, **others: str) -> dict[str, str]:
    return {"TSFM_STORE__URL": f"sqlite:///{ledger}", **others}


def kept(ledger: Path) -> list[BreachSignal]:
    with open_at(ledger) as opened:
        return asyncio.run(opened.breaches(BreachQuery()))


def test_a_leap_is_signalled_with_what_came_of_it(
    history: Path, tmp_path: Path
) -> None:
    out = tmp_path / "signals.jsonl"
    environ = environ_of(tmp_path / "ledger.db")

    result = run("backfill", "--from", history, "--out", out, "--json", environ=environ)

    assert result.exit_code == ExitCode.OK, result.output
    told = json.loads(result.stdout)
    signals: list[dict[str, Any]] = [
        json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()
    ]
    first, last = signals[0], signals[-1]
    assert {one["market_id"] for one in signals} == {"m0"}
    assert (first["phase"], first["direction"]) == ("opened", "up")
    assert first["opened_at"] == "2026-01-01T05:00:00Z"
    assert last["follow_through"]["followed"] is True
    assert not last["is_open"]
    assert (told["markets"], told["signals"]) == (N_MARKETS, len(signals))
    assert told["moves_signalled"]["value"] == 1
    assert (told["quiet_markets"], told["quiet_cycles"]["part"]) == (N_MARKETS - 1, 0)
    assert not (tmp_path / "ledger.db").exists()


def test_tables_and_lines_on_stdout_hold_the_same(
    history: Path, tmp_path: Path
) -> None:
    for name in ("signals.csv", "signals.parquet", "-"):
        out = "-" if name == "-" else tmp_path / name
        result = run("backfill", "--from", history, "--out", out)
        assert result.exit_code == ExitCode.OK, result.output

    lines = [json.loads(line) for line in result.stdout.splitlines()]
    table = pl.read_parquet(tmp_path / "signals.parquet")
    text = pl.read_csv(tmp_path / "signals.csv")
    assert "How good the signals were" in result.stderr
    assert table["id"].to_list() == text["id"].to_list() == [one["id"] for one in lines]
    assert table["band_lower"][0] == lines[0]["band"]["lower"]
    assert text["opened_at"][0].startswith("2026-01-01T05:00:00")
    assert table["follow_through_followed"].to_list()[-1] is True


def test_the_ledger_takes_each_breach_once_and_no_webhook_is_told(
    history: Path, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger.db"
    environ = environ_of(ledger, **ENDPOINT)
    with open_at(ledger) as opened:
        opened.append([breach_signal(1), DeliveryEntry("desk", 1, 0.0)])
    flags = ("--from", history, "--into-ledger", "--json")

    first = json.loads(run("backfill", *flags, environ=environ).stdout)
    again = json.loads(run("backfill", *flags, environ=environ).stdout)

    assert (first["new_in_ledger"], again["new_in_ledger"]) == (first["signals"], 0)
    newest = max(one.id for one in kept(ledger))
    assert newest == 1 + first["signals"]
    with open_at(ledger) as opened:
        assert asyncio.run(opened.last_delivered("desk")) == newest


def test_an_endpoint_that_waits_for_signals_is_not_passed_over(
    history: Path, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger.db"
    environ = environ_of(ledger, **ENDPOINT)
    with open_at(ledger) as opened:
        opened.append([breach_signal(1), DeliveryEntry("desk", 0, 0.0)])

    result = run("backfill", "--from", history, "--into-ledger", environ=environ)

    assert result.exit_code == ExitCode.CONFIGURATION
    assert "desk has not been told of 1 signals yet" in result.stderr


@pytest.mark.parametrize(
    ("flags", "environ", "code", "told"),
    [
        (("--out", "x.xlsx"), {}, ExitCode.USAGE, "must end in"),
        (("--out", "no/where.csv"), {}, ExitCode.USAGE, "cannot be written"),
        (
            ("--into-ledger",),
            {"TSFM_STORE__URL": "sqlite://"},
            ExitCode.CONFIGURATION,
            "in memory",
        ),
        (
            (),
            {"TSFM_SIGNALS__ENABLED": "false"},
            ExitCode.CONFIGURATION,
            "nothing is signalled",
        ),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(
    history: Path,
    flags: tuple[str, ...],
    environ: dict[str, str],
    code: ExitCode,
    told: str,
) -> None:
    result = run("backfill", "--from", history, *flags, environ=environ)

    assert result.exit_code == code
    assert told in result.stderr


def test_ctrl_c_writes_nothing(history: Path, tmp_path: Path) -> None:
    ledger, out = tmp_path / "ledger.db", tmp_path / "signals.jsonl"
    command = (PROGRAM, "backfill", "--from", str(history), "--out", str(out))
    with subprocess.Popen(  # noqa: S603 - the program under test
        [*command, "--into-ledger", "--base", "ewma,har,kalman,rolling_quantile"],
        env={**os.environ, **environ_of(ledger)},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while not ledger.exists():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)

    assert process.returncode == STOPPED
    assert errors.endswith("stopped: no signal was written\n")
    assert not out.exists()
    assert kept(ledger) == []
