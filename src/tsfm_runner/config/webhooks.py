"""Who is told of breach signals, in which shape, and how hard we try."""

import base64
import binascii
from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, HttpUrl, SecretStr, model_validator

from tsfm_runner.config.fields import Count, Positive, Section, Token

SECRET_PREFIX = "whsec_"  # noqa: S105 - how a secret begins is none

_SECONDS_PER_MINUTE = 60
_SECONDS_PER_HOUR = 3_600

WebhookFormat: TypeAlias = Literal["cloudevents", "alertmanager"]
Severity: TypeAlias = Literal["moderate", "severe", "extreme"]
SignalPhase: TypeAlias = Literal["opened", "escalated", "closed", "followed"]
EndpointName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
LabelName = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]{0,63}$")]
LabelValue = Annotated[str, Field(min_length=1, max_length=256)]


def _without_user(url: HttpUrl) -> HttpUrl:
    if url.username or url.password:
        raise ValueError("may hold no user and no password")
    return url


def _usable_secret(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if text.startswith(SECRET_PREFIX):
        try:
            base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
        except binascii.Error:
            raise ValueError("after whsec_ a secret must be base64") from None
    return secret


WebAddress = Annotated[HttpUrl, AfterValidator(_without_user)]
WebhookSecret = Annotated[Token, AfterValidator(_usable_secret)]


class WebhookConfig(Section):
    """One address that is told of breach signals, in order and at least once."""

    url: WebAddress
    """Where signals are posted; of an Alertmanager the address of `/api/v2/alerts`."""
    format: WebhookFormat = "cloudevents"
    """`cloudevents`: one event a post; `alertmanager`: alerts, several in one post."""
    secret_file: Path | None = None
    """File of the secret that signs, or of several, one a line, to change it over."""
    min_severity: Severity = "moderate"
    """Signals below this severity are left out."""
    phases: tuple[SignalPhase, ...] = ("opened", "escalated", "closed", "followed")
    """What is told of a breach; an Alertmanager needs `opened` and `closed`."""
    labels: dict[LabelName, LabelValue] = Field(default_factory=dict)
    """Labels that each alert for an Alertmanager has besides ours, to route by."""
    max_alerts: Count = 64
    """Most alerts in one post to an Alertmanager."""
    timeout_s: Positive = 10.0
    """How long one post may take, its answer included."""
    first_backoff_s: Positive = 1.0
    """Longest pause after the first post that failed; it doubles with each further."""
    longest_backoff_s: Positive = 60.0
    """Longest that this pause becomes; its length is drawn between 0 and that."""
    longest_retry_after_s: Positive = 600.0
    """Longest that an answer with `Retry-After` may make us wait."""
    give_up_after_hours: Positive = 24.0
    """A signal older than this, of which a post has failed, becomes a dead letter."""
    repost_interval_s: Positive = 60.0
    """How often an Alertmanager is told again of breaches that are open."""
    open_for_minutes: Positive = 15.0
    """How long an alert goes on firing of which an Alertmanager hears nothing more."""

    @property
    def give_up_after_s(self) -> float:
        """How old a signal may become, in seconds."""
        return self.give_up_after_hours * _SECONDS_PER_HOUR

    @property
    def open_for_s(self) -> float:
        """How long an alert fires of which nothing more is heard, in seconds."""
        return self.open_for_minutes * _SECONDS_PER_MINUTE

    @model_validator(mode="after")
    def _pauses_are_ordered(self) -> Self:
        if self.first_backoff_s > self.longest_backoff_s:
            raise ValueError("first_backoff_s may not be above longest_backoff_s")
        if 2 * self.repost_interval_s > self.open_for_s:
            raise ValueError(
                "open_for_minutes must be at least twice repost_interval_s: else "
                "alerts end while their breach is open"
            )
        return self

    @model_validator(mode="after")
    def _alerts_begin_and_end(self) -> Self:
        if self.format == "alertmanager" and not {"opened", "closed"} <= set(
            self.phases
        ):
            raise ValueError("phases: an Alertmanager needs opened and closed")
        if self.format != "alertmanager" and self.labels:
            raise ValueError("labels: only alerts for an Alertmanager have any")
        return self


class WebhooksConfig(Section):
    """Who is told of breach signals by a post of ours."""

    endpoints: dict[EndpointName, WebhookConfig] = Field(default_factory=dict)
    """Name of each endpoint, and a mapping of what follows."""
    secrets: dict[EndpointName, WebhookSecret] = Field(default_factory=dict)
    """Secret of each endpoint, by its name. Environment only; or use `secret_file`."""
    public_url: WebAddress | None = None
    """Address under which people reach this service: the source of events, and what
    alerts link to."""
    dead_letter_file: Path | None = None
    """Where signals go that could not be delivered; unset: `dead-letters.jsonl` in
    the user's data folder."""
    max_dead_letter_bytes: Annotated[int, Field(ge=0)] = 64 * 1024**2
    """Past this size the file is set aside, with `.1` behind its name; one is kept."""
    shutdown_grace_s: Annotated[float, Field(ge=0)] = 2.0
    """How long a post under way may take to end when the service stops."""

    @model_validator(mode="after")
    def _secrets_fit(self) -> Self:
        if unknown := sorted(self.secrets.keys() - self.endpoints.keys()):
            raise ValueError(f"secrets: {', '.join(unknown)} is no endpoint")
        for name, endpoint in self.endpoints.items():
            given = (name in self.secrets) + (endpoint.secret_file is not None)
            if given > 1:
                raise ValueError(
                    f"endpoints.{name}: secrets and secret_file both give its secret"
                )
            if not given and endpoint.format == "cloudevents":
                raise ValueError(
                    f"endpoints.{name} has no secret: set webhooks.secrets in the "
                    "environment, or its secret_file"
                )
        return self
