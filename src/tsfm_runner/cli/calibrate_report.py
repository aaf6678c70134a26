"""What a replay taught: how the bands of each baseline did, before and after."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from rich.table import Table

from tsfm_runner.cli.calibrate_input import Recorded
from tsfm_runner.cli.tables import plain_table
from tsfm_runner.domain.calibration import IntervalRecord
from tsfm_runner.service.calibration.state import CalibrationState
from tsfm_runner.service.warming import Replay, count_origins

_SHOWN_STEPS = (1, 6, 12)
FloatArray = npt.NDArray[np.float64]


class CellKey(NamedTuple):
    """A baseline or another model, its step, and how far ahead."""

    model_name: str
    step_s: int
    step: int


Totals = Mapping[CellKey, FloatArray]


def totals(state: CalibrationState) -> dict[CellKey, FloatArray]:
    """Return sums over all segments: count, then four numbers, served and raw.

    They are outcomes inside with the edges and without, widths, and scores.
    """
    sums: dict[CellKey, FloatArray] = {}
    for one in state.records():
        if one.is_shadow:
            continue
        key = CellKey(one.stream.model_name, one.stream.step_s, one.step)
        row = np.array([one.n, *_sums(one.served, one.n), *_sums(one.raw, one.n)])
        sums[key] = sums.get(key, np.zeros(row.size)) + row
    return sums


def _sums(record: IntervalRecord, n: int) -> tuple[float, float, float, float]:
    width, score = n * record.mean_width, n * record.mean_interval_score
    return record.n_closed, record.n_open, width, score


class StepReport(NamedTuple):
    """How the 10/90 interval of a baseline did at one step of a replay."""

    step: int
    n: int
    calibrated: tuple[float, float, float, float]
    raw: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Taught:
    """What was replayed, and how the bands of each baseline did."""

    recorded: Recorded
    asked: Replay
    n_known_before: int
    seconds: float
    by_base: dict[str, list[StepReport]]

    @property
    def counts(self) -> dict[str, int]:
        """How much was replayed."""
        return {
            "markets": self.recorded.n_markets,
            "events_known_before": self.n_known_before,
            "origins": count_origins(self.recorded.histories),
        }


def learned_between(
    before: Totals, after: Totals, *, model_name: str, step_s: int
) -> Iterator[StepReport]:
    """Yield, for each step in order, what was scored in between."""
    keys = sorted(key for key in after if key[:2] == (model_name, step_s))
    for key in keys:
        n, *rest = (after[key] - before.get(key, 0.0)).tolist()
        if n:
            means = tuple(value / n for value in rest)
            yield StepReport(key.step, round(n), means[:4], means[4:])


def steps_table(base: str, reports: Sequence[StepReport]) -> Table:
    """Return steps 1, 6 and 12 of a baseline, or the last where there are fewer."""
    headings = ("step", "scores", "", "closed", "open", "width", "interval score")
    table = plain_table(f"{base}: 10/90 interval", *headings)
    shown = [one for one in reports if one.step in _SHOWN_STEPS] or reports[-1:]
    for one in shown:
        for name, means in (("raw", one.raw), ("calibrated", one.calibrated)):
            closed, inside, width, score = means
            shares = f"{closed:.3f}", f"{inside:.3f}"
            sizes = f"{width:.4f}", f"{score:.4f}"
            table.add_row(str(one.step), f"{one.n:,}", name, *shares, *sizes)
    return table


def sum_table(taught: Taught) -> Table:
    """Return how much was replayed, and what was not."""
    table = plain_table("Learned")
    for name, count in taught.counts.items():
        table.add_row(name.replace("_", " "), f"{count:,}")
    for reason, count in taught.recorded.left_out.items():
        table.add_row(f"left out: {reason}", f"{count:,}")
    for one in taught.recorded.skipped:
        table.add_row(f"skipped {one.market_id}", one.told)
    table.add_row("seconds", f"{taught.seconds:.1f}")
    return table


def document_of(taught: Taught) -> dict[str, Any]:
    """Return everything in plain words."""
    return {
        "freq": taught.asked.freq.text,
        "horizon": taught.asked.horizon,
        **taught.counts,
        "left_out": dict(taught.recorded.left_out),
        "skipped": [asdict(one) for one in taught.recorded.skipped],
        "seconds": round(taught.seconds, 3),
        "bases": [_base_document(*pair) for pair in taught.by_base.items()],
    }


def _base_document(base: str, reports: Sequence[StepReport]) -> dict[str, Any]:
    names = ("closed_coverage", "open_coverage", "mean_width", "mean_interval_score")
    return {
        "base": base,
        "scores": sum(one.n for one in reports),
        "steps": [
            {
                "step": one.step,
                "n": one.n,
                "raw": dict(zip(names, one.raw, strict=True)),
                "calibrated": dict(zip(names, one.calibrated, strict=True)),
            }
            for one in reports
        ],
    }
