"""What a study of calibration says, as tables in a terminal."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from band_scores import Score
from calibration_study import (
    OFF,
    ORIGINS_PER_STEP,
    OURS,
    IntervalStudy,
)

SHOWN_STEPS = (1, 6, 12)
Studies = Mapping[str, IntervalStudy]

# Mean Winkler score of the 80 % interval at steps 1, 6 and 12 that the research
# prototype of this calibration reached, run on the test parts of the same panels.
PROTOTYPE: Mapping[tuple[str, str], tuple[float, float, float]] = {
    ("5m", "ewma"): (0.0333, 0.0824, 0.1176),
    ("5m", "har"): (0.0331, 0.0811, 0.1152),
    ("hourly", "ewma"): (0.0254, 0.0566, 0.0726),
    ("hourly", "har"): (0.0254, 0.0566, 0.0723),
    ("weather", "ewma"): (0.0526, 0.1229, 0.1740),
    ("weather", "har"): (0.0529, 0.1236, 0.1764),
}
PROTOTYPE_INTERVAL = "80 %"


def print_studies(console: Console, studies: Studies, *, title: str) -> None:
    """Print every table of one panel and base."""
    for name, study in studies.items():
        said = f"{title}, {name} interval"
        console.print(_method_table(study, said))
        console.print(_slice_table(study, f"{said}: ours, and uncalibrated"))
        console.print(_ratio_table(study, f"{said}: Winkler, ours by theirs"))
        console.print(_segment_line(study))


def print_prototype(
    console: Console, studies: Studies, *, panel: str, base: str
) -> None:
    """Print our Winkler scores beside the prototype's, where it was run."""
    if (panel, base) not in PROTOTYPE:
        return
    winkler = studies[PROTOTYPE_INTERVAL].scores[OURS].winkler
    title = f"Winkler of the {PROTOTYPE_INTERVAL} interval beside the prototype's"
    table = Table("step", "ours", "prototype", "ratio", title=title)
    for step, theirs in zip(SHOWN_STEPS, PROTOTYPE[panel, base], strict=True):
        ours = float(winkler[step - 1])
        numbers = (f"{ours:.4f}", f"{theirs:.4f}", f"{ours / theirs:.3f}")
        table.add_row(str(step), *numbers)
    console.print(table)


def _method_table(study: IntervalStudy, title: str) -> Table:
    table = Table(title=title)
    heads = ("step", "method", "origins", "C+", "C-", "error", "width", "Winkler")
    for head in (*heads, "markets near"):
        table.add_column(head, justify="left" if head == "method" else "right")
    for step in SHOWN_STEPS:
        for name, one in study.scores.items():
            table.add_row(str(step), name, *_cells(one, step))
        table.add_section()
    return table


def _cells(one: Score, step: int) -> list[str]:
    at = step - 1
    shares = (one.closed, one.inside, one.error)
    sizes = (one.width, one.winkler)
    return [
        f"{one.n[at]:,}",
        *(f"{values[at]:.3f}" for values in shares),
        *(f"{values[at]:.4f}" for values in sizes),
        f"{one.near[at]:.2f}",
    ]


def _slice_table(study: IntervalStudy, title: str) -> Table:
    table = Table(title=title)
    table.add_column("part")
    for head in ("step", "origins", "C+", "C-", "error", "Winkler", "raw error"):
        table.add_column(head, justify="right")
    table.add_column("raw Winkler", justify="right")
    for part, (ours, plain) in study.slices.items():
        for step in SHOWN_STEPS:
            n, *shares, _, winkler, _ = _cells(ours, step)
            raw = _cells(plain, step)
            table.add_row(part, str(step), n, *shares, winkler, raw[3], raw[5])
        table.add_section()
    return table


def _ratio_table(study: IntervalStudy, title: str) -> Table:
    table = Table("rival", *(f"step {step}" for step in SHOWN_STEPS), title=title)
    for rival, ratio in study.ratios.items():
        cells = [
            f"{ratio.value[at]:.3f} [{ratio.low[at]:.3f}, {ratio.high[at]:.3f}]"
            for at in (step - 1 for step in SHOWN_STEPS)
        ]
        table.add_row(rival, *cells)
    return table


def _segment_line(study: IntervalStudy) -> str:
    found = study.segments
    told = ", ".join(
        f"step {step}: {found.n_off[step - 1]} of {found.n_large[step - 1]}"
        for step in SHOWN_STEPS
    )
    return (
        f"Segments of at least {ORIGINS_PER_STEP} origins a step that are off by "
        f"more than {OFF:.2f}: {told}\n"
    )
