"""Where the service listens, who may ask, and which runtime is beside it."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, HttpUrl

from tsfm_runner.config.fields import Count, Positive, Section, SendableToken, Token


def _without_user(url: HttpUrl) -> HttpUrl:
    if url.username or url.password:
        raise ValueError("may hold no user and no password; set tollama.token")
    return url


class ServerConfig(Section):
    """Where the service listens and how much it takes in one request."""

    host: str = "127.0.0.1"
    """Address to bind. Anything but loopback needs a key (see `auth`)."""
    port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    """Port to bind; 0 takes a free one."""
    max_body_bytes: Count = 4 * 1024**2
    """Largest body of one forecast request."""
    max_batch_body_bytes: Count = 64 * 1024**2
    """Largest body of one batch request."""
    body_timeout_s: Positive = 10.0
    """How long the body of a request may take to arrive (408)."""
    max_values: Count = 400_000
    """Most values (numbers, strings, nulls) in the body of one forecast request."""
    max_batch_values: Count = 4_000_000
    """Most values in the body of one batch request."""
    max_batch_prices: Count = 2_000_000
    """Most prices, steps times levels, that one batch request may ask for."""
    max_streams: Count = 100
    """Most streams of server-sent events that are open at a time (503)."""
    shutdown_grace_s: Positive = 10.0
    """How long requests in flight may take to finish after SIGTERM."""
    tollama_api: bool = False
    """Answer tollama's own routes as well, so that its clients can ask us."""


class AuthConfig(Section):
    """Who may ask."""

    keys: dict[str, Token] = Field(default_factory=dict)
    """Named secrets; any of them opens the service. Environment or file only."""
    keys_file: Path | None = None
    """File of `name: secret` lines (YAML): more keys, read anew when it changes."""
    reload_interval_s: Positive = 5.0
    """How often `keys_file` is looked at for a change."""
    rate_per_minute: Count | None = None
    """Forecasts a minute that each key may ask for; unset: no limit."""
    rates_per_minute: dict[str, Count] = Field(default_factory=dict)
    """The same for single keys, by name; it goes before `rate_per_minute`."""
    allow_anonymous: bool = False
    """Serve without any key although the address is not loopback."""
    public: tuple[str, ...] = ("/", "/ui", "/health/live", "/health/ready")
    """Paths that need no key, with all below them; the root stands for itself alone.
    The pages below `/ui` hold no data and ask their reader for a key."""


class TollamaConfig(Section):
    """The model runtime beside us."""

    url: Annotated[HttpUrl, AfterValidator(_without_user)] | None = None
    """Base address of the daemon. Unset: there is no tollama rung."""
    token: SendableToken | None = None
    """Key of the daemon. Environment only; or use `token_file`."""
    token_file: Path | None = None
    """File that holds the key of the daemon."""
    model: str = "chronos2"
    """Model that is asked when the request names none."""
    max_series_per_call: Count = 64
    """Most series in one call."""
    max_points_per_call: Count = 100_000
    """Most points of all series in one call; a longer series goes alone."""
    daemon_timeout_s: Positive = 30.0
    """Upper bound sent to daemons that know it; our own deadline is far shorter."""


class LogConfig(Section):
    """What is written to standard error while the service runs."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least level that is written; each forecast is one line at `info`."""
    format: Literal["auto", "json", "text"] = "auto"
    """`json`, one object a line; `text` for people; `auto` is text at a terminal."""
