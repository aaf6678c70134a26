"""How often a gate goes back by chance, and how soon it does for a reason.

Simulated services use a share of each limit, minute by minute, all figures by chance;
or they fail from one minute on. The rules are those of the settings.
"""

import argparse
from statistics import median

import numpy as np
from numpy.random import Generator
from rich.table import Table

from harness import machine, wide_console
from tsfm_runner.config import GateConfig
from tsfm_runner.domain.gating import CoverageCounts, GateRuling, Reading, Stage
from tsfm_runner.service.gate.ruling import rule

SEED = 20260220
SHARES = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
FAILING = (0.1, 0.2, 0.5, 1.0)
CONFIG = GateConfig()
LIMITS = np.array(
    [
        CONFIG.max_error_rate,
        CONFIG.max_fallback_rate,
        CONFIG.max_invalid_rate,
        0.05,  # slower than the 95th percentile may be
    ]
)


def main() -> None:
    """Simulate, and print both tables."""
    args = _arguments()
    console = wide_console()
    console.print(machine())
    rng = np.random.default_rng(SEED)
    stage = Stage(args.stage)
    minutes = round(getattr(CONFIG, stage).window_minutes)
    console.print(f"{stage}, {args.rate:g} forecasts a minute, {args.stages} stages")
    console.print(_chances(rng, stage, minutes, args))
    console.print(_delays(rng, stage, minutes, args))


def _chances(
    rng: Generator, stage: Stage, minutes: int, args: argparse.Namespace
) -> Table:
    table = Table("share of each limit", "rolled back", "passed", "waits")
    for share in SHARES:
        rates = np.tile(LIMITS * share, (minutes, 1))
        rulings = [
            rule(_readings(rng, rates, args.rate, stage), stage, CONFIG)
            for _ in range(args.stages)
        ]
        is_back = [_went_back(one) for one in rulings]
        passed = sum(one.decision == "PASS" for one in rulings) - sum(
            back and one.decision == "PASS"
            for back, one in zip(is_back, rulings, strict=True)
        )
        n_back = sum(is_back)
        counts = (n_back, passed, args.stages - n_back - passed)
        table.add_row(f"{share:g}", *(f"{n / args.stages:.1%}" for n in counts))
    return table


def _delays(
    rng: Generator, stage: Stage, minutes: int, args: argparse.Namespace
) -> Table:
    """Let models fail late in a window that was good: that hides it best."""
    table = Table("forecasts that fall back", "median minutes", "most")
    good = minutes - 60 if minutes > 60 else minutes // 2  # noqa: PLR2004 - an hour
    for fallbacks in FAILING:
        rates = np.tile(LIMITS * 0.25, (minutes, 1))
        rates[good:, 1] = fallbacks
        delays = []
        for _ in range(min(args.stages, 20)):
            readings = _readings(rng, rates, args.rate, stage)
            delays.append(
                next(
                    (
                        end - good
                        for end in range(good + 1, minutes + 1)
                        if rule(readings[: end + 1], stage, CONFIG).decision
                        == "ROLLBACK"
                    ),
                    minutes - good,
                )
            )
        table.add_row(f"{fallbacks:.0%}", f"{median(delays):g}", f"{max(delays):g}")
    return table


def _went_back(ruling: GateRuling) -> bool:
    return ruling.decision == "ROLLBACK" or ruling.window.broken_at_s is not None


def _readings(
    rng: Generator, rates: np.ndarray, rate: float, stage: Stage
) -> list[Reading]:
    """Return a reading a minute, of counts that grow by chance."""
    counts = np.zeros(5)
    readings = [_reading(0, counts, stage)]
    for minute, chances in enumerate(rates, 1):
        n = rng.poisson(rate)
        counts = counts + np.array([n, *rng.binomial(n, chances)])
        readings.append(_reading(minute, counts, stage))
    return readings


def _reading(minute: int, counts: np.ndarray, stage: Stage) -> Reading:
    n, n_errors, n_fallbacks, n_invalid, n_slow = counts.tolist()
    outcomes = 12 * n
    return Reading(
        time_s=60.0 * minute,
        started_at_s=-1.0,
        rollout_percent=stage.rollout_percent,
        n_requests=n,
        n_errors=n_errors,
        n_forecasts=n,
        n_fallbacks=n_fallbacks,
        n_invalid=n_invalid,
        n_timed=n,
        durations=((0.3, n - n_slow),),
        breaker_open_s=0.0,
        coverage=CoverageCounts(
            0.9, outcomes, 0.91 * outcomes, 0.89 * outcomes, max(1.0, n / 5)
        ),
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stage", choices=list(Stage), default=Stage.CANARY_25)
    parser.add_argument("--rate", type=float, default=10.0, help="forecasts a minute")
    parser.add_argument("--stages", type=int, default=200, help="simulated stages")
    return parser.parse_args()


if __name__ == "__main__":
    main()
