"""The floor of every comparison: read the body, send back bytes that were stored."""

from typing import Annotated

import typer

from asgi import Message, Receive, Send, answer, read, serve

NOT_FOUND = 404


class Echo:
    """``PUT /anything`` stores an answer; ``POST /anything`` is answered with it."""

    def __init__(self) -> None:
        """Start with nothing stored."""
        self._stored: dict[str, bytes] = {}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        body, path = await read(receive), scope["path"]
        if scope["method"] == "PUT":
            self._stored[path] = body
        stored = self._stored.get(path)
        if stored is None:
            await answer(send, b"{}", NOT_FOUND)
        else:
            await answer(send, stored)


def main(
    port: Annotated[int, typer.Option(help="Port of the loopback to bind.")],
) -> None:
    """Serve until SIGTERM."""
    serve(Echo(), port)


if __name__ == "__main__":
    typer.run(main)
