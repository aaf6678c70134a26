"""Serve a bare ASGI application exactly as ``tsfm-runner serve`` serves ours."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn

from tsfm_runner.cli.serving import bind

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


def serve(app: Application, port: int) -> None:
    """Serve on the loopback until SIGINT or SIGTERM, on uvloop and httptools."""
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    with bind("127.0.0.1", port) as bound:
        uvicorn.Server(config).run(sockets=[bound])


async def read(receive: Receive) -> bytes:
    """Return the whole body of a request."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body
    parts = [body]
    while message.get("more_body"):
        message = await receive()
        parts.append(message.get("body", b""))
    return b"".join(parts)


async def answer(send: Send, body: bytes, status: int = 200) -> None:
    """Send a body of JSON."""
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
