"""``webhooks``: try an endpoint, and post dead letters once more."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from tsfm_runner.adapters.webhooks import (
    dead_letter_path,
    message_again,
    open_session,
    read_letters,
    trial_message,
)
from tsfm_runner.bootstrap.webhooks import endpoint_of
from tsfm_runner.cli.exit_codes import ExitCode
from tsfm_runner.cli.invocation import JsonFlag, load_for, print_json
from tsfm_runner.cli.tables import plain_table
from tsfm_runner.config import WebhooksConfig
from tsfm_runner.errors import DeliveryFailedError, DeliveryRefusedError


@dataclass(slots=True)
class Replayed:
    """What came of the dead letters of one endpoint."""

    endpoint: str
    delivered: int = 0
    refused: int = 0
    not_sent: int = 0
    error: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether every letter was taken."""
        return not self.refused and not self.not_sent


def send_test(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the endpoint.")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """Post one signed event that tells of nothing, and say what comes back."""
    status = asyncio.run(_send_test(load_for(context).settings.webhooks, name))
    if as_json:
        print_json({"endpoint": name, "status": status})
    else:
        typer.echo(f"{name} answered {status}")


def replay(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(help="File of dead letters; unset: that of the settings."),
    ] = None,
    *,
    endpoint: Annotated[
        str | None, typer.Option(help="Only those of the endpoint of this name.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Post every dead letter of a file once more, in order; the file stays as it is.

    Exit code 1 if some were not taken. After a post without an answer nothing more
    goes to that endpoint.
    """
    config = load_for(context).settings.webhooks
    letters = list(_chosen(read_letters(file or dead_letter_path(config)), endpoint))
    replayed = asyncio.run(_replay(config, letters))
    if as_json:
        print_json([asdict(one) for one in replayed])
    else:
        table = plain_table("Replayed")
        for one in replayed:
            table.add_row(one.endpoint, _told(one))
        Console().print(table)
    if not all(one.is_whole for one in replayed):
        raise typer.Exit(ExitCode.FAILED)


def _chosen(
    letters: Iterator[Mapping[str, Any]], endpoint: str | None
) -> Iterator[Mapping[str, Any]]:
    for letter in letters:
        if endpoint in {None, letter["endpoint"]}:
            yield letter


async def _send_test(config: WebhooksConfig, name: str) -> int:
    async with open_session() as session:
        endpoint = endpoint_of(config, name, session)
        shape = config.endpoints[name].format
        return await endpoint.send(trial_message(shape, now_s=time.time()))


async def _replay(
    config: WebhooksConfig, letters: list[Mapping[str, Any]]
) -> list[Replayed]:
    names = dict.fromkeys(str(letter["endpoint"]) for letter in letters)
    async with open_session() as session:
        # All of them first: a name that is wrong is told before anything is posted.
        endpoints = {name: endpoint_of(config, name, session) for name in names}
        replayed = {name: Replayed(name) for name in names}
        for letter in letters:
            name = str(letter["endpoint"])
            one = replayed[name]
            if one.not_sent:
                one.not_sent += 1
                continue
            try:
                message = message_again(letter, config.endpoints[name].format)
                await endpoints[name].send(message)
            except DeliveryRefusedError as refusal:
                one.refused, one.error = one.refused + 1, str(refusal)
            except DeliveryFailedError as failure:
                one.not_sent, one.error = 1, str(failure)
            else:
                one.delivered += 1
    return list(replayed.values())


def _told(one: Replayed) -> str:
    error = f" ({one.error})" if one.error else ""
    return (
        f"{one.delivered:,} delivered, {one.refused:,} refused, "
        f"{one.not_sent:,} not sent{error}"
    )
