"""Every setting and its default, once; frozen, units in the names.

Values come from ``configs/tsfm_runtime.yaml``, then from the environment
(``TSFM_SECTION__NAME``), then from flags; the later one wins. Secrets come from
the environment or from files only.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    SecretStr,
    model_validator,
)

Probability = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Space = Literal["logit", "identity"]
RungName = Literal["tollama", "embedded", "baseline"]
BaselineMethod = Literal["ewma", "kalman", "rolling_quantile", "har"]
LiquidityBucket = Literal["low", "mid", "high"]

MIN_TOKEN_LENGTH = 16
_PLACEHOLDERS = ("changeme", "change-me", "replace", "example", "placeholder", "your-")


def _real_token(token: SecretStr) -> SecretStr:
    """Refuse tokens that somebody forgot to replace or could guess."""
    text = token.get_secret_value()
    if any(letter.isspace() or not letter.isprintable() for letter in text):
        raise ValueError("a token may hold no space and nothing unprintable")
    if len(text) < MIN_TOKEN_LENGTH:
        msg = f"a token needs at least {MIN_TOKEN_LENGTH} characters"
        raise ValueError(msg)
    if any(word in text.lower() for word in _PLACEHOLDERS):
        msg = "this is a placeholder, not a token"
        raise ValueError(msg)
    return token


def _sendable_token(token: SecretStr) -> SecretStr:
    """Return the token without the newline that files and shells leave behind."""
    text = token.get_secret_value().strip()
    if not (text.isascii() and text.isprintable()):
        raise ValueError("a token must be printable ASCII")
    return SecretStr(text)


def _without_user(url: HttpUrl) -> HttpUrl:
    if url.username or url.password:
        raise ValueError("may hold no user and no password; set tollama.token")
    return url


Token = Annotated[SecretStr, AfterValidator(_real_token)]
SendableToken = Annotated[SecretStr, AfterValidator(_sendable_token)]


class Section(BaseModel):
    """A part of the settings; a misspelt key is an error, not a default."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True
    )


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
    max_values: Count = 400_000
    """Most values (numbers, strings, nulls) in the body of one forecast request."""
    max_batch_values: Count = 4_000_000
    """Most values in the body of one batch request."""
    max_batch_prices: Count = 2_000_000
    """Most prices, steps times levels, that one batch request may ask for."""
    shutdown_grace_s: Positive = 10.0
    """How long requests in flight may take to finish after SIGTERM."""


class AuthConfig(Section):
    """Who may ask."""

    keys: dict[str, Token] = Field(default_factory=dict)
    """Named secrets; any of them opens the service. Environment or file only."""
    keys_file: Path | None = None
    """File of `name: secret` lines (YAML) that is merged into `keys`."""
    allow_anonymous: bool = False
    """Serve without any key although the address is not loopback."""
    public: tuple[str, ...] = ("/health/live", "/health/ready")
    """Paths that need no key, with all below them."""


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
    max_connections: Count = 2
    """Most calls at a time, others wait; the daemon works on one anyway."""
    daemon_timeout_s: Positive = 30.0
    """Upper bound sent to daemons that know it; our own deadline is far shorter."""


class TaskConfig(Section):
    """What a request that leaves a field out asks for."""

    freq: str = "5m"
    """Step between points."""
    horizon: Annotated[int, Field(ge=1, le=288)] = 12
    """Steps to forecast."""
    quantile_levels: tuple[Probability, ...] = (0.1, 0.5, 0.9)
    """Levels to answer."""
    space: Space = "logit"
    """Space in which models and the EWMA and Kalman baselines work."""
    eps: Annotated[float, Field(ge=1e-12, lt=0.5)] = 1e-6
    """Probabilities are kept this far from 0 and 1 before the logit."""


class PreparationConfig(Section):
    """How a raw series becomes a context."""

    context_length: Annotated[int, Field(ge=2, le=20_000)] = 288
    """Most recent steps that are looked at."""
    max_gap_minutes: Positive = 60.0
    """Longest hole that is filled forward; at least one step is always filled."""
    max_spread: Probability = 0.20
    """Quotes further apart than this make no mid price."""
    max_trade_age_minutes: Positive = 15.0
    """Without a mid price, the last trade counts for as long as this."""
    min_points: Annotated[int, Field(ge=2)] = 32
    """With fewer points a baseline answers (`too_few_points`)."""


class LadderOverride(Section):
    """Another ladder for markets of one category, liquidity or both."""

    category: str | None = None
    """Category of the request that this is for; unset: every category."""
    liquidity_bucket: LiquidityBucket | None = None
    """Liquidity of the request that this is for; unset: every liquidity."""
    ladder: Annotated[tuple[RungName, ...], Field(min_length=1)]
    """The ladder for these markets."""


class RoutingConfig(Section):
    """Which rung answers."""

    ladder: Annotated[tuple[RungName, ...], Field(min_length=1)] = (
        "tollama",
        "embedded",
        "baseline",
    )
    """Rungs from best to last, ending at `baseline`; one that is not configured is
    passed over."""
    overrides: tuple[LadderOverride, ...] = ()
    """First match wins."""
    baseline_method: BaselineMethod = "ewma"
    """Method of the baseline rung when the request names none."""
    baseline_only_liquidity: tuple[LiquidityBucket, ...] = ("low",)
    """Liquidity buckets for which no model is asked."""


class BaselineConfig(Section):
    """Constants of the baselines."""

    ewma_half_life_steps: Positive = 11.0
    """Half-life of the squared changes in the EWMA variance."""
    kalman_half_life_steps: Positive = 11.0
    """Half-life of the autocovariances from which q and r are taken."""
    floor_share: Probability = 0.1
    """Recent variance never counts below this share of the whole context's."""
    floor_ticks: Positive = 0.1
    """One-step scale never falls below this many ticks."""
    floor_price: Positive = 0.0001
    """One-step scale never falls below this many price units; used with no tick."""
    logit_start: Positive = 0.01
    """Added to the price and to its complement before the logit of a baseline."""
    prior_changes: Count = 24
    """With fewer known changes, the usual change at the price is mixed in."""
    min_changes: Count = 24
    """Rolling quantile: with fewer h-step changes, shorter steps are scaled up."""


class BandConfig(Section):
    """Bounds on a raw band, in probability units, applied at every step."""

    min_width: Probability = 0.02
    """Narrower bands of jumpy markets are widened to this."""
    max_width: Probability = 0.90
    """Wider bands are clamped to this."""
    jumpy_move: Probability = 0.02
    """A step that moves at least this far is a jump."""
    jumpy_share: Probability = 0.05
    """A market is jumpy when at least this share of its steps are jumps."""

    @model_validator(mode="after")
    def _widths_are_ordered(self) -> Self:
        if self.min_width >= self.max_width:
            msg = "min_width must be below max_width"
            raise ValueError(msg)
        return self


class ResilienceConfig(Section):
    """How long we wait, and how often we ask again."""

    deadline_s: Positive = 2.5
    """Time for one forecast request, all included."""
    batch_deadline_s: Positive = 10.0
    """Time for the models of one batch request; then baselines answer the rest."""
    attempt_timeout_s: Positive = 2.0
    """Time for one call of a runtime."""
    max_retries: Annotated[int, Field(ge=0, le=5)] = 1
    """How often a call that found the runtime unavailable is made again."""
    max_split_calls: Count = 32
    """Most calls that are made to find bad series in one call that was refused."""
    min_attempt_s: Positive = 1.0
    """No retry starts with less time than this left."""
    backoff_s: Positive = 0.05
    """Pause before a retry; up to as much again is added at random."""


class Settings(Section):
    """All settings of one process."""

    environment: Literal["dev", "prod"] = "dev"
    """`prod` serves only models that `environments.prod.allowed_models` names."""
    models_file: Path | None = None
    """Model registry; unset: the one that is shipped with the package."""
    server: ServerConfig = ServerConfig()
    auth: AuthConfig = AuthConfig()
    tollama: TollamaConfig = TollamaConfig()
    task: TaskConfig = TaskConfig()
    preparation: PreparationConfig = PreparationConfig()
    routing: RoutingConfig = RoutingConfig()
    baseline: BaselineConfig = BaselineConfig()
    band: BandConfig = BandConfig()
    resilience: ResilienceConfig = ResilienceConfig()
