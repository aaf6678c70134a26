"""Trains the bundled model on simulated markets, and writes it as it is shipped.

No recorded price is read: what the model knows, it knows from the simulator. A
training that was stopped, by Ctrl-C or by a machine that went away, goes on with
``--resume`` where its last checkpoint was written.
"""

import argparse
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from tsfm_runner.adapters.local_workers import LocalWorkers
from tsfm_runner.adapters.models.adding import write_model
from tsfm_runner.core.foundation.signature import SIGNATURE
from tsfm_runner.errors import TrainingError
from tsfm_runner.learning.batches import Batch, Recipe, batches_of, made_block
from tsfm_runner.learning.checkpoint import resume
from tsfm_runner.learning.export import Naming, to_candidate
from tsfm_runner.learning.loop import Plan, Training, mean_loss
from tsfm_runner.learning.loss import LossWeights
from tsfm_runner.learning.network import n_weights, network_of
from tsfm_runner.learning.running import Keeping, run_training
from tsfm_runner.learning.shape import NetworkShape
from tsfm_runner.learning.simulated import SimulatedWindows, made_of
from tsfm_runner.learning.windows import Habits
from tsfm_runner.testing.markets import GENERATOR_VERSION

BLOCK_WINDOWS = 16_384  # few enough to hand over, enough to simulate at once
HELD_OUT_SEED = 1_000_003
HELD_OUT_BLOCKS = 2
CHECKPOINT = "training.pt"
NAMING = Naming(
    name="tsfm-mini",
    revision="1",
    license_name="Apache-2.0",
    license_tag="commercial_ok",
    description="Small model of probability series, trained on simulated markets only",
)


def main() -> int:
    """Train, write the model, and tell its losses on markets it has not seen."""
    given = parser().parse_args()
    console = Console(stderr=True)
    torch.set_num_threads(given.threads)
    shape = NetworkShape.from_text(given.shape)
    habits = Habits()
    recipe = Recipe(
        sources=[(SimulatedWindows(habits=habits), 1.0)],
        seed=given.seed,
        batch_size=given.batch_size,
        batches_per_block=max(1, BLOCK_WINDOWS // given.batch_size),
        habits=habits,
    )
    loss = LossWeights(softening=given.softening)
    plan = Plan(
        n_steps=given.steps,
        minutes=given.minutes,
        peak_rate=given.rate,
        average_memory=given.average_memory,
        loss=loss,
    )
    made_by: dict[str, Any] = {
        "signature": SIGNATURE,
        "generator_version": GENERATOR_VERSION,
        "windows": made_of(),
        "shape": shape.made_by,
        "seed": given.seed,
        "batch_size": given.batch_size,
        "peak_rate": given.rate,
        "average_memory": given.average_memory,
        "softening": given.softening,
        "habits": asdict(habits),
    }
    folder: Path = given.out
    folder.mkdir(parents=True, exist_ok=True)
    training = Training.begin(shape, plan, seed=given.seed, device=given.device)
    checkpoint = folder / CHECKPOINT
    keeping = Keeping(checkpoint, made_by, every_minutes=given.save_minutes)
    if given.resume:
        try:
            resume(checkpoint, training, made_by=made_by)
        except TrainingError as exc:
            console.print(str(exc))
            return 2
    elif checkpoint.exists():
        console.print(f"{checkpoint} exists: say --resume, or choose another --out")
        return 2
    with LocalWorkers(given.workers) as workers:
        is_over = run_training(
            training, recipe, workers=workers, after_step=keeping, console=console
        )
    keeping.keep(training)
    if not is_over:
        console.print("Stopped; the same command with --resume goes on")
        return 1
    told = {
        "n_windows": training.n_seen,
        "n_steps": training.n_done,
        "minutes": round(training.seconds / 60, 1),
        "device": given.device,
        "torch": torch.__version__,
    }
    candidate = to_candidate(
        training.weights,
        NAMING,
        made_by={**made_by, **told},
        source="training/train_model.py",
        added_at=None,
    )
    stored = write_model(candidate, folder / NAMING.name / NAMING.revision)
    network = network_of(training.weights)
    held_out = mean_loss(network, held_out_batches(recipe), loss)
    print(f"{n_weights(network):,} weights, {len(candidate.content):,} bytes")
    print(f"{training.n_seen:,} windows in {training.seconds / 60:.1f} minutes")
    print(f"loss {training.loss:.5f} in training, {held_out:.5f} on held-out markets")
    print(stored.path)
    return 0


def held_out_batches(recipe: Recipe) -> list[Batch]:
    """Return windows of markets that no training draws."""
    unseen = replace(recipe, seed=HELD_OUT_SEED)
    blocks = (made_block(unseen, number) for number in range(HELD_OUT_BLOCKS))
    return [batch for block in blocks for batch in batches_of(block)]


def parser() -> argparse.ArgumentParser:
    """Return what the command understands."""
    plan = Plan()
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    made.add_argument("--out", type=Path, required=True, help="folder for the model")
    made.add_argument("--minutes", type=float, help="end after so many minutes")
    made.add_argument("--steps", type=int, help="end after so many batches")
    made.add_argument("--resume", action="store_true", help="go on where it stopped")
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--shape", default="", help="as width=256,n_blocks=3")
    made.add_argument("--batch-size", type=int, default=512)
    made.add_argument(
        "--rate", type=float, default=plan.peak_rate, help="peak learning rate"
    )
    made.add_argument("--average-memory", type=float, default=plan.average_memory)
    made.add_argument("--softening", type=float, default=plan.loss.softening)
    made.add_argument("--device", default="cpu", help="cpu or cuda")
    made.add_argument("--workers", type=int, default=2, help="simulating processes")
    made.add_argument("--threads", type=int, default=1, help="of the training itself")
    made.add_argument("--save-minutes", type=float, default=2.0)
    return made


if __name__ == "__main__":
    sys.exit(main())
