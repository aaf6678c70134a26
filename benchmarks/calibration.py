"""Calibrated bands of the service against rivals, on recorded or simulated markets.

A panel of markets is replayed through the service in the order of time, as if it
were live. What was served is held against what happened, beside other ways to
calibrate the same raw bands. Origins weigh alike; intervals of ratios come from
redrawing whole events.
"""

import argparse
import asyncio
import json
from dataclasses import fields
from pathlib import Path

import numpy as np
from rich.console import Console

from calibration_study import (
    INTERVALS,
    IntervalStudy,
    as_json,
    status_shares,
    study_interval,
)
from calibration_tables import print_prototype, print_studies
from harness import machine, wide_console
from panels import SPECS, Origins, Panel, origins_of, recorded_panel, simulated_panel
from replay import HORIZON, Replayed, replay
from tsfm_runner.config import CalibrationConfig

SEED = 20260220
BASES = ("ewma", "har", "kalman", "rolling_quantile")


def main() -> None:
    """Replay, score, print, and write what was asked for."""
    args = _arguments()
    console = wide_console()
    console.print(machine())
    panel = _panel(args)
    origins = origins_of(panel, horizon=HORIZON)
    replayed = _replayed(args, panel, origins)
    with Console(stderr=True).status("Scoring ours and the rivals"):
        studies = {
            name: study_interval(panel, origins, replayed, name=name, seed=SEED)
            for name in INTERVALS
        }
    facts = _facts(args, panel, origins, replayed)
    console.print(_told(facts))
    print_studies(console, studies, title=f"{panel.spec.name}, {args.base}")
    if args.sample is None:
        name = panel.spec.name
        print_prototype(console, studies, panel=name, base=args.base)
    _write(args, studies, facts)


def _arguments() -> argparse.Namespace:
    recorded = [name for name in SPECS if name != "simulated"]
    parser = argparse.ArgumentParser(description=__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--panel", choices=recorded, default="5m", help="recorded panel")
    which.add_argument("--simulated", action="store_true", help="simulated markets")
    parser.add_argument("--base", choices=BASES, default="ewma", help="raw band")
    parser.add_argument("--sample", type=int, metavar="N", help="only N events")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every number")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw a PNG")
    parser.add_argument(
        "--save",
        type=Path,
        metavar="FOLDER",
        help="keep bands (.npz), numbers (.json) and picture (.png) there",
    )
    parser.add_argument(
        "--reuse", action="store_true", help="score the bands kept in the folder"
    )
    parser.add_argument(
        "--with",
        dest="changed",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of the section calibration, such as caution=1",
    )
    args = parser.parse_args()
    if args.reuse and not args.save:
        parser.error("--reuse needs --save FOLDER")
    return args


def _panel(args: argparse.Namespace) -> Panel:
    if args.simulated:
        return simulated_panel(n_events=args.sample, seed=SEED)
    return recorded_panel(args.panel, n_events=args.sample, seed=SEED)


def _replayed(args: argparse.Namespace, panel: Panel, origins: Origins) -> Replayed:
    if args.reuse:
        return _loaded(_kept(args, panel.spec.name, "npz"))
    replayed = asyncio.run(replay(panel, origins, base=args.base, config=_config(args)))
    if args.save:
        path = _kept(args, panel.spec.name, "npz")
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = {one.name: getattr(replayed, one.name) for one in fields(replayed)}
        np.savez(path, **arrays)
    return replayed


def _config(args: argparse.Namespace) -> CalibrationConfig:
    changed = dict(one.split("=", maxsplit=1) for one in args.changed)
    return CalibrationConfig.model_validate(changed)


def _loaded(path: Path) -> Replayed:
    with np.load(path) as kept:
        return Replayed(
            kept["raw"],
            kept["calibrated"],
            kept["segments"],
            tuple(kept["segment_names"].tolist()),
            kept["statuses"],
            tuple(kept["status_names"].tolist()),
            float(kept["cpu_us_per_origin"]),
            float(kept["elapsed_s"]),
        )


def _kept(args: argparse.Namespace, panel: str, ending: str) -> Path:
    sample = "" if args.sample is None else f"-{args.sample}"
    return Path(args.save) / f"{panel}-{args.base}{sample}.{ending}"


def _facts(
    args: argparse.Namespace, panel: Panel, origins: Origins, replayed: Replayed
) -> dict[str, object]:
    return {
        "panel": panel.spec.name,
        "base": args.base,
        "sampled_events": args.sample,
        "n_markets": len(panel.market_ids),
        "n_events": int(np.unique(panel.groups).size),
        "n_origins": int(origins.places.size),
        "n_test_origins": int(origins.is_test.sum()),
        "n_segments": len(replayed.segment_names),
        "status_shares": status_shares(origins, replayed),
        "cpu_us_per_market_step": replayed.cpu_us_per_origin,
        "elapsed_s": replayed.elapsed_s,
    }


def _told(facts: dict[str, object]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in facts.items())


def _write(
    args: argparse.Namespace,
    studies: dict[str, IntervalStudy],
    facts: dict[str, object],
) -> None:
    numbers = {name: as_json(study) for name, study in studies.items()}
    text = json.dumps(facts | {"intervals": numbers}, indent=1)
    panel = str(facts["panel"])
    for path in (args.json, args.save and _kept(args, panel, "json")):
        if path:
            path.write_text(text + "\n")
    for path in (args.picture, args.save and _kept(args, panel, "png")):
        if path:
            from calibration_picture import draw  # noqa: PLC0415 - needs the extra

            draw(studies, path, title=f"Panel {panel}, raw bands of {args.base}")


if __name__ == "__main__":
    main()
