"""How a model is pulled: told as events, or by the last of them."""

import json
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from tsfm_runner.testing.fake_tollama.catalog import described, find_model
from tsfm_runner.testing.fake_tollama.edge import MEMORY, read_body
from tsfm_runner.testing.fake_tollama.options import Memory
from tsfm_runner.testing.fake_tollama.refusals import RefusalError
from tsfm_runner.testing.fake_tollama.rendering import json_answer, send_lines
from tsfm_runner.testing.fake_tollama.schemas import PullBody

_OFFLINE = (
    "Offline/local-files-only mode: model not found locally. "
    "Re-run without --offline or --local-files-only to download."
)
_ACCEPT_HINT = (
    "Re-run with `--accept-license`, or call `tollama pull <model> --accept-license`."
)


async def pull(request: web.Request) -> web.StreamResponse:
    """Install a model; nothing is downloaded."""
    body = read_body(request, PullBody)
    memory = request.app[MEMORY]
    model = find_model(body.model)
    if model is None and body.model not in memory.installed:
        detail = f"model {body.model!r} is not defined in the registry"
        raise RefusalError(404, f'"{detail}"')
    if not body.stream:
        return json_answer(json.dumps([*_pull_events(memory, body)][-1]))
    return await send_lines(request, _streamed_pull(memory, body))


def _streamed_pull(memory: Memory, body: PullBody) -> Iterator[dict[str, Any]]:
    """Yield events; a stream that has begun can only report its failure inside."""
    try:
        yield from _pull_events(memory, body)
    except RefusalError as refusal:
        yield {"error": {"message": refusal.detail}}


def _pull_events(memory: Memory, body: PullBody) -> Iterator[dict[str, Any]]:
    success = {"status": "success", "model": body.model, "digest": "local", "size": 0}
    if body.model in memory.installed:
        yield {"status": "already present", "model": body.model}
        yield success
        return
    if described(body.model).needs_acceptance and not body.accept_license:
        detail = f"model {body.model!r} requires license acceptance"
        message = f"{detail}; pass accept_license=True"
        raise RefusalError(409, message, hint=_ACCEPT_HINT)
    yield {"status": "pulling manifest"}
    yield {
        "status": "resolving digest",
        "digest": "unknown" if body.offline else "local",
    }
    if body.offline and body.model != "mock":
        raise RefusalError(502, _OFFLINE)
    memory.installed.add(body.model)
    yield success
