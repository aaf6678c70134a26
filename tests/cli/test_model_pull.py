"""Model files are fetched, checked and stored; models of the daemon are asked for."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.adapters.models.graphs import model_bytes
from tests.cli.command_line import run
from typer.testing import Result

from tsfm_runner.adapters.models import ModelStore, model_store
from tsfm_runner.adapters.models.manifest import MAX_MODEL_BYTES
from tsfm_runner.adapters.models.store import sha256_of
from tsfm_runner.cli.exit_codes import ExitCode
from tsfm_runner.testing.fake_tollama import FakeTollamaOptions, running_fake_tollama

WHOLE = model_bytes()
UNKNOWN = model_bytes(without=("license_tag", "license_name"))
TOLD = {"sha256": sha256_of(WHOLE), "name": "theirs", "revision": "9"}
NO_VARIABLES: Mapping[str, str] = {}


async def _large(request: web.Request) -> web.StreamResponse:
    size = {"Content-Length": str(MAX_MODEL_BYTES + 1)}
    reply = web.StreamResponse(headers=size)
    await reply.prepare(request)
    return reply


async def _file(request: web.Request) -> web.Response:
    files = {
        "whole.onnx": WHOLE,
        "unknown.onnx": UNKNOWN,
        "nan.onnx": model_bytes("not_a_number"),
        "told.onnx": WHOLE,
        "told.onnx.json": json.dumps(TOLD).encode(),
    }
    body = files.get(request.match_info["name"])
    return web.Response(status=200 if body else 404, body=body)


@pytest.fixture
async def url() -> AsyncIterator[str]:
    site = web.Application()
    site.add_routes([web.get("/large.onnx", _large), web.get("/{name}", _file)])
    async with TestServer(site) as server:
        yield str(server.make_url("")).rstrip("/")


@pytest.fixture
def store() -> ModelStore:
    return model_store(None)


async def pull(*words: object, environ: Mapping[str, str] = NO_VARIABLES) -> Result:
    """Run the command beside the server that it asks."""
    return await asyncio.to_thread(run, "models", "pull", *words, environ=environ)


def labels(store: ModelStore) -> list[str]:
    return [one.label for one in store.all() if not one.is_shipped]


async def test_a_file_is_fetched_checked_and_stored(
    url: str, store: ModelStore
) -> None:
    digest = sha256_of(WHOLE).upper()

    result = await pull(f"{url}/whole.onnx?token=secret", "--sha256", digest)

    assert result.exit_code == ExitCode.OK, result.stderr
    model = store.find("tiny")
    assert model.read_bytes_checked() == WHOLE
    assert model.manifest.source == f"{url}/whole.onnx"
    assert "export TSFM_EMBEDDED__MODEL=tiny" in result.stdout


async def test_what_stands_beside_a_file_tells_its_checksum_and_name(
    url: str, store: ModelStore
) -> None:
    result = await pull(f"{url}/told.onnx", "--json")

    assert json.loads(result.stdout)["name"] == "theirs"
    assert labels(store) == ["theirs@9"]


async def test_options_come_before_what_stands_beside(
    url: str, store: ModelStore
) -> None:
    await pull(f"{url}/told.onnx", "--name", "mine")

    assert labels(store) == ["mine@9"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("whole.onnx",), "sha256: is needed: nothing trusted beside"),
        (("whole.onnx", "--sha256", "0" * 64), f"and should have {'0' * 64}"),
        (("none.onnx", "--sha256", "0" * 64), "none.onnx answered 404"),
        (("large.onnx", "--sha256", "0" * 64), "holds more than 67,108,864 bytes"),
        (("nan.onnx", "--sha256", sha256_of(model_bytes("not_a_number"))), "finite"),
        (("told.onnx", "--name", "chronos2"), "'chronos2' is another model's"),
    ],
)
async def test_what_cannot_be_stored_is_told(
    url: str, store: ModelStore, words: tuple[str, ...], told: str
) -> None:
    result = await pull(f"{url}/{words[0]}", *words[1:])

    assert result.exit_code == ExitCode.USAGE
    assert told in result.stderr
    assert labels(store) == []


async def test_a_licence_that_is_not_known_to_be_free_has_to_be_accepted(
    url: str, store: ModelStore
) -> None:
    words = (f"{url}/unknown.onnx", "--sha256", sha256_of(UNKNOWN))

    refused = await pull(*words)
    assert refused.exit_code == ExitCode.CONFIGURATION
    assert "tiny@1 has the licence unknown (unknown)" in refused.stderr
    assert labels(store) == []

    assert (await pull(*words, "--accept-license")).exit_code == ExitCode.OK
    assert store.find("tiny").manifest.license_tag == "unknown"


def test_a_local_file_is_stored_under_the_same_rules(
    tmp_path: Path, store: ModelStore
) -> None:
    file = tmp_path / "my.onnx"
    file.write_bytes(WHOLE)

    wrong = run("models", "pull", file, "--sha256", "0" * 64)
    assert wrong.exit_code == ExitCode.USAGE
    assert "should have" in wrong.stderr

    right = run("models", "pull", file, "--sha256", sha256_of(WHOLE))
    assert right.exit_code == ExitCode.OK
    assert labels(store) == ["tiny@1"]


def test_what_is_neither_file_nor_address_nor_model_is_told() -> None:
    for source in ("nothing", "ewma", "x" * 300):
        result = run("models", "pull", source)

        assert result.exit_code == ExitCode.USAGE
        assert f"{source} is no address, no file here, and no model" in result.stderr


async def test_a_model_of_tollama_is_installed_by_the_daemon() -> None:
    options = FakeTollamaOptions(models=())

    async with running_fake_tollama(options, host="127.0.0.1", port=0) as daemon:
        environ = {"TSFM_TOLLAMA__URL": daemon}
        result = await pull("chronos2", environ=environ)
        again = await pull("chronos2", "--json", environ=environ)
        listed = await asyncio.to_thread(run, "models", "--json", environ=environ)

    assert (result.exit_code, result.stdout) == (ExitCode.OK, "tollama has chronos2\n")
    assert json.loads(again.stdout)["status"] == "success"
    installed = {one["name"]: one["is_installed"] for one in json.loads(listed.stdout)}
    assert installed["chronos2"] is True


async def test_its_licence_has_to_be_accepted_before_the_daemon_is_asked() -> None:
    options = FakeTollamaOptions(models=())
    name = "moirai-2.0-R-small"

    async with running_fake_tollama(options, host="127.0.0.1", port=0) as daemon:
        environ = {"TSFM_TOLLAMA__URL": daemon}
        refused = await pull(name, environ=environ)
        accepted = await pull(name, "--accept-license", environ=environ)

    assert refused.exit_code == ExitCode.CONFIGURATION
    assert "cc-by-nc-4.0 (research_only)" in refused.stderr
    assert accepted.exit_code == ExitCode.OK


@pytest.mark.parametrize(
    ("words", "environ", "code", "told"),
    [
        ((), {}, ExitCode.CONFIGURATION, "tollama.url names no daemon"),
        (
            (),
            {"TSFM_TOLLAMA__URL": "http://127.0.0.1:1"},
            ExitCode.FAILED,
            "tollama could not be reached",
        ),
        (("--replace",), {}, ExitCode.USAGE, "'chronos2' is no file"),
        (("--name", "mine"), {}, ExitCode.USAGE, "'chronos2' is no file"),
        (("--sha256", "0"), {}, ExitCode.USAGE, "'chronos2' is no file"),
    ],
)
def test_a_daemon_that_cannot_be_asked_is_told(
    words: tuple[str, ...], environ: dict[str, str], code: ExitCode, told: str
) -> None:
    result = run("models", "pull", "chronos2", *words, environ=environ)

    assert result.exit_code == code
    assert told in result.stderr
