"""Bands at every origin of many series, beside statsforecast and polars.

Statsforecast's ``cross_validation`` forecasts the same steps from the same origins of
the same series: with points only, and with an 80 % interval, which is what a band is to
be compared with. Polars draws the same order statistics of the same changes in the same
windows; that they are the same is checked before anything is timed. All work on as many
threads as ``--threads`` says; in each round each is measured once.
"""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

import numpy as np
import numpy.typing as npt
import polars as pl
import typer
from numpy.lib.stride_tricks import sliding_window_view
from rich.console import Console
from rich.table import Table

from batch import Spent, Stopwatch
from harness import (
    MeasurementError,
    in_rounds,
    machine,
    ratios,
    run,
    spread,
    wide_console,
)
from tsfm_runner.config import BaselineConfig
from tsfm_runner.core.ewma import ewma_quantiles
from tsfm_runner.core.kalman import kalman_quantiles
from tsfm_runner.core.rolling_quantile import rolling_quantiles
from tsfm_runner.testing.markets import simulate_markets

FloatArray = npt.NDArray[np.float64]
Contenders = Mapping[str, Callable[[], object]]

OURS = ("ewma", "kalman", "rolling_quantile", "ours")
HORIZON = 12
LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
WINDOW = 288
SCALE = 1e-4  # of one step, at least
MEAN_OF = 24  # prices, as WindowAverage wants it
SMOOTHING = 0.1
CALIBRATION_WINDOWS = 2  # the fewest that statsforecast takes
MIDDLE = 0.5
FREE_OF_FLOOR = 1e-300

_END = datetime(2026, 1, 1, tzinfo=UTC)
_THREADS = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """Prices of shape (n_series, n_steps), and the last origins of each series.

    The steps ahead of the last origin are there too.
    """

    prices: FloatArray
    n_origins: int

    @property
    def size(self) -> int:
        """How many bands there are to draw."""
        return len(self.prices) * self.n_origins

    def contexts(self, series: FloatArray) -> FloatArray:
        """Return what was known of a series at each origin, without copying it."""
        known = np.concatenate((np.full(WINDOW - 1, np.nan), series[:-HORIZON]))
        return sliding_window_view(known, WINDOW)[-self.n_origins :]

    def frame(self) -> pl.DataFrame:
        """Return the series in long format."""
        n_series, n_steps = self.prices.shape
        return pl.DataFrame(
            {
                "unique_id": np.repeat(np.arange(n_series), n_steps),
                "ds": np.tile(np.arange(n_steps), n_series),
                "y": self.prices.ravel(),
            }
        )


def ours(study: Study) -> Contenders:
    """Return our methods, each drawing seven levels at twelve steps."""
    config = BaselineConfig()
    methods: Mapping[str, Callable[..., FloatArray]] = {
        "ewma": partial(
            ewma_quantiles,
            half_life_steps=config.ewma_half_life_steps,
            floor_share=config.floor_share,
        ),
        "kalman": partial(
            kalman_quantiles, half_life_steps=config.kalman_half_life_steps
        ),
        "rolling_quantile": partial(rolling_quantiles, min_changes=config.min_changes),
    }

    def draw(method: Callable[..., FloatArray]) -> None:
        for series in study.prices:
            context = study.contexts(series)
            floor = np.full(len(context), SCALE)
            method(context, horizon=HORIZON, quantile_levels=LEVELS, floor=floor)

    return {name: partial(draw, method) for name, method in methods.items()}


def statsforecast_models(study: Study) -> Contenders:
    """Return what it does, with and without intervals; nothing where it is absent."""
    try:
        from statsforecast import StatsForecast  # noqa: PLC0415 - it may be absent
        from statsforecast.models import (  # noqa: PLC0415
            SimpleExponentialSmoothing,
            WindowAverage,
        )
        from statsforecast.utils import ConformalIntervals  # noqa: PLC0415
    except ImportError:
        return {}
    frame = study.frame()
    intervals = {
        "level": [80],
        "prediction_intervals": ConformalIntervals(CALIBRATION_WINDOWS, HORIZON),
    }

    def validate(model: object, asked: Mapping[str, object]) -> None:
        StatsForecast([model], freq=1).cross_validation(
            h=HORIZON,
            df=frame,
            n_windows=study.n_origins,
            step_size=1,
            input_size=WINDOW,
            **asked,
        )

    models = {
        "SES": SimpleExponentialSmoothing(SMOOTHING),
        "WindowAverage": WindowAverage(MEAN_OF),
    }
    return {
        f"{name}, {kind}": partial(validate, model, asked)
        for name, model in models.items()
        for kind, asked in (("points", {}), ("80 %", intervals))
    }


def rolled(frame: pl.DataFrame) -> pl.DataFrame:
    """Return quantiles of past changes by polars: a column a step and level."""
    return (
        frame.lazy()
        .select(
            (pl.col("y") - pl.col("y").shift(step))
            .rolling_quantile(
                level,
                interpolation="lower" if level < MIDDLE else "higher",
                window_size=WINDOW - step,
                min_samples=1,
            )
            .over("unique_id")
            .alias(f"{step} {level}")
            for step in range(1, HORIZON + 1)
            for level in LEVELS
        )
        .collect()
    )


def bands_of_all(prices: FloatArray, *, floor: float = SCALE) -> list[FloatArray]:
    """Return our bands from every point of every series, with what polars has not."""
    bands = []
    for series in prices:
        known = np.concatenate((np.full(WINDOW - 1, np.nan), series))
        context = sliding_window_view(known, WINDOW)
        bands.append(
            rolling_quantiles(
                context,
                horizon=HORIZON,
                quantile_levels=LEVELS,
                min_changes=1,
                floor=np.full(len(context), floor),
            )
        )
    return bands


def check_polars(study: Study) -> None:
    """Raise ``MeasurementError`` where polars and we do not find the same.

    Ours never narrow from step to step, so theirs are made to do so first.
    """
    shape = (len(study.prices), -1, HORIZON, len(LEVELS))
    theirs = rolled(study.frame()).to_numpy().reshape(shape)[:, HORIZON + 1 :]
    levels = np.array(LEVELS)
    below = np.minimum.accumulate(np.minimum(theirs, 0), axis=2)
    above = np.maximum.accumulate(np.maximum(theirs, 0), axis=2)
    offsets = np.where(levels < MIDDLE, below, above) * (levels != MIDDLE)
    found = bands_of_all(study.prices, floor=FREE_OF_FLOOR)
    for series, band, offset in zip(study.prices, found, offsets, strict=True):
        expected = series[HORIZON + 1 :, None, None] + offset
        if not np.allclose(band[HORIZON + 1 :], expected, rtol=0, atol=1e-12):
            raise MeasurementError("polars draws other quantiles: nothing is compared")


def measure(contenders: Contenders, watch: Stopwatch) -> None:
    """Measure each once."""
    for name, work in contenders.items():
        with watch.measure(name):
            work()


def show(console: Console, title: str, spent: Mapping[str, list[Spent]]) -> None:
    """Print what each took, and how many times the CPU time of ours the others did."""
    names = [name for name in spent if name in OURS]
    cpu_us = {name: [one.cpu_us for one in found] for name, found in spent.items()}
    table = Table("", "elapsed", "CPU", *(f"CPU / {name}" for name in names))
    for name, found in spent.items():
        elapsed = spread([one.wall_us for one in found])
        times = (
            "" if name in OURS else spread(ratios(cpu_us[name], cpu_us[us]), "{:.1f}")
            for us in names
        )
        table.add_row(name, elapsed, spread(cpu_us[name]), *times)
    console.print(title, table)


def main(
    rounds: Annotated[int, typer.Option(min=1, help="Times each is measured.")] = 7,
    series: Annotated[int, typer.Option(min=1, help="Simulated markets.")] = 40,
    steps: Annotated[int, typer.Option(min=60, help="Prices of each.")] = 300,
    origins: Annotated[int, typer.Option(min=1, help="The last ones, of each.")] = 240,
    threads: Annotated[int, typer.Option(min=1, help="Of each contender.")] = 1,
) -> None:
    """Print microseconds a series and origin, and nanoseconds a quantile."""
    if os.environ.get(_THREADS[0]) != str(threads):
        # Libraries read this when they are imported, which has happened already.
        limits = dict.fromkeys(_THREADS, str(threads))
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | limits)  # noqa: S606
    study = Study(
        simulate_markets(series, n_steps=steps, step_s=300, seed=1, end=_END).prices,
        origins,
    )
    check_polars(study)
    rivals = statsforecast_models(study)
    backtests = {**ours(study), **rivals}
    frame = study.frame()
    quantiles: Contenders = {
        "ours": lambda: bands_of_all(study.prices),
        "polars": lambda: rolled(frame),
    }
    n_quantiles = study.prices.size * HORIZON * len(LEVELS)
    watches = Stopwatch(study.size), Stopwatch(n_quantiles // 1_000)
    measure({**rivals, **quantiles}, Stopwatch(1))  # what is compiled or cached first
    with in_rounds(rounds) as numbers:
        for _ in numbers:
            measure(backtests, watches[0])
            measure(quantiles, watches[1])
    console = wide_console()
    console.print(
        f"{machine()}\n{series} series of {steps} prices, {origins} origins each, "
        f"{HORIZON} steps, {len(LEVELS)} levels, {rounds} rounds, {threads} thread(s)"
    )
    show(console, "us a series and origin", watches[0].spent)
    if not rivals:
        console.print("statsforecast is not installed: see benchmarks/requirements.txt")
    show(console, "ns a quantile", watches[1].spent)


if __name__ == "__main__":
    run(main)
