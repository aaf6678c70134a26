"""Every example of the README and the documentation runs."""

import json
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from starlette.testclient import TestClient
from tests.api.wire import a_client
from tests.docs.reading import PAGES, ROOT, blocks, command_lines, name_of, requests

from tsfm_runner.cli.app import app

PROGRAMS = [
    pytest.param(code, id=f"{name_of(page)} {number}")
    for page in PAGES
    for number, code in enumerate(blocks(page, "python"), start=1)
]
REQUESTS = [
    pytest.param(route, body, id=f"{name_of(page)} {number}")
    for page in PAGES
    for number, (route, body) in enumerate(requests(page), start=1)
]
COMMANDS = [
    pytest.param(words, id=f"{name_of(page)}: {' '.join(words)}")
    for page in PAGES
    for words in command_lines(page)
]


@pytest.fixture
def client() -> Iterator[TestClient]:
    with a_client(has_own_models=True) as client:  # a new one each time: it learns
        yield client


def parse(words: list[str]) -> None:
    """Read a command line as the program does, without running it."""
    group: Any = typer.main.get_command(app)
    context = group.make_context("tsfm-runner", list(words))
    rest = [*context._protected_args, *context.args]  # noqa: SLF001
    while hasattr(group, "commands"):
        name, group, rest = group.resolve_command(context, rest)
        context = group.make_context(name, rest, parent=context)
        rest = [*context._protected_args, *context.args]  # noqa: SLF001


def assert_is_part(shown: Any, whole: Any) -> None:  # noqa: ANN401 - JSON is any
    """Hold what a page shows, cut short, against the whole of it."""
    if isinstance(shown, dict):
        assert shown.keys() <= whole.keys()
        for name, part in shown.items():
            assert_is_part(part, whole[name])
    elif isinstance(shown, list):
        assert len(shown) == len(whole)
        for part, whole_part in zip(shown, whole, strict=True):
            assert_is_part(part, whole_part)
    elif isinstance(shown, float):
        assert whole == pytest.approx(shown, abs=1e-9)
    else:
        assert whole == shown


@pytest.mark.parametrize("code", PROGRAMS)
def test_a_python_example_runs_and_prints(
    code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "example.py"
    program.write_text(code, encoding="utf-8")

    runpy.run_path(str(program), run_name="__main__")

    assert capsys.readouterr().out


def test_the_python_example_of_the_readme_is_twelve_lines() -> None:
    [code] = blocks(ROOT / "README.md", "python")

    assert len(code.splitlines()) <= 12


@pytest.mark.parametrize(("route", "body"), REQUESTS)
def test_a_curl_gets_an_answer(client: TestClient, route: str, body: object) -> None:
    reply = client.post(route, content=json.dumps(body))

    assert reply.status_code == (202 if route.endswith("observations") else 200)


def test_the_answer_on_the_http_page_is_what_its_request_gets(
    client: TestClient,
) -> None:
    page = ROOT / "docs" / "http-api.md"
    route, body = requests(page)[0]
    shown = json.loads(blocks(page, "json")[0])

    answer = client.post(route, content=json.dumps(body)).json()

    for name in ("yhat_q", "yhat_q_raw"):
        bands, shown_bands = answer.pop(name), shown.pop(name)
        assert list(bands) == list(shown_bands)
        for level, prices in bands.items():
            assert prices == pytest.approx(shown_bands[level], abs=1e-9)
    for name in ("forecast_id", "latency_ms"):
        assert type(answer["meta"].pop(name)) is type(shown["meta"].pop(name))
    assert answer == shown


def test_the_short_answers_on_the_http_page_are_parts_of_real_ones(
    client: TestClient,
) -> None:
    page = ROOT / "docs" / "http-api.md"
    route, body = requests(page)[1]
    shown = json.loads(blocks(page, "json")[1])["results"]
    lines = [json.loads(line) for line in blocks(page, "json")[2].splitlines()]

    items = client.post(route, content=json.dumps(body)).json()["results"]

    assert_is_part(shown, items)
    for line in lines:
        assert_is_part(
            {name: part for name, part in line.items() if name != "index"},
            items[line["index"]],
        )


def test_the_short_answer_for_starters_is_part_of_a_real_one(
    client: TestClient,
) -> None:
    page = ROOT / "docs" / "getting-started.md"
    route, body = requests(page)[0]
    shown = json.loads(blocks(page, "json")[0])

    answer = client.post(route, content=json.dumps(body)).json()

    assert_is_part(shown, answer)


def test_the_markets_on_the_http_page_are_those_of_the_stored_exchange() -> None:
    [shown] = [
        json.loads(block)
        for block in blocks(ROOT / "docs" / "http-api.md", "json")
        if '"n_markets"' in block
    ]
    stored = ROOT / "tests" / "api" / "stored" / "markets.json"
    told = json.loads(stored.read_text(encoding="utf-8"))["answer"]["json"]

    for row in (*shown["rows"], *told["rows"]):
        assert row.pop("updated_at")
    assert shown == told


def test_the_breach_on_the_http_page_is_that_of_the_stored_exchange() -> None:
    [shown] = [
        json.loads(block)
        for block in blocks(ROOT / "docs" / "http-api.md", "json")
        if '"breaches"' in block
    ]
    stored = ROOT / "tests" / "api" / "stored" / "breaches.json"
    told = json.loads(stored.read_text(encoding="utf-8"))["answer"]["json"]

    for breach in (*shown["breaches"], *told["breaches"]):
        assert breach.pop("recorded_at")
    assert shown == told


def test_the_health_on_the_http_page_is_what_one_gets(client: TestClient) -> None:
    shown = json.loads(blocks(ROOT / "docs" / "http-api.md", "json")[-1])

    assert client.get("/health/ready").json() == shown


def test_the_problem_on_the_errors_page_is_a_real_one(client: TestClient) -> None:
    shown = json.loads(blocks(ROOT / "docs" / "errors.md", "json")[0])
    body = {"market_id": "a", "as_of_ts": "2026-02-20", "y": [0.4, 1.5]}

    problem = client.post("/tsfm/forecast", content=json.dumps(body)).json()

    assert problem == shown


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_line_can_be_parsed(words: list[str]) -> None:
    parse(words)


@pytest.mark.parametrize(
    "words", [["forecast"], ["serve", "--prot", "1"], ["config", "explane"]]
)
def test_a_wrong_command_line_cannot(words: list[str]) -> None:
    with pytest.raises(Exception, match=r"(?i)missing|no such"):
        parse(words)
