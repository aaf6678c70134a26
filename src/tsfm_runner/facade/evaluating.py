"""A whole study as one function call, for the command line and for notebooks."""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, get_args

import polars as pl
from narwhals.typing import IntoDataFrame

from tsfm_runner.adapters.files.recording import Recording, Wanted, read_recording
from tsfm_runner.adapters.work_folder import WorkFolder
from tsfm_runner.bootstrap.studying import (
    fingerprint_of,
    make_design,
    make_models,
    open_workers,
)
from tsfm_runner.config import Settings
from tsfm_runner.domain.frequency import Frequency
from tsfm_runner.domain.task import ModelChoice
from tsfm_runner.domain.verdict import Verdict
from tsfm_runner.errors import InvalidTaskError
from tsfm_runner.evaluation.design import LEVELS
from tsfm_runner.evaluation.document import DataTold, document_of
from tsfm_runner.evaluation.frames import market_scores
from tsfm_runner.evaluation.ruling import evidence_of
from tsfm_runner.evaluation.splits import SplitName
from tsfm_runner.evaluation.study import (
    Plan,
    Study,
    count_units,
    plan_study,
    run_study,
)
from tsfm_runner.evaluation.units import Unit
from tsfm_runner.facade.effort import own_peak_mb, timing_of, workers_peak_mb
from tsfm_runner.facade.evaluation import Evaluation
from tsfm_runner.facade.forecasting import default_settings, parse_model
from tsfm_runner.service.routing import BASELINE_METHODS
from tsfm_runner.service.verdict.deciding import Occasion, decide

NATIVE = "native"


class Progress(NamedTuple):
    """How far a study is: units done of all there are, and which was the last."""

    n_done: int
    n_units: int
    last: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What is studied, and how.

    ``models`` are texts as `parse_model` reads them, or ``ladder``; ``ray`` is the
    address of a cluster, None: processes of this machine, ``n_jobs`` of them, None:
    one a CPU. Without a ``freq`` each market is studied at its own cadence.
    """

    models: tuple[str, ...] = BASELINE_METHODS
    freq: Frequency | None = None
    horizon: int = 12
    quantile_levels: tuple[float, ...] = LEVELS
    split: SplitName = "time"
    seed: int = 1
    where: tuple[str, ...] = ()
    n_groups: int | None = None
    keeps_bands: bool = False
    n_jobs: int | None = None
    ray: str | None = None

    def __post_init__(self) -> None:
        """Refuse what has no meaning, before anything is read."""
        splits = get_args(SplitName)
        if self.split not in splits:
            raise InvalidTaskError("split", f"must be one of {', '.join(splits)}")
        if self.seed < 0:
            raise InvalidTaskError("seed", "must not be negative")
        for name, count in (("n_groups", self.n_groups), ("n_jobs", self.n_jobs)):
            if count is not None and count < 1:
                raise InvalidTaskError(name, "must be at least 1")

    @property
    def wanted(self) -> Wanted:
        """Which part of a recording is read."""
        return Wanted(self.freq, self.where, self.n_groups, self.seed)

    @property
    def choices(self) -> list[ModelChoice]:
        """The models, each of them once."""
        texts = dict.fromkeys(self.models)
        if not texts:
            raise InvalidTaskError("models", "must name at least one")
        return [
            ModelChoice() if text == "ladder" else parse_model(text) for text in texts
        ]


def evaluate(  # noqa: PLR0913 - one keyword for each thing that can be asked
    data: IntoDataFrame | Path | str,
    *,
    models: Sequence[str] = BASELINE_METHODS,
    freq: str = NATIVE,
    horizon: int = 12,
    quantile_levels: Sequence[float] = LEVELS,
    split: SplitName = "time",
    where: Sequence[str] = (),
    n_groups: int | None = None,
    seed: int = 1,
    n_jobs: int | None = None,
    ray: str | None = None,
    settings: Settings | None = None,
) -> Evaluation:
    """Study models on recorded markets: raw and calibrated bands at every moment.

    Parameters
    ----------
    data : data frame, or path
        A frame of pandas, polars or pyarrow, or a file, with the columns market_id
        (or unique_id), ts (or ds) and price (or y), and whatever is known of the
        markets: event_id, category, source, closes_at, tick_size. Or a folder with
        the tables ``prices`` and ``markets``.
    models : sequence of str
        ``NAME`` or ``PROVIDER:NAME`` as `forecast` takes them, or ``ladder``.
    freq : str
        Step, such as ``5m``; ``native`` is each market's own cadence.
    horizon : int
        Steps to forecast, all of which are scored.
    quantile_levels : sequence of float
        Ascending, with 0.1, 0.5 and 0.9, and with ``1 - level`` for every level.
    split : {"time", "event", "cold"}
        What is scored: what came after the first six tenths of the origins of a source;
        whole events that nothing was learned from; the first 36 prices of new events.
    where : sequence of str
        Columns of the table of markets that must be true.
    n_groups : int, optional
        Only so many events, drawn at random by the ``seed``.
    n_jobs : int, optional
        Processes; unset, one a CPU.
    ray : str, optional
        Address of a Ray cluster that does the work.
    settings : Settings, optional
        Unset, they are loaded as the command line does.

    Returns
    -------
    Evaluation
        With the frames ``overall``, ``segments``, ``ratios``, ``cold_start`` and
        ``markets``, and ``to_html()`` for the report.

    Raises
    ------
    UnreadableInputError
        When nothing in the data can be studied.
    InvalidTaskError
        When the question cannot be answered for any market.
    LeakageError
        When something in the study knew the future.
    ConfigurationError
        When the settings cannot be used, or nothing answers for a model.

    """
    asked = Asked(
        models=tuple(models),
        freq=None if freq == NATIVE else Frequency.parse(freq),
        horizon=horizon,
        quantile_levels=tuple(quantile_levels),
        split=split,
        seed=seed,
        where=tuple(where),
        n_groups=n_groups,
        n_jobs=n_jobs,
        ray=ray,
    )
    settings = settings or default_settings()
    source = Path(data) if isinstance(data, str) else data
    recording = read_recording(source, asked.wanted, settings.preparation)
    with tempfile.TemporaryDirectory(prefix="tsfm-runner-") as folder:
        return run_evaluation(
            recording,
            asked,
            settings,
            work=Path(folder),
            on_progress=lambda _: None,
            frames_like=None if isinstance(source, Path) else source,
        )


def run_evaluation(  # noqa: PLR0913 - one argument a thing that is handed in
    recording: Recording,
    asked: Asked,
    settings: Settings,
    *,
    work: Path,
    on_progress: Callable[[Progress], object],
    frames_like: Any = None,  # noqa: ANN401 - a frame of the caller's library
    on_study: Callable[[Study, WorkFolder], object] = lambda _study, _store: None,
    on_found: Callable[[Evaluation], object] = lambda _found: None,
) -> Evaluation:
    """Study a recording; what is done is kept in ``work`` until all of it is.

    ``on_study`` is called while what the units found is still there, and so is
    ``on_found``: a study that is ended before its files are written does not begin
    anew.
    """
    started_s = time.monotonic()
    design = make_design(
        settings, horizon=asked.horizon, quantile_levels=asked.quantile_levels
    )
    plan = plan_study(
        recording.markets,
        make_models(settings, asked.choices),
        design,
        split=asked.split,
        seed=asked.seed,
        keeps_bands=asked.keeps_bands,
    )
    data = _told(recording)
    tell = _counted(on_progress, count_units(plan))
    with WorkFolder(work, fingerprint_of(plan, data)) as store:
        store.remove_others()
        with open_workers(ray=asked.ray, n_workers=asked.n_jobs) as workers:
            study = run_study(plan, workers, store, tell)
            n_workers = workers.n_workers
        at_work_mb = own_peak_mb() + n_workers * workers_peak_mb()
        document = document_of(study, data)
        found = Evaluation(
            document,
            timing_of(study, started_s, at_work_mb),
            _verdict(study, settings),
            pl.concat(list(market_scores(study))),
            frames_like,
        )
        on_study(study, store)
        del study
        on_found(found)
        store.clear()
    return found


def _told(recording: Recording) -> DataTold:
    return DataTold(
        recording.name,
        recording.fingerprint,
        tuple((one.market_id, one.told) for one in recording.skipped),
        dict(recording.left_out),
        recording.questions,
    )


def _counted(
    on_progress: Callable[[Progress], object], n_units: int
) -> Callable[[Unit], None]:
    n_done = 0

    def tell(unit: Unit) -> None:
        nonlocal n_done
        n_done += 1
        on_progress(Progress(n_done, n_units, unit.name))

    return tell


def _verdict(study: Study, settings: Settings) -> Verdict | None:
    evidence = list(evidence_of(study))
    if not evidence:
        return None
    configured = settings.routing.baseline_method
    occasion = Occasion(datetime.now(UTC), "evaluation", configured)
    return decide(evidence, None, settings.verdict, occasion)


__all__ = ["Asked", "Evaluation", "Plan", "Progress", "evaluate", "run_evaluation"]
