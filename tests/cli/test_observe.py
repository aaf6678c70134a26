"""What happened is told from files, to a ledger or to a running service."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import polars as pl
import pytest
from aiohttp import web
from tests.adapters.ledger.entries import open_at
from tests.api.wire import FORECAST, a_client, a_request, prices
from tests.cli.command_line import run
from typer.testing import Result

from tsfm_runner.cli.exit_codes import ExitCode
from tsfm_runner.cli.serving import bind, running_service, url_of
from tsfm_runner.config import Settings

START_S = 1_771_588_800  # 2026-02-20T12:00:00Z
STEP_S = 300
ROWS = [("rain", 2, 0.42), ("wind", 1, 0.3), ("rain", 1, 0.41)]
TOKEN = "a-token-of-16-and-more"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture
def environ(url: str) -> dict[str, str]:
    return {"TSFM_STORE__URL": url}


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    lines = [f"{name},{START_S + step * STEP_S},{y}" for name, step, y in ROWS]
    path = tmp_path / "prices.csv"
    path.write_text(
        "\n".join(["market_id,ts,price", *lines, "rain,2026-02-20T12:15Z,"])
    )
    return path


def told(result: Result, code: ExitCode = ExitCode.OK) -> tuple[int, int]:
    assert result.exit_code == code, result.output
    summary = json.loads(result.stdout)
    return summary["points"], summary["scored"]


def settings_of(url: str, **sections: object) -> Settings:
    return Settings.model_validate({"store": {"url": url}, **sections})


def ask(url: str) -> None:
    """Let the ledger hold a forecast of three steps."""
    with a_client(settings_of(url)) as client:
        request = a_request(y=prices(60), horizon_steps=3)
        assert client.post(FORECAST, json=request).status_code == 200


def test_prices_end_the_steps_of_bands_and_count_once(
    csv: Path, url: str, environ: dict[str, str]
) -> None:
    ask(url)

    first = run("observe", csv, "--json", environ=environ)
    second = run("observe", csv, "--json", environ=environ)

    assert told(first) == (3, 2)
    assert told(second) == (3, 0)
    with a_client(settings_of(url)) as client:
        [forecast] = client.get("/tsfm/forecasts/rain").json()["forecasts"]
    assert forecast["outcomes"] == [0.41, 0.42, None]


def as_parquet(path: Path) -> None:
    frame = pl.DataFrame(ROWS, schema=["unique_id", "step", "y"], orient="row")
    ds = pl.from_epoch(START_S + pl.col("step") * STEP_S, time_unit="s")
    frame.with_columns(ds=ds).write_parquet(path)


def as_documents(path: Path) -> None:
    items = [
        {"market_id": name, "ts": START_S + step * STEP_S, "y": y}
        for name, step, y in ROWS
    ]
    path.write_text(json.dumps(items))


def as_lines(path: Path) -> None:
    items = [
        {"market_id": name, "ts": f"2026-02-20T12:{5 * step:02}:00Z", "price": y}
        for name, step, y in ROWS
    ]
    path.write_text("\n".join(map(json.dumps, items)))


@pytest.mark.parametrize(
    ("write", "name"),
    [(as_parquet, "o.parquet"), (as_documents, "o.json"), (as_lines, "o.jsonl")],
)
def test_other_files_say_the_same(
    write: Callable[[Path], None],
    name: str,
    tmp_path: Path,
    url: str,
    environ: dict[str, str],
) -> None:
    ask(url)
    write(tmp_path / name)

    piped = run(
        "observe", "-", "--json", environ=environ, piped=(tmp_path / name).read_bytes()
    )
    named = run("observe", tmp_path / name, "--json", environ=environ)

    assert told(piped) == (3, 2)
    assert told(named) == (3, 0)


def test_summary_for_people_tells_the_same(csv: Path, environ: dict[str, str]) -> None:
    result = run("observe", csv, environ=environ)

    assert result.exit_code == ExitCode.OK
    assert [line.split() for line in result.stdout.splitlines() if line.split()] == [
        ["Observed"],
        ["points", "3"],
        ["steps", "of", "bands", "scored", "0"],
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("bad,2026-02-20T12:05Z,1.5", "price: must lie in [0, 1]"),
        ("bad,2026-02-20T12:05Z,high", "price: must be a number"),
        ("bad,20.02.2026,0.5", "ts: must be an ISO 8601 time"),
        ("bad,2900-01-01T00:00Z,0.5", "ts: must lie between 1970 and a day"),
        ("bad,-5,0.5", "ts: must lie between 1970 and a day"),
        ("bad,60,0.5\nbad,60,0.6", "ts: two prices at the same time"),
        (f"{'m' * 257},60,0.5", "market_id: must have 1 to 256 characters"),
    ],
)
def test_market_with_a_point_that_cannot_be_is_left_out(
    row: str, reason: str, csv: Path, environ: dict[str, str]
) -> None:
    csv.write_text(f"{csv.read_text()}\n{row}\nbad,120,0.5\n")

    as_json = run("observe", csv, "--json", environ=environ)
    for_people = run("observe", csv, environ=environ)

    assert told(as_json, ExitCode.PARTIAL)[0] == (4 if "m" * 257 in row else 3)
    [skipped] = json.loads(as_json.stdout)["skipped"]
    assert skipped["reason"].startswith(reason)
    assert f"skipped {skipped['market_id'][:20]}" in for_people.stderr
    assert "markets skipped" in for_people.stdout


def test_many_markets_that_are_left_out_are_counted(
    csv: Path, environ: dict[str, str]
) -> None:
    bad = "".join(f"\nbad {number},60,2" for number in range(13))
    csv.write_text(csv.read_text() + bad)

    result = run("observe", csv, environ=environ)

    assert result.stderr.count("skipped bad") == 10
    assert "skipped 3 more" in result.stderr


def test_document_that_is_no_observation_is_told_with_its_place(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    path = tmp_path / "o.jsonl"
    path.write_text('{"market_id": "a", "ts": 60, "y": 0.5}\n{"y": 1}\nno\n')

    result = run("observe", path, "--json", environ=environ)

    assert told(result, ExitCode.PARTIAL) == (1, 0)
    first, second = json.loads(result.stdout)["skipped"]
    assert first == {
        "market_id": "line 2",
        "reason": "an observation needs market_id, ts, price",
    }
    assert second["market_id"] == "line 3"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("market_id,ts,price\n", "holds no rows"),
        ("market_id,ts,price\na,60,\n", "holds no price to tell"),
        ("market_id,ts,price\na,60,7\n", "price: must lie in [0, 1]"),
        ("market_id,price\na,0.5\n", "needs a column ts or ds"),
        ('{"y": 1}', "an observation needs market_id, ts, price"),
    ],
)
def test_input_that_tells_nothing_is_refused(
    text: str, reason: str, environ: dict[str, str]
) -> None:
    result = run("observe", "-", environ=environ, piped=text)

    assert result.exit_code == ExitCode.USAGE
    assert reason in result.stderr


def test_ledger_that_another_process_uses_leads_to_the_url(
    csv: Path, tmp_path: Path, environ: dict[str, str]
) -> None:
    with open_at(tmp_path / "ledger.db"):
        result = run("observe", csv, environ=environ)

    assert result.exit_code == ExitCode.CONFIGURATION
    assert "is in use by process" in result.stderr
    assert "--url" in result.stderr


def test_ledger_that_is_damaged_is_a_fault_of_the_configuration(
    csv: Path, tmp_path: Path, environ: dict[str, str]
) -> None:
    (tmp_path / "ledger.db").write_bytes(b"this is no database" * 100)

    result = run("observe", csv, environ=environ)

    assert result.exit_code == ExitCode.CONFIGURATION


def test_ledger_in_memory_keeps_nothing_and_is_refused(csv: Path) -> None:
    result = run("observe", csv, environ={"TSFM_STORE__URL": "sqlite://"})

    assert result.exit_code == ExitCode.CONFIGURATION
    assert "in memory" in result.stderr


async def test_running_service_is_told_over_http(csv: Path) -> None:
    settings = settings_of("sqlite://", auth={"keys": {"desk": TOKEN}})
    bound = bind("127.0.0.1", 0)

    async with running_service(settings, bound):
        place = url_of(bound)
        stranger = await _observe(csv, "--url", place)
        known = await _observe(
            csv, "--url", f"{place}/", "--token-env", "KEY", environ={"KEY": TOKEN}
        )

    assert stranger.exit_code == ExitCode.CONFIGURATION
    assert "401" in stranger.stderr
    assert "--token-env" in stranger.stderr
    assert told(known) == (3, 0)


def test_token_that_is_not_set_and_address_that_is_none_are_refused(
    csv: Path,
) -> None:
    tokenless = run("observe", csv, "--url", "http://127.0.0.1:9", "--token-env", "NO")
    nowhere = run("observe", csv, "--url", "127.0.0.1:8000")

    assert tokenless.exit_code == ExitCode.CONFIGURATION
    assert "NO, which is not set" in tokenless.stderr
    assert nowhere.exit_code == ExitCode.USAGE


@asynccontextmanager
async def answering(*statuses: int) -> AsyncIterator[tuple[str, list[int]]]:
    """Serve one status after the other; tell the sizes of what was sent."""
    sizes: list[int] = []

    async def answer(request: web.Request) -> web.Response:
        rows = await request.json()
        sizes.append(len(rows))
        status = statuses[min(len(sizes), len(statuses)) - 1]
        body = (
            {"stored": len(rows), "scored": 0} if status == 202 else {"detail": "why"}
        )
        return web.json_response(body, status=status, headers={"Retry-After": "0"})

    app = web.Application(client_max_size=2**26)
    app.router.add_post("/tsfm/observations", answer)
    bound = bind("127.0.0.1", 0)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.SockSite(runner, bound).start()
    try:
        yield url_of(bound), sizes
    finally:
        await runner.cleanup()


async def _observe(*arguments: object, environ: dict[str, str] | None = None) -> Result:
    return await asyncio.to_thread(
        run, "observe", *arguments, "--json", environ=environ or {}
    )


async def test_service_that_is_busy_is_told_once_more(csv: Path) -> None:
    async with answering(503, 202) as (place, sizes):
        result = await _observe(csv, "--url", place)

    assert told(result) == (3, 0)
    assert sizes == [3, 3]


@pytest.mark.parametrize(
    ("status", "code", "n_asked"),
    [
        (503, ExitCode.FAILED, 2),
        (500, ExitCode.FAILED, 1),
        (401, ExitCode.CONFIGURATION, 1),
        (413, ExitCode.USAGE, 1),
        (422, ExitCode.USAGE, 1),
    ],
)
async def test_service_that_refuses_ends_it_with_its_reason(
    csv: Path, status: int, code: ExitCode, n_asked: int
) -> None:
    async with answering(status) as (place, sizes):
        result = await _observe(csv, "--url", place)

    assert result.exit_code == code
    assert f"answered {status}: why" in result.stderr
    assert len(sizes) == n_asked


async def test_many_points_are_sent_in_parts(tmp_path: Path) -> None:
    n = 25_000
    frame = pl.DataFrame({"market_id": ["m"] * n, "ts": range(n), "price": [0.5] * n})
    frame.write_parquet(tmp_path / "many.parquet")

    async with answering(202) as (place, sizes):
        result = await _observe(tmp_path / "many.parquet", "--url", place)

    assert told(result) == (n, 0)
    assert sizes == [10_000, 10_000, 5_000]


async def test_what_is_no_service_or_nobody_at_all_is_told(csv: Path) -> None:
    nobody = await _observe(csv, "--url", "http://127.0.0.1:9")
    async with answering(202) as (place, _):
        other = await _observe(csv, "--url", f"{place}/elsewhere")

    assert nobody.exit_code == other.exit_code == ExitCode.FAILED
    assert "cannot be reached" in nobody.stderr
    assert "is no TSFM Runner" in other.stderr
