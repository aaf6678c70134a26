"""Traces by OpenTelemetry, with the extra ``otel``; spans are posted in a thread."""

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from time import time_ns

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from tsfm_runner.config import TracingConfig
from tsfm_runner.ports import Span, SpanKind

_NAME = "tsfm_runner"
_KINDS: dict[SpanKind, trace.SpanKind] = {
    "internal": trace.SpanKind.INTERNAL,
    "server": trace.SpanKind.SERVER,
    "client": trace.SpanKind.CLIENT,
}
_W3C = TraceContextTextMapPropagator()


class OpenTelemetrySpan:
    """A ``Span`` of OpenTelemetry."""

    def __init__(self, span: trace.Span) -> None:
        """Take a span that has begun."""
        self._span = span
        carrier: dict[str, str] = {}
        _W3C.inject(carrier, trace.set_span_in_context(span, Context()))
        self.traceparent = carrier.get("traceparent", "")

    def tell(self, **facts: str | float | bool) -> None:
        """Add attributes below our own name."""
        for name, value in facts.items():
            self._span.set_attribute(f"tsfm.{name}", value)


class OpenTelemetryTracer:
    """A ``Tracer`` that hands spans to a provider.

    Parents are always named: what runs for many requests at once has no current span.
    """

    def __init__(self, provider: TracerProvider) -> None:
        """Make spans with a provider, which `close` shuts down."""
        self._provider = provider
        self._tracer = provider.get_tracer(_NAME)

    @contextmanager
    def span(
        self,
        name: str,
        *,
        parent: str,
        kind: SpanKind = "internal",
        links: Sequence[str] = (),
    ) -> Generator[Span]:
        """Make a span that lasts as long as the context, and tells how it failed."""
        span = self._tracer.start_span(
            name,
            _context(parent),
            _KINDS[kind],
            links=[trace.Link(_span_context(link)) for link in links],
        )
        # An error's text may hold what a caller sent; its class is enough.
        with trace.use_span(
            span,
            end_on_exit=True,
            record_exception=False,
            set_status_on_exception=False,
        ):
            try:
                yield OpenTelemetrySpan(span)
            except BaseException as failure:
                span.set_status(trace.StatusCode.ERROR, type(failure).__name__)
                raise

    @contextmanager
    def stage(self, name: str, parents: Iterable[str]) -> Generator[None]:
        """Make a span of the same time below each parent."""
        began_ns = time_ns()
        failure: str | None = None
        try:
            yield
        except BaseException as exc:
            failure = type(exc).__name__
            raise
        finally:
            ended_ns = time_ns()
            below = [parent for parent in dict.fromkeys(parents) if parent]
            for parent in below:
                span = self._tracer.start_span(
                    name, _context(parent), start_time=began_ns
                )
                span.set_attribute("tsfm.n_requests", len(below))
                if failure is not None:
                    span.set_status(trace.StatusCode.ERROR, failure)
                span.end(ended_ns)

    def close(self) -> None:
        """Post what waits, and stop."""
        self._provider.shutdown()


def open_tracer(
    config: TracingConfig, *, version: str, exporter: SpanExporter | None = None
) -> OpenTelemetryTracer:
    """Return a tracer that posts spans where the settings say, or to ``exporter``."""
    provider = TracerProvider(
        resource=Resource.create(
            {"service.name": config.service_name, "service.version": version}
        ),
        sampler=ParentBased(TraceIdRatioBased(config.sample_ratio)),
        shutdown_on_exit=False,
    )
    exporter = exporter or OTLPSpanExporter(
        endpoint=str(config.endpoint), timeout=config.timeout_s
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return OpenTelemetryTracer(provider)


def _context(parent: str) -> Context:
    """Return the context of a parent; a name that is none begins a trace."""
    return _W3C.extract({"traceparent": parent} if parent else {}, Context())


def _span_context(name: str) -> trace.SpanContext:
    return trace.get_current_span(_context(name)).get_span_context()
