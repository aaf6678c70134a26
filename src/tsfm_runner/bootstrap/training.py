"""Trains on a user's own markets, judges what came of it, and names what is kept."""

import shutil
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from tsfm_runner.adapters.models import ModelManifest, ModelStore, StoredModel
from tsfm_runner.adapters.models.adding import Candidate, add_model, write_model
from tsfm_runner.adapters.work_folder import WorkFolder
from tsfm_runner.bootstrap.studying import make_design, make_models, open_workers
from tsfm_runner.config import Settings
from tsfm_runner.core.arrays import Float32Array
from tsfm_runner.domain.recording import RecordedMarket
from tsfm_runner.domain.task import ModelChoice
from tsfm_runner.errors import ConfigurationError, TrainingError
from tsfm_runner.evaluation.comparing import evidence_beside, scored_throughout
from tsfm_runner.evaluation.design import LEVELS
from tsfm_runner.evaluation.study import count_units, plan_study, run_study
from tsfm_runner.learning.lessons import Lessons
from tsfm_runner.service.routing import BASELINE_METHODS
from tsfm_runner.service.verdict.deciding import Occasion
from tsfm_runner.service.verdict.preferring import Preference, prefer

_HORIZON = 12
_NEEDED = ("onnx", "torch")
_SUFFIX = ".candidate"
_DESCRIPTION = "trained on recorded markets of this user"

Tell = Callable[[int, int], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be trained, from what, and for how long."""

    name: str
    revision: str
    base: StoredModel
    minutes: float
    seed: int
    n_workers: int | None


class Trained(NamedTuple):
    """Weights that are better than the base on watched events, and by how much."""

    weights: dict[str, Float32Array]
    loss_before: float
    loss: float
    n_steps: int
    n_windows: int


def require_extra(needed: Collection[str] = _NEEDED) -> None:
    """Raise ``ConfigurationError`` where what only training needs is not installed."""
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"training needs {' and '.join(missing)}: pip install 'tsfm-runner[train]'"
        )


def free_revision(store: ModelStore, name: str, today: datetime) -> str:
    """Return the date, counted on where a model of the name has that revision."""
    date = today.date().isoformat()
    taken = {folder.name for folder in store.folders(name)}
    counted = (f"{date}.{number}" for number in range(2, len(taken) + 3))
    return next(text for text in (date, *counted) if text not in taken)


def train_on(lessons: Lessons, wish: Wish, *, console: Console) -> Trained | None:
    """Train on from the base; None where someone stopped it.

    Raises ``TrainingError`` where the base cannot be trained on, and where nothing
    was found that is better on the watched events.
    """
    # Only here, as torch takes long to import and is seldom installed.
    from tsfm_runner.learning import tuning  # noqa: PLC0415

    base = wish.base
    network = tuning.read_network(base.read_bytes_checked(), name=base.label)
    with open_workers(ray=None, n_workers=wish.n_workers) as workers:
        tuned = tuning.tune(
            network,
            lessons.recipe(seed=wish.seed),
            lessons.watched,
            tuning.tuning_plan(n_steps=lessons.n_steps, minutes=wish.minutes),
            workers=workers,
            console=console,
        )
    if not tuned.is_finished:
        return None
    if tuned.best_step == 0:
        raise TrainingError(
            f"nothing better than {base.label} was found in {tuned.n_steps:,} steps: "
            f"its loss on watched events is {tuned.loss_before:.5f}"
        )
    return Trained(
        tuned.weights, tuned.loss_before, tuned.loss, tuned.n_steps, tuned.n_windows
    )


def candidate_of(trained: Trained, wish: Wish, *, now: datetime) -> Candidate:
    """Return what was trained as a model, with the licence of its base."""
    from tsfm_runner.learning.export import Naming, to_candidate  # noqa: PLC0415

    base = wish.base.manifest
    naming = Naming(
        wish.name, wish.revision, base.license_name, base.license_tag, _DESCRIPTION
    )
    made_by = {
        "base": wish.base.label,
        "base_sha256": base.sha256,
        "seed": wish.seed,
        "n_windows": trained.n_windows,
        "n_steps": trained.n_steps,
        "watched_loss": {"before": trained.loss_before, "after": trained.loss},
    }
    return to_candidate(
        trained.weights,
        naming,
        made_by=made_by,
        source="tsfm-runner train",
        added_at=now,
    )


def judge(  # noqa: PLR0913 - one keyword for each thing that is handed in
    candidate: Candidate,
    base: StoredModel,
    markets: Sequence[RecordedMarket],
    settings: Settings,
    *,
    folder: Path,
    now: datetime,
    n_workers: int | None = None,
    tell: Tell = lambda _done, _all: None,
) -> Preference:
    """Hold a model against its base and all baselines, on events it has not seen.

    It is a study as ``evaluate`` does it; calibrated bands are judged, at every
    moment. ``folder`` is empty, and nobody needs afterwards what is written there.
    """
    settings = _with_both(candidate, base, settings, folder / "models")
    name = candidate.manifest.name + _SUFFIX
    own = [ModelChoice("embedded", one) for one in (base.manifest.name, name)]
    choices = [*(ModelChoice("baseline", one) for one in BASELINE_METHODS), *own]
    design = make_design(settings, horizon=_HORIZON, quantile_levels=LEVELS)
    models = make_models(settings, choices)
    plan = scored_throughout(plan_study(markets, models, design, split="time", seed=0))
    n_units, n_done = count_units(plan), 0

    def on_done(_: object) -> None:
        nonlocal n_done
        n_done += 1
        tell(n_done, n_units)

    with (
        WorkFolder(folder / "work", name) as store,
        open_workers(ray=None, n_workers=n_workers) as workers,
    ):
        study = run_study(plan, workers, store, on_done)
        evidence = list(evidence_beside(study, name))
    occasion = Occasion(now, "evaluation", settings.routing.baseline_method)
    return prefer(evidence, settings.verdict, occasion)


def kept_if_preferred(
    store: ModelStore,
    candidate: Candidate,
    preference: Preference,
    *,
    reserved: Collection[str],
) -> StoredModel | None:
    """Store a model that is preferred; None where it is not, and nothing is stored."""
    if not preference.is_preferred:
        return None
    return add_model(store, candidate, reserved=reserved)


def _with_both(
    candidate: Candidate, base: StoredModel, settings: Settings, folder: Path
) -> Settings:
    """Put candidate and base into a folder, and return settings that find them there.

    The candidate goes by another name there: it may have that of its base.
    """
    manifest = candidate.manifest
    other = manifest.model_copy(update={"name": manifest.name + _SUFFIX})
    write_model(
        Candidate(candidate.content, other, candidate.golden),
        folder / other.name / other.revision,
    )
    if not base.is_shipped:
        known: ModelManifest = base.manifest
        place = folder / known.name / known.revision
        shutil.copytree(base.path, place)
    embedded = settings.embedded.model_copy(
        update={"enabled": True, "model": base.manifest.name, "models_dir": folder}
    )
    return settings.model_copy(update={"embedded": embedded})
