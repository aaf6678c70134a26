"""What a sudden change of markets does to coverage, with and without drift detection.

Many simulated markets of one segment are replayed through the service. At one moment
all of them change: their volatility halves, doubles, or is fourfold for a day; or
their moves begin to follow on each other, or to turn back. What was learned before
weighs as it does after months. Markets that stay as they are show false alarms.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from drift_study import (
    CHANGES,
    COVERAGES,
    WINDOW,
    Change,
    Length,
    Replayed,
    Window,
    replayed,
    steps_until_near,
    windows,
)
from harness import machine, wide_console
from tsfm_runner.config import DriftConfig

SEED = 20260220
SHOWN_STEPS = (1, 12)
SHOWN_WINDOWS = (-1, 0, 1, 2, 3, 5, 7)
BASES = ("ewma", "har", "kalman", "rolling_quantile")
OFF = DriftConfig(excess=0.99)

Results = dict[tuple[str, str], Replayed]


def main() -> None:
    """Replay every change with every watch, print a table, write what was asked for."""
    args = _arguments()
    console = wide_console()
    console.print(machine())
    length = Length(args.markets, args.before, args.after)
    also = {f"also {place}": drift for place, drift in enumerate(args.also, 1)}
    watches = {"off": OFF, "on": DriftConfig(), **also}
    for name, drift in also.items():
        console.print(f"{name}: {drift.model_dump(exclude_unset=True)}")
    started_s = time.perf_counter()
    results = _replay_all(args, length, watches)
    console.print(f"{args.base}, {time.perf_counter() - started_s:.0f} s")
    for coverage in COVERAGES:
        console.print(_coverage_table(results, length, coverage))
    console.print(_event_table(results))
    if args.json:
        told = {name: drift.model_dump() for name, drift in watches.items()}
        document = {"base": args.base, "length": length._asdict(), "watches": told}
        rows = [_document(*one, length) for one in results.items()]
        args.json.write_text(json.dumps(document | {"runs": rows}, indent=1) + "\n")
    if args.picture:
        from drift_picture import draw  # noqa: PLC0415 - needs the extra

        draw(results, length, args.picture, title=f"Raw bands of {args.base}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", choices=BASES, default="ewma", help="raw band")
    parser.add_argument("--markets", type=int, default=100)
    parser.add_argument("--before", type=int, default=400, help="steps")
    parser.add_argument("--after", type=int, default=576, help="steps")
    names = [change.name for change in CHANGES]
    parser.add_argument("--change", choices=names, action="append", help="only these")
    parser.add_argument(
        "--also",
        type=_watch,
        action="append",
        default=[],
        metavar="KEY=VALUE,...",
        help="a drift detection with other settings; repeatable",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every number")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw a PNG")
    return parser.parse_args()


def _watch(text: str) -> DriftConfig:
    pairs = dict(part.split("=") for part in text.split(","))
    return DriftConfig.model_validate(pairs)


def _replay_all(
    args: argparse.Namespace, length: Length, watches: Mapping[str, DriftConfig]
) -> Results:
    changes = [one for one in CHANGES if not args.change or one.name in args.change]
    results: Results = {}
    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task("replaying", total=len(changes) * len(watches))
        for change in changes:
            for name, drift in watches.items():
                results[change.name, name] = asyncio.run(
                    replayed(change, length, drift, base=args.base, seed=SEED)
                )
                progress.advance(bar)
    return results


def _change(name: str) -> Change:
    return next(one for one in CHANGES if one.name == name)


def _over(name: str) -> int | None:
    """Return the first window after a change is over, None if it stays."""
    n_steps = _change(name).n_steps
    return None if n_steps is None else n_steps // WINDOW


def _coverage_table(results: Results, length: Length, coverage: float) -> Table:
    table = Table(title=f"{100 * coverage:.0f} % interval: closed coverage by window")
    for head in ("change", "watch", "ahead"):
        table.add_column(head)
    names = [f"{WINDOW * one}..{WINDOW * (one + 1)}" for one in SHOWN_WINDOWS]
    for head in (*names, "right after", "when over", "Winkler", "by off"):
        table.add_column(head, justify="right")
    for (change, watch), found in results.items():
        for ahead in SHOWN_STEPS:
            told = windows(found, length, coverage=coverage, ahead=ahead)
            off = windows(
                results[change, "off"], length, coverage=coverage, ahead=ahead
            )
            shares = [_share(told.get(one)) for one in SHOWN_WINDOWS]
            over = _over(change)
            table.add_row(
                *(change, watch, str(ahead), *shares),
                _steps(steps_until_near(told)),
                "" if over is None else _steps(steps_until_near(told, first=over)),
                f"{_winkler(told):.4f}",
                f"{_winkler(told) / _winkler(off):.3f}",
            )
        table.add_section()
    return table


def _share(window: Window | None) -> str:
    return "" if window is None else f"{window.closed:.3f}"


def _steps(count: int | None) -> str:
    return "never" if count is None else str(count)


def _winkler(told: Mapping[int, Window]) -> float:
    """Return the mean Winkler score of all windows from the change on."""
    later = [one.winkler for number, one in told.items() if number >= 0]
    return sum(later) / len(later)


def _event_table(results: Results) -> Table:
    table = Table(title="Drifts that were found (at any step ahead)")
    for head in ("change", "watch", "before the change", "after it", "first after"):
        table.add_column(head, justify="right")
    table.add_column("median delay", justify="right")
    for (change, watch), found in results.items():
        late = sorted(one.delay for one in found.events if one.delay >= 0)
        n_early = len(found.events) - len(late)
        delays = (str(late[0]), str(late[len(late) // 2])) if late else ("", "")
        table.add_row(change, watch, str(n_early), str(len(late)), *delays)
    return table


def _document(key: tuple[str, str], found: Replayed, length: Length) -> dict[str, Any]:
    intervals = [
        {
            "coverage": coverage,
            "ahead": ahead,
            "windows": [
                {"from_step": WINDOW * number, **one._asdict()}
                for number, one in told.items()
            ],
            "steps_until_near": steps_until_near(told),
        }
        for coverage in COVERAGES
        for ahead in (1, 6, 12)
        for told in [windows(found, length, coverage=coverage, ahead=ahead)]
    ]
    events = [one._asdict() for one in found.events]
    return {
        "change": key[0],
        "watch": key[1],
        "intervals": intervals,
        "events": events,
    }


if __name__ == "__main__":
    main()
