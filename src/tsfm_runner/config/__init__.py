"""Every setting and its default, once; frozen, units in the names.

Values come from ``configs/tsfm_runtime.yaml``, then from the environment
(``TSFM_SECTION__NAME``), then from flags; the later one wins. Secrets come from
the environment or from files only.
"""

from pathlib import Path
from typing import Literal

from tsfm_runner.config.calibration import CalibrationConfig, DriftConfig
from tsfm_runner.config.chronos import ChronosConfig, ChronosModelConfig
from tsfm_runner.config.cycle import CycleConfig
from tsfm_runner.config.embedded import EmbeddedConfig
from tsfm_runner.config.fields import (
    MIN_TOKEN_LENGTH,
    BaselineMethod,
    Count,
    LiquidityBucket,
    Positive,
    Probability,
    RungName,
    Section,
    SendableToken,
    Space,
    Token,
)
from tsfm_runner.config.forecasting import (
    BandConfig,
    BaselineConfig,
    LadderOverride,
    PreparationConfig,
    RoutingConfig,
    TaskConfig,
)
from tsfm_runner.config.gate import GateConfig, GateStageConfig
from tsfm_runner.config.pages import PagesConfig
from tsfm_runner.config.resilience import (
    BreakerConfig,
    CacheConfig,
    DegradationConfig,
    ResilienceConfig,
)
from tsfm_runner.config.serving import (
    AuthConfig,
    LogConfig,
    ServerConfig,
    TollamaConfig,
)
from tsfm_runner.config.signals import SignalsConfig
from tsfm_runner.config.store import StoreConfig
from tsfm_runner.config.tracing import TracingConfig
from tsfm_runner.config.verdict import VerdictConfig
from tsfm_runner.config.webhooks import WebhookConfig, WebhooksConfig

__all__ = [
    "MIN_TOKEN_LENGTH",
    "AuthConfig",
    "BandConfig",
    "BaselineConfig",
    "BaselineMethod",
    "BreakerConfig",
    "CacheConfig",
    "CalibrationConfig",
    "ChronosConfig",
    "ChronosModelConfig",
    "Count",
    "CycleConfig",
    "DegradationConfig",
    "DriftConfig",
    "EmbeddedConfig",
    "GateConfig",
    "GateStageConfig",
    "LadderOverride",
    "LiquidityBucket",
    "LogConfig",
    "PagesConfig",
    "Positive",
    "PreparationConfig",
    "Probability",
    "ResilienceConfig",
    "RoutingConfig",
    "RungName",
    "Section",
    "SendableToken",
    "ServerConfig",
    "Settings",
    "SignalsConfig",
    "Space",
    "StoreConfig",
    "TaskConfig",
    "Token",
    "TollamaConfig",
    "TracingConfig",
    "VerdictConfig",
    "WebhookConfig",
    "WebhooksConfig",
]


class Settings(Section):
    """All settings of one process."""

    environment: Literal["dev", "prod"] = "dev"
    """`prod` serves only models that `environments.prod.allowed_models` names."""
    models_file: Path | None = None
    """Model registry; unset: the one that is shipped with the package."""
    server: ServerConfig = ServerConfig()
    auth: AuthConfig = AuthConfig()
    tollama: TollamaConfig = TollamaConfig()
    embedded: EmbeddedConfig = EmbeddedConfig()
    chronos: ChronosConfig = ChronosConfig()
    task: TaskConfig = TaskConfig()
    preparation: PreparationConfig = PreparationConfig()
    routing: RoutingConfig = RoutingConfig()
    verdict: VerdictConfig = VerdictConfig()
    baseline: BaselineConfig = BaselineConfig()
    band: BandConfig = BandConfig()
    calibration: CalibrationConfig = CalibrationConfig()
    drift: DriftConfig = DriftConfig()
    signals: SignalsConfig = SignalsConfig()
    webhooks: WebhooksConfig = WebhooksConfig()
    pages: PagesConfig = PagesConfig()
    resilience: ResilienceConfig = ResilienceConfig()
    breaker: BreakerConfig = BreakerConfig()
    degradation: DegradationConfig = DegradationConfig()
    cache: CacheConfig = CacheConfig()
    store: StoreConfig = StoreConfig()
    log: LogConfig = LogConfig()
    tracing: TracingConfig = TracingConfig()
    cycle: CycleConfig = CycleConfig()
    gate: GateConfig = GateConfig()
