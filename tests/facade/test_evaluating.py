"""A study as one call: frames in, frames of the same library out."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest
from tests.cli.cycle_inputs import runtime_beside
from tests.evaluation.recordings import make_markets
from tests.evaluation.studies import table_of

from tsfm_runner.adapters.files.recording import read_recording
from tsfm_runner.adapters.work_folder import WorkFolder
from tsfm_runner.config import BandConfig, Settings, TollamaConfig
from tsfm_runner.errors import InvalidTaskError, UnreadableInputError
from tsfm_runner.evaluation.study import Study
from tsfm_runner.facade import Asked, Evaluation, evaluate, run_evaluation
from tsfm_runner.facade.evaluating import Progress
from tsfm_runner.testing.fake_tollama import FakeTollamaOptions

QUICK: Mapping[str, Any] = {
    "models": ["ewma"],
    "horizon": 2,
    "quantile_levels": (0.1, 0.5, 0.9),
    "n_jobs": 1,
    "settings": Settings(),
}
FRAMES = ("overall", "segments", "ratios", "cold_start", "markets")
TABLE = table_of(make_markets(6, n_points=60)).with_columns(
    liquid=pl.col("market_id") != "market-05"
)


def quick(data: Any = TABLE, **others: Any) -> Evaluation:  # noqa: ANN401
    return evaluate(data, **{**QUICK, **others})


def as_pandas(table: pl.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(table.to_dict(as_series=False))


@pytest.fixture(scope="module")
def found() -> Evaluation:
    return quick()


@pytest.mark.parametrize(
    ("convert", "kind"),
    [(pl.DataFrame, pl.DataFrame), (as_pandas, pd.DataFrame)],
    ids=["polars", "pandas"],
)
def test_frames_come_back_in_the_library_of_the_data(
    found: Evaluation, convert: Callable[[pl.DataFrame], Any], kind: type
) -> None:
    mine = quick(convert(TABLE))

    for name in FRAMES:
        frame: Any = getattr(mine, name)
        expected: pl.DataFrame = getattr(found, name)
        assert frame.shape == expected.shape
        assert list(frame.columns) == list(expected.columns)
        assert isinstance(frame, kind)
    assert mine.document == found.document
    assert [*mine.overall["wis"]] == [*found.overall["wis"]]


def test_columns_may_have_the_names_of_nixtla(found: Evaluation) -> None:
    renamed = TABLE.rename({"market_id": "unique_id", "ts": "ds", "price": "y"})

    assert quick(renamed).document == found.document


def test_frames_hold_the_tables_of_the_document(found: Evaluation) -> None:
    rows = found.document["overall"]
    overall = found.overall

    assert overall.height == len(rows) == 2 * 2 * 3 * 2
    assert overall["entry"].to_list() == [row["entry"] for row in rows]
    for name in ("closed", "error", "width", "interval_score_high", "near"):
        told: list[Any] = [dict(row["intervals"][0])[name] for row in rows]
        assert overall[f"{name}_80"].to_list() == told
    for name in ("below", "at_or_below_low", "pinball"):
        told = [dict(row["levels"][2])[name] for row in rows]
        assert overall[f"{name}_q0.9"].to_list() == told
    assert found.ratios.height == len(found.document["ratios"])
    assert found.markets["n"].min() > 0
    assert found.markets.filter(pl.col("step") == 2)["entry"].n_unique() == 2


def test_the_report_is_one_page(found: Evaluation) -> None:
    page = found.to_html()

    assert page.startswith("<!doctype html>")
    assert "ewma/calibrated" in page


def test_it_tells_what_it_took(found: Evaluation) -> None:
    assert found.timing["n_origins"] == 6 * 59
    assert found.timing["elapsed_s"] is not None
    assert 0 < found.timing["elapsed_s"] < 600
    assert found.verdict is None


@pytest.mark.parametrize(
    "others",
    [
        {"models": ["har"]},
        {"models": ["ewma", "har"]},
        {"freq": "10m"},
        {"horizon": 1},
        {"quantile_levels": (0.1, 0.25, 0.5, 0.75, 0.9)},
        {"split": "event"},
        {"split": "event", "seed": 3},
        {"where": ["liquid"]},
        {"n_groups": 2},
        {"n_groups": 2, "seed": 4},
        {"settings": Settings(band=BandConfig(min_width=0.1))},
    ],
    ids=" ".join,
)
def test_every_keyword_changes_what_is_found(
    found: Evaluation, others: Mapping[str, Any]
) -> None:
    mine = quick(**others)

    assert mine.document["manifest"] != found.document["manifest"]
    assert mine.document["overall"] != found.document["overall"]


def test_of_the_events_those_of_the_seed_are_studied() -> None:
    drawn = [quick(n_groups=1, seed=seed).markets["group"].unique() for seed in (1, 2)]

    assert [len(one) for one in drawn] == [1, 1]
    assert drawn[0].to_list() != drawn[1].to_list()


@pytest.mark.parametrize("convert", [str, Path])
def test_data_may_be_a_file(
    found: Evaluation, tmp_path: Path, convert: Callable[[Path], object]
) -> None:
    TABLE.write_parquet(tmp_path / "prices.parquet")

    mine = quick(convert(tmp_path / "prices.parquet"))

    assert type(mine.overall) is pl.DataFrame
    assert mine.document["overall"] == found.document["overall"]
    assert mine.document["manifest"]["data"]["name"] == "prices.parquet"


def test_settings_are_those_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, found: Evaluation
) -> None:
    monkeypatch.setenv("TSFM_BAND__MIN_WIDTH", "0.1")

    mine = quick(settings=None)

    assert (
        mine.document["manifest"]["settings"]["band"]
        != (found.document["manifest"]["settings"]["band"])
    )


async def test_a_notebook_whose_loop_is_running_can_study_a_model(
    found: Evaluation,
) -> None:
    with runtime_beside(FakeTollamaOptions()) as url:
        settings = Settings(tollama=TollamaConfig.model_validate({"url": url}))
        mine = quick(models=["ewma", "tollama:chronos2"], settings=settings)

    assert mine.verdict is not None
    assert mine.verdict.models == (("chronos2", "main"),)
    own = [row for row in mine.document["overall"] if row["entry"].startswith("ewma")]
    for row, expected in zip(own, found.document["overall"], strict=True):
        assert row["wis"] is not None
        assert expected["wis"] is not None
        assert math.isclose(row["wis"], expected["wis"], rel_tol=0, abs_tol=1e-12)


def test_models_of_a_runtime_are_asked_by_several_processes_too() -> None:
    with runtime_beside(FakeTollamaOptions()) as url:
        settings = Settings(tollama=TollamaConfig.model_validate({"url": url}))
        one, two = (
            quick(models=["ewma", "ladder"], settings=settings, n_jobs=n_jobs).document
            for n_jobs in (1, 2)
        )

    assert one == two
    assert {row["entry"] for row in one["fallbacks"]} == {
        "ladder/raw",
        "ladder/calibrated",
    }


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ({"models": []}, "models: must name at least one"),
        ({"models": ["nobody:x"]}, "before a colon"),
        ({"freq": "x"}, "freq: must look like"),
        ({"horizon": 0}, "horizon: must lie"),
        ({"split": "tme"}, "split: must be one of time, event, cold"),
        ({"seed": -1}, "seed: must not be negative"),
        ({"n_groups": 0}, "n_groups: must be at least 1"),
        ({"n_jobs": 0}, "n_jobs: must be at least 1"),
    ],
)
def test_a_question_without_an_answer_is_refused(
    others: Mapping[str, Any], told: str
) -> None:
    with pytest.raises(InvalidTaskError, match=told):
        quick(**others)


def test_data_without_a_market_are_refused() -> None:
    with pytest.raises(UnreadableInputError, match="holds nothing to evaluate"):
        quick(TABLE.head(0))


def test_progress_goes_from_one_to_all_and_all_is_there_until_the_end(
    tmp_path: Path,
) -> None:
    asked = Asked(models=("ewma", "ewma", "har"), horizon=1, n_jobs=1)
    settings, told = Settings(), list[Progress]()
    kept: list[int] = []

    def count(*_: object) -> None:
        kept.append(len(list(tmp_path.glob("*/*.arrays"))))

    def look(study: Study, store: WorkFolder) -> None:
        assert store.has("score-0-300")
        count(study)

    run_evaluation(
        read_recording(TABLE, asked.wanted, settings.preparation),
        asked,
        settings,
        work=tmp_path,
        on_progress=told.append,
        on_study=look,
        on_found=count,
    )
    count()

    assert [one.n_done for one in told] == [1, 2, 3, 4, 5]
    assert {one.n_units for one in told} == {5}
    assert told[-1].last == "score-1-300"
    assert kept == [5, 5, 0]
