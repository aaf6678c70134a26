"""Where traces of requests go."""

from typing import Annotated

from pydantic import Field, HttpUrl

from tsfm_runner.config.fields import Positive, Section


class TracingConfig(Section):
    """Traces of requests by OpenTelemetry; needs the extra `otel`."""

    enabled: bool = False
    """Trace requests for forecasts, and pass the trace on to the runtime."""
    endpoint: HttpUrl = HttpUrl("http://127.0.0.1:4318/v1/traces")
    """Where spans are posted (OTLP over HTTP)."""
    sample_ratio: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Share of requests that are traced; a caller who traces, or not, decides first."""
    service_name: Annotated[str, Field(min_length=1)] = "tsfm-runner"
    """What the service is called in traces."""
    timeout_s: Positive = 5.0
    """How long one post of spans may take; what cannot be posted is lost."""
