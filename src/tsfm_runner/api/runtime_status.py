"""The process at work, in the words of the wire."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import get_args

from tsfm_runner.api.answers import moment_text
from tsfm_runner.api.edge import Edge
from tsfm_runner.api.runtime_schemas import (
    CacheFigures,
    CalibrationFigures,
    ForecastFigures,
    RequestFigures,
    RungCalls,
    RungStatus,
    RuntimeStatus,
    SignalFigures,
    WebhookStatus,
)
from tsfm_runner.api.watch import Watch
from tsfm_runner.config import Settings
from tsfm_runner.domain.delivery import EndpointStatus
from tsfm_runner.domain.figures import CallFigures, Figures, Times
from tsfm_runner.domain.forecast import Rung
from tsfm_runner.domain.signals import SEVERITIES
from tsfm_runner.service.asking import RuntimeLine
from tsfm_runner.service.backend import Backend
from tsfm_runner.service.calibration.calibrator import Calibrator
from tsfm_runner.service.catalogue import RuntimeStatus as Health
from tsfm_runner.service.signals.engine import SignalEngine

_DECIMALS = 3
_RATIO_DECIMALS = 4
_RUNGS: tuple[Rung, ...] = get_args(Rung)
_NEVER_ASKED = CallFigures(0, {}, Times(None, None))


@dataclass(frozen=True, slots=True)
class Gauges:
    """Where it is read how the process is, and since when it runs."""

    settings: Settings
    watch: Watch
    edge: Edge
    started_at_s: float

    async def status(self, backend: Backend) -> RuntimeStatus:
        """Return how the process is; no runtime that hangs holds it up for long."""
        healths = await backend.health.statuses()
        figures = self.watch.figures(self.edge.forecast_routes)
        ledger = backend.calibrator.ledger
        return {
            "now": moment_text(self.watch.wall_clock()),
            "started_at": moment_text(self.started_at_s),
            "version": version("tsfm-runner"),
            "environment": self.settings.environment,
            "requests": self._requests(figures),
            "ladder": self._ladder(backend, healths, figures),
            "queue": {
                "p50_ms": _ms(figures.queue_times.p50_s),
                "p95_ms": _ms(figures.queue_times.p95_s),
                "mean_batch_size": _rounded(figures.mean_batch_size),
            },
            "cache": _cache(figures),
            "forecasts": _forecasts(figures),
            "calibration": _calibration(backend.calibrator, figures),
            "ledger": {
                "lag_s": round(ledger.lag_s, _DECIMALS),
                "let_go": ledger.n_let_go,
            },
            "signals": _signals(backend.signals, figures),
            "webhooks": _webhooks(backend.webhooks.statuses()),
        }

    def _requests(self, figures: Figures) -> RequestFigures:
        return {
            "in_flight": self.edge.n_in_flight,
            "max_in_flight": self.settings.resilience.max_in_flight,
            "by_outcome": dict(figures.requests),
            "p50_ms": _ms(figures.request_times.p50_s),
            "p95_ms": _ms(figures.request_times.p95_s),
        }

    def _ladder(
        self, backend: Backend, healths: Mapping[Rung, Health], figures: Figures
    ) -> list[RungStatus]:
        """Return every rung: those of the ladder in its order, then the others."""
        lines = {
            rung: predictor.line
            for rung, predictor in backend.forecasts.predictors.items()
        }
        rungs = dict.fromkeys((*self.settings.routing.ladder, *_RUNGS))
        return [
            _rung(rung, lines.get(rung), healths.get(rung), figures) for rung in rungs
        ]


def _rung(
    rung: Rung, line: RuntimeLine | None, health: Health | None, figures: Figures
) -> RungStatus:
    is_baseline = rung == "baseline"
    return {
        "rung": rung,
        "is_configured": is_baseline or line is not None,
        "is_healthy": is_baseline or (None if health is None else health.error is None),
        "error": None if health is None else health.error,
        "mode": "normal" if line is None else line.degradation.mode,
        "breakers": []
        if line is None
        else [
            {
                "family": family,
                "state": breaker.state,
                "open_s": round(breaker.open_s, _DECIMALS),
            }
            for family, breaker in sorted(line.breakers.items())
        ],
        "calls": _calls(figures.calls.get(rung, _NEVER_ASKED)),
    }


def _calls(calls: CallFigures) -> RungCalls:
    return {
        "n": calls.n,
        "errors": dict(calls.errors),
        "p50_ms": _ms(calls.times.p50_s),
        "p95_ms": _ms(calls.times.p95_s),
    }


def _cache(figures: Figures) -> CacheFigures:
    counts = figures.cache
    hit, miss = counts.get("hit", 0), counts.get("miss", 0)
    join, stale = counts.get("join", 0), counts.get("stale", 0)
    n_asked = hit + miss + join
    return {
        "hit": hit,
        "miss": miss,
        "join": join,
        "stale": stale,
        "hit_ratio": round(hit / n_asked, _RATIO_DECIMALS) if n_asked else None,
    }


def _forecasts(figures: Figures) -> ForecastFigures:
    return {
        "n": sum(figures.forecasts.values()),
        "by_runtime": dict(figures.forecasts),
        "by_fallback_reason": dict(figures.fallbacks),
        "crossings": figures.n_crossings,
    }


def _calibration(calibrator: Calibrator, figures: Figures) -> CalibrationFigures:
    return {
        "bands_waiting": len(calibrator.pending),
        "bands_dropped": calibrator.pending.n_dropped,
        "outcomes": figures.n_outcomes,
        "state_version": calibrator.version,
    }


def _signals(signals: SignalEngine, figures: Figures) -> SignalFigures:
    counts = Counter(breach.severity for breach in signals.open_breaches)
    followed = figures.followed
    return {
        "open": counts.total(),
        "by_severity": {severity: counts[severity] for severity in SEVERITIES},
        "followed": {
            "yes": followed.get("yes", 0),
            "no": followed.get("no", 0),
            "unknown": followed.get("unknown", 0),
        },
    }


def _webhooks(statuses: Sequence[EndpointStatus]) -> list[WebhookStatus]:
    return [
        {
            "name": one.name,
            "is_failing": one.is_failing,
            "n_waiting": one.n_waiting,
            "last_error": one.last_error,
            "dead_letters": one.dead_letters,
        }
        for one in statuses
    ]


def _ms(seconds: float | None) -> float | None:
    return _rounded(None if seconds is None else seconds * 1_000)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DECIMALS)
