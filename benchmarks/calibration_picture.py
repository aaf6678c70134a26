"""What a study of calibration says, as one picture; needs the extra `plot`."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from band_scores import FloatArray, Score
from calibration_study import OURS, IntervalStudy

SHOWN_STEPS = (1, 6, 12)
_ROW_INCHES = (12.0, 3.8)
_BAR_HEIGHT = 0.24
_PLAIN = "uncalibrated"
_FILLS = {OURS: "#1d5cab", _PLAIN: "#7b8494"}
_SHADES = ("#b9d2ef", "#6c9fd8", "#1d5cab")


def draw(studies: Mapping[str, IntervalStudy], path: Path, *, title: str) -> None:
    """Draw coverage by step and our Winkler ratios, a row for each interval."""
    width, height = _ROW_INCHES
    figure = Figure(figsize=(width, height * len(studies)), layout="constrained")
    figure.suptitle(title)
    axes = figure.subplots(len(studies), 2, squeeze=False)
    for (name, study), (left, right) in zip(studies.items(), axes, strict=True):
        _draw_coverage(left, study, name)
        _draw_ratios(right, study, name)
    figure.savefig(path, dpi=150, metadata={"Software": None})


def _draw_coverage(axes: Axes, study: IntervalStudy, name: str) -> None:
    """Fill from open to closed coverage; of other rivals, what is nearest to right."""
    for method, one in study.scores.items():
        steps = np.arange(1, one.n.size + 1)
        if method in _FILLS:
            colour = _FILLS[method]
            axes.fill_between(steps, one.inside, one.closed, color=colour, alpha=0.25)
            axes.plot(steps, _nearest(one, study.coverage), color=colour, label=method)
        else:
            nearest = _nearest(one, study.coverage)
            axes.plot(steps, nearest, linewidth=0.9, linestyle=":", label=method)
    axes.axhline(study.coverage, color="black", linewidth=0.8, linestyle="--")
    axes.set(xlabel="step", ylabel="coverage", title=f"{name} interval: coverage")
    axes.legend(fontsize=7, ncols=2)


def _nearest(one: Score, coverage: float) -> FloatArray:
    return np.asarray(np.clip(coverage, one.inside, one.closed))


def _draw_ratios(axes: Axes, study: IntervalStudy, name: str) -> None:
    rivals = list(study.ratios)
    for number, (step, shade) in enumerate(zip(SHOWN_STEPS, _SHADES, strict=True)):
        at = step - 1
        places = np.arange(len(rivals)) + (number - 1) * _BAR_HEIGHT
        value, low, high = (
            np.array([getattr(study.ratios[rival], part)[at] for rival in rivals])
            for part in ("value", "low", "high")
        )
        axes.barh(
            places, value - 1, _BAR_HEIGHT, left=1, color=shade, label=f"step {step}"
        )
        spread = np.abs(np.stack([value - low, high - value]))
        axes.errorbar(value, places, xerr=spread, fmt="none", color="black", lw=0.8)
    axes.axvline(1, color="black", linewidth=0.8, linestyle="--")
    axes.set_yticks(np.arange(len(rivals)), rivals)
    axes.invert_yaxis()
    axes.set(xlabel="ratio", title=f"{name} interval: Winkler, ours by theirs")
    axes.legend(fontsize=7)
