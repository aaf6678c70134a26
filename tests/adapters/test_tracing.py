"""What becomes of a request is one trace, from the caller to the runtime."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from io import StringIO

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from httpx2 import AsyncClient
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from tests.api.wire import (
    BATCH,
    FORECAST,
    a_request,
    an_app,
    in_memory,
    prices,
    started,
    with_tollama,
    without_own_models,
)
from tests.fakes import Answers, FakeRuntime

from tsfm_runner.adapters.tracing import open_tracer
from tsfm_runner.bootstrap import build_app
from tsfm_runner.bootstrap.tracing import Tracing, open_tracing
from tsfm_runner.config import TracingConfig
from tsfm_runner.domain.forecast import ModelCall
from tsfm_runner.errors import ConfigurationError, RuntimeRefusedError

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = f"00-{TRACE}-b7ad6b7169203331-01"
NOT_SAMPLED = f"00-{TRACE}-b7ad6b7169203331-00"
STAGES = {
    *("guard", "decode", "translate", "cache", "prepare", "route"),
    *("predict tollama", "finish", "calibrate", "remember", "respond"),
}


class Traced:
    """A traced service, its client, and what was traced."""

    def __init__(self, client: AsyncClient, exporter: InMemorySpanExporter) -> None:
        self.client = client
        self._exporter = exporter

    async def asks(self, name: str = "a", **headers: str) -> None:
        body = a_request(y=prices(60), market_id=name)
        answer = await self.client.post(FORECAST, json=body, headers=headers)
        assert answer.status_code == 200

    def spans(self, name: str | None = None) -> list[ReadableSpan]:
        found = self._exporter.get_finished_spans()
        return [one for one in found if name in (None, one.name)]


@asynccontextmanager
async def traced(
    runtime: FakeRuntime, config: TracingConfig | None = None
) -> AsyncIterator[Traced]:
    """Serve with tracing; what was traced is there when the service has stopped."""
    exporter = InMemorySpanExporter()
    config = config or TracingConfig(enabled=True)
    tracer = open_tracer(config, version="1", exporter=exporter)
    settings = with_tollama(tracing={"enabled": True})
    app = build_app(
        without_own_models(in_memory(settings)),
        log_stream=StringIO(),
        runtimes={"tollama": runtime},
        tracing=Tracing(tracer, tracer.close),
    )
    async with started(app) as client:
        yield Traced(client, exporter)


def attributes(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})


def parent_id(span: ReadableSpan) -> int | None:
    return None if span.parent is None else span.parent.span_id


def span_id(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.span_id)


async def test_each_stage_of_a_request_is_a_span_below_it() -> None:
    async with traced(FakeRuntime()) as service:
        await service.asks(traceparent=CALLER, **{"X-Request-ID": "order-17"})

    [server] = service.spans(f"POST {FORECAST}")
    stages = {one.name for one in service.spans() if parent_id(one) == span_id(server)}
    assert server.kind is SpanKind.SERVER
    assert server.context is not None
    assert f"{server.context.trace_id:032x}" == TRACE
    assert attributes(server) == {
        "tsfm.route": FORECAST,
        "tsfm.request_id": "order-17",
        "tsfm.status": 200,
    }
    assert stages == STAGES


async def test_the_call_goes_on_in_the_trace_and_names_itself_to_the_runtime() -> None:
    runtime = FakeRuntime()

    async with traced(runtime) as service:
        await service.asks(traceparent=CALLER)

    [call] = service.spans("call tollama")
    [predict] = service.spans("predict tollama")
    assert call.kind is SpanKind.CLIENT
    assert parent_id(call) == span_id(predict)
    assert attributes(call) == {"tsfm.model": "chronos2", "tsfm.n_series": 1}
    assert runtime.calls[0].traceparent == f"00-{TRACE}-{span_id(call):016x}-01"


async def test_a_shared_call_is_linked_to_all_who_wait_for_it() -> None:
    runtime = FakeRuntime()

    async with traced(runtime) as service:
        await asyncio.gather(*(service.asks(f"m{number}") for number in range(4)))

    [call] = service.spans("call tollama")
    predicts = {span_id(one) for one in service.spans("predict tollama")}
    linked = {link.context.span_id for link in call.links}
    assert len(runtime.calls) == 1
    assert len(predicts) == 4
    assert {parent_id(call)} | linked == predicts


async def test_what_is_done_for_many_at_once_is_in_the_trace_of_each() -> None:
    async with traced(FakeRuntime()) as service:
        await asyncio.gather(*(service.asks(f"m{number}") for number in range(4)))

    servers = {span_id(one) for one in service.spans(f"POST {FORECAST}")}
    prepared = service.spans("prepare")
    assert {parent_id(one) for one in prepared} == servers
    assert {one.start_time for one in prepared} == {prepared[0].start_time}
    assert {attributes(one)["tsfm.n_requests"] for one in prepared} == {4}


async def test_a_batch_is_one_trace() -> None:
    async with traced(FakeRuntime()) as service:
        requests = [a_request(y=prices(60), market_id=f"m{n}") for n in range(5)]
        await service.client.post(BATCH, json={"requests": requests})

    [server] = service.spans(f"POST {BATCH}")
    traces = {one.context.trace_id for one in service.spans() if one.context}
    assert len(traces) == 1
    assert len(service.spans("calibrate")) == 1
    assert parent_id(service.spans("calibrate")[0]) == span_id(server)


async def test_a_call_that_fails_tells_how_but_not_with_what() -> None:
    def refusing(_: ModelCall) -> Answers:
        raise RuntimeRefusedError("a secret", is_input=False)

    async with traced(FakeRuntime(refusing)) as service:
        await service.asks()

    [call] = service.spans("call tollama")
    assert call.status.status_code is StatusCode.ERROR
    assert call.status.description == "RuntimeRefusedError"
    assert not call.events


@pytest.mark.parametrize(
    ("ratio", "header", "is_traced"),
    [
        (1.0, None, True),
        (0.0, None, False),
        (0.0, CALLER, True),
        (1.0, NOT_SAMPLED, False),
        (1.0, "nonsense", True),
    ],
)
async def test_callers_decide_first_and_else_a_share_is_traced(
    ratio: float, header: str | None, *, is_traced: bool
) -> None:
    config = TracingConfig(enabled=True, sample_ratio=ratio)
    headers = {} if header is None else {"traceparent": header}

    async with traced(FakeRuntime(), config) as service:
        await service.asks(**headers)

    assert bool(service.spans()) is is_traced


async def test_other_routes_are_not_traced() -> None:
    async with traced(FakeRuntime()) as service:
        for path in ("/metrics", "/health/live"):
            await service.client.get(path)

    assert not service.spans()


class Collector:
    """Takes spans in, or lets who brings them wait."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, bytes]] = []
        self.is_open = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        self.posts.append((request.path, await request.read()))
        await self.is_open.wait()
        return web.Response()


async def stopped_before(collector: Collector, **settings: object) -> None:
    """Answer one request, and stop, with spans going to a collector."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", collector.take)
    async with TestServer(app) as server:
        endpoint = str(server.make_url("/where/spans/go"))
        tracing = {"enabled": True, "endpoint": endpoint} | settings
        service = an_app(with_tollama(tracing=tracing), runtime=FakeRuntime())
        async with started(service) as client:
            body = a_request(y=prices(60))
            assert (await client.post(FORECAST, json=body)).status_code == 200
        collector.is_open.set()


async def test_spans_are_posted_where_the_settings_say_before_the_end() -> None:
    collector = Collector()
    collector.is_open.set()

    await stopped_before(collector, service_name="bands-of-the-desk")

    [(path, body)] = collector.posts
    assert path == "/where/spans/go"
    for word in (b"bands-of-the-desk", b"predict tollama", b"calibrate"):
        assert word in body


async def test_a_collector_that_hangs_does_not_keep_the_service_from_stopping() -> None:
    collector = Collector()

    await stopped_before(collector, timeout_s=0.2)

    assert collector.posts  # that it stopped is what is shown


def test_without_the_extra_the_start_is_refused_by_its_name() -> None:
    with (
        _without("opentelemetry", "tsfm_runner.adapters.tracing"),
        pytest.raises(ConfigurationError, match=r"needs the extra otel"),
    ):
        open_tracing(TracingConfig(enabled=True))


@contextmanager
def _without(*names: str) -> Iterator[None]:
    """Let imports of packages fail, as where they are not installed."""
    kept = {
        name: module
        for name, module in sys.modules.items()
        if name.startswith(names) and module is not None
    }
    for name in {*kept, *names}:
        sys.modules[name] = None  # type: ignore[assignment]  # bars the import
    try:
        yield
    finally:
        for name in names:
            sys.modules.pop(name, None)
        sys.modules.update(kept)
