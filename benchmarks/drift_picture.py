"""Coverage around a change of markets, as one picture; needs the extra `plot`."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

from drift_study import WINDOW, Length, Replayed, windows

SHOWN_STEPS = (1, 12)
COVERAGE = 0.8
_ROW_INCHES = (12.0, 2.6)


def draw(
    results: Mapping[tuple[str, str], Replayed],
    length: Length,
    path: Path,
    *,
    title: str,
) -> None:
    """Draw closed coverage by window, a row for each change."""
    changes = list(dict.fromkeys(change for change, _ in results))
    width, height = _ROW_INCHES
    figure = Figure(figsize=(width, height * len(changes)), layout="constrained")
    figure.suptitle(f"{title}: the 80 % interval around a change at step 0")
    axes = figure.subplots(len(changes), len(SHOWN_STEPS), squeeze=False, sharex=True)
    for row, change in zip(axes, changes, strict=True):
        for at, ahead in zip(row, SHOWN_STEPS, strict=True):
            for (of, watch), found in results.items():
                if of != change:
                    continue
                told = windows(found, length, coverage=COVERAGE, ahead=ahead)
                steps = [WINDOW * number for number in told]
                closed = [one.closed for one in told.values()]
                at.step(steps, closed, where="post", label=f"detection {watch}")
            at.axhline(COVERAGE, color="black", linewidth=0.8, linestyle="--")
            at.axvline(0, color="black", linewidth=0.8, linestyle=":")
            at.set(title=f"{change}, {ahead} ahead", ylabel="closed coverage")
    axes[0][0].legend(fontsize=7)
    figure.savefig(path, dpi=110, metadata={"Software": None})
