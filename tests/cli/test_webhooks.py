"""An endpoint is tried, and dead letters are posted once more, by hand."""

import asyncio
import json
from pathlib import Path

from standardwebhooks import Webhook
from tests.adapters.webhooks.receivers import Receiver, receiving
from tests.cli.command_line import run
from tests.service.signals_told import breach_signal
from typer.testing import Result

from tsfm_runner.adapters.webhooks import DeadLetterFile
from tsfm_runner.cli.exit_codes import ExitCode
from tsfm_runner.domain.delivery import DeadLetter

SECRET = "a-secret-long-enough"


async def command(*words: object, receiver: Receiver) -> Result:
    """Run a command beside the receiver, with one endpoint of each format."""
    endpoints = {
        "alerts": {"url": receiver.url},
        "pager": {"url": receiver.url, "format": "alertmanager"},
    }
    environ = {
        "TSFM_WEBHOOKS__ENDPOINTS": json.dumps(endpoints),
        "TSFM_WEBHOOKS__SECRETS": json.dumps({"alerts": SECRET}),
    }
    return await asyncio.to_thread(run, "webhooks", *words, environ=environ)


async def letters_at(path: Path, *endpoints: str) -> None:
    letters = [
        DeadLetter(name, breach_signal(n), "answered 400", 400, 1, 0.0, {"n": n})
        for n, name in enumerate(endpoints, start=1)
    ]
    await DeadLetterFile(path, max_bytes=1024).put(letters)


async def test_a_test_posts_one_signed_event_that_tells_of_nothing() -> None:
    async with receiving() as receiver:
        result = await command("test", "alerts", "--json", receiver=receiver)
    [post] = receiver.received

    told = Webhook(SECRET.encode()).verify(post.body, dict(post.headers))
    assert result.exit_code == ExitCode.OK, result.output
    assert json.loads(result.stdout) == {"endpoint": "alerts", "status": 204}
    assert told["type"] == "tsfm.test"


async def test_a_test_of_an_alertmanager_fires_nothing() -> None:
    async with receiving() as receiver:
        result = await command("test", "pager", receiver=receiver)
    [[alert]] = [post.document for post in receiver.received]

    assert result.stdout == "pager answered 204\n"
    assert alert["labels"] == {"alertname": "TsfmTest"}
    assert alert["startsAt"] == alert["endsAt"]


async def test_a_test_that_fails_says_why_without_the_address() -> None:
    async with receiving() as receiver:
        receiver.statuses = [401]
        result = await command("test", "alerts", receiver=receiver)
        unknown = await command("test", "nobody", receiver=receiver)

    assert result.exit_code == ExitCode.FAILED
    assert result.stderr == "error: answered 401\n"
    assert unknown.exit_code == ExitCode.CONFIGURATION
    assert "alerts, pager" in unknown.stderr


async def test_dead_letters_are_posted_again_by_the_names_they_had(
    tmp_path: Path,
) -> None:
    path = tmp_path / "letters.jsonl"
    await letters_at(path, "alerts", "pager", "alerts")

    async with receiving() as receiver:
        result = await command("replay", path, receiver=receiver)
        only = await command(
            "replay", path, "--endpoint", "pager", "--json", receiver=receiver
        )

    assert result.exit_code == only.exit_code == ExitCode.OK
    assert "2 delivered, 0 refused, 0 not sent" in result.stdout
    assert [post.document for post in receiver.received] == [
        {"n": 1},
        [{"n": 2}],
        {"n": 3},
        [{"n": 2}],
    ]
    assert receiver.received[0].headers["webhook-id"] == "key-1.1"
    assert [one["endpoint"] for one in json.loads(only.stdout)] == ["pager"]


async def test_what_is_not_taken_is_told_and_nothing_goes_to_who_is_down(
    tmp_path: Path,
) -> None:
    path = tmp_path / "letters.jsonl"
    await letters_at(path, "alerts", "alerts", "alerts", "alerts")

    async with receiving() as receiver:
        receiver.statuses = [400, 204, 503]
        result = await command("replay", path, "--json", receiver=receiver)

    assert result.exit_code == ExitCode.FAILED
    assert json.loads(result.stdout) == [
        {
            "endpoint": "alerts",
            "delivered": 1,
            "refused": 1,
            "not_sent": 2,
            "error": "answered 503",
        }
    ]
    assert len(receiver.received) == 3


async def test_a_file_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    async with receiving() as receiver:
        result = await command("replay", tmp_path / "none", receiver=receiver)

    assert result.exit_code == ExitCode.USAGE
