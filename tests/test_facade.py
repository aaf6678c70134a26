"""One call forecasts arrays and frames, in scripts and in notebooks."""

# ruff: noqa: PD011 - bands have values; they are no pandas frames

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

import tsfm_runner
from tsfm_runner import Bands, forecast
from tsfm_runner.adapters.files.series import SkippedMarket
from tsfm_runner.config import EmbeddedConfig, Settings, TaskConfig
from tsfm_runner.domain.frequency import Frequency
from tsfm_runner.domain.task import ForecastTask, ModelChoice, Transform
from tsfm_runner.errors import (
    ConfigurationError,
    InvalidTaskError,
    UnreadableInputError,
)
from tsfm_runner.facade import BATCH_SIZE, answer_all, parse_model

NOON = datetime(2026, 2, 20, 12, tzinfo=UTC)
TASK = TaskConfig(freq="1h", horizon=3, quantile_levels=(0.1, 0.9))
SETTINGS = Settings(task=TASK, embedded=EmbeddedConfig(enabled=False))
WALK = 0.5 + 0.2 * np.sin(np.arange(60.0))


def _rows(*market_ids: str) -> dict[str, list[object]]:
    """Return the points of some markets, an hour apart, the last at noon."""
    times = [NOON - timedelta(hours=59 - hour) for hour in range(60)]
    return {
        "unique_id": [name for name in market_ids for _ in times],
        "ds": times * len(market_ids),
        "y": WALK.tolist() * len(market_ids),
    }


def _task(market_id: str, model: ModelChoice | None = None) -> ForecastTask:
    return ForecastTask(
        market_id=market_id,
        cutoff=NOON,
        freq=Frequency.parse("1h"),
        horizon=1,
        quantile_levels=(0.5,),
        context=WALK,
        transform=Transform("logit", 1e-6),
        model=model or ModelChoice(),
    )


def test_an_array_gets_bands_that_open_from_its_last_point() -> None:
    answers = forecast({"a": WALK, "b": WALK.tolist()}, as_of=NOON, settings=SETTINGS)

    assert list(answers) == ["a", "b"]
    band = answers["a"]
    assert isinstance(band, Bands)
    assert band.times == tuple(NOON + timedelta(hours=step) for step in (1, 2, 3))
    assert band.quantile_levels == (0.1, 0.9)
    assert band.values.shape == (3, 2)
    widths = np.diff(band.values, axis=1).ravel()
    assert (np.diff(widths) > 0).all()
    assert band.provenance.runtime == "baseline"
    np.testing.assert_array_equal(answers["b"].values, band.values)


def test_the_model_of_the_package_answers_by_itself() -> None:
    settings = Settings(task=TASK)

    answers = forecast({"a": WALK, "b": 1 - WALK}, as_of=NOON, settings=settings)

    band, mirror = answers["a"], answers["b"]
    assert band.provenance.model_name == "tsfm-mini"
    assert band.provenance.fallback_reason is None
    np.testing.assert_allclose(mirror.values, 1 - band.values[:, ::-1], atol=1e-6)


def test_arguments_override_the_settings() -> None:
    answers = forecast(
        {"a": WALK},
        freq="5m",
        horizon=2,
        quantile_levels=[0.75, 0.25],
        model="baseline:har",
        as_of=NOON,
        settings=SETTINGS,
    )

    band = answers["a"]
    assert band.times[0] == NOON + timedelta(minutes=5)
    assert band.quantile_levels == (0.25, 0.75)
    assert band.values.shape == (2, 2)
    assert band.provenance.model_name == "har"


def test_arrays_end_now_unless_told_otherwise() -> None:
    before = datetime.now(UTC)

    band = forecast({"a": WALK}, settings=SETTINGS)["a"]

    assert before <= band.times[0] - timedelta(hours=1) <= datetime.now(UTC)


def test_a_pandas_frame_gets_a_pandas_frame() -> None:
    bands = forecast(pd.DataFrame(_rows("a", "b")), settings=SETTINGS)

    assert isinstance(bands, pd.DataFrame)
    assert bands["market_id"].tolist() == ["a"] * 3 + ["b"] * 3
    assert bands["step"].tolist() == [1, 2, 3] * 2
    assert bands["ts"][0] == pd.Timestamp(NOON + timedelta(hours=1))
    assert bands["q0.9"].between(0, 1).all()
    assert (bands["q0.1"] < bands["q0.9"]).all()


def test_a_polars_frame_gets_a_polars_frame_with_the_same_bands() -> None:
    rows = _rows("a")

    bands = forecast(pl.DataFrame(rows), settings=SETTINGS)

    by_pandas = forecast(pd.DataFrame(rows), settings=SETTINGS)
    by_array = forecast({"a": WALK}, as_of=NOON, settings=SETTINGS)
    assert isinstance(bands, pl.DataFrame)
    assert bands.schema["ts"] == pl.Datetime("us", "UTC")
    assert bands["q0.1"].to_list() == by_pandas["q0.1"].tolist()
    assert bands["q0.1"].to_list() == by_array["a"].values[:, 0].tolist()


def test_times_of_a_frame_may_have_a_zone_a_hole_or_be_dates() -> None:
    rows = _rows("a", "b")
    frame = pd.DataFrame(rows)
    frame["ds"] = frame["ds"].dt.tz_convert("Asia/Seoul")
    frame.loc[70, "ds"] = None
    days = pl.DataFrame(
        {"unique_id": ["c"] * 3, "ds": [NOON.date()] * 3, "y": [0.5] * 3}
    )
    days = days.with_columns(ds=pl.col("ds") + pl.duration(days=pl.int_range(3)))

    with pytest.warns(UserWarning, match="1 of 2 markets have no bands: b: ts: "):
        bands = forecast(frame, settings=SETTINGS)

    by_day = forecast(days, freq="native", settings=SETTINGS)
    assert bands["market_id"].unique().tolist() == ["a"]
    assert bands["as_of_ts"][0] == pd.Timestamp(NOON)
    assert by_day["ts"][0] == datetime(2026, 2, 23, tzinfo=UTC)


def test_later_points_of_a_frame_are_unseen() -> None:
    frame = pl.DataFrame(_rows("a"))

    bands = forecast(frame, as_of=NOON - timedelta(hours=6), settings=SETTINGS)

    cut = frame.filter(pl.col("ds") <= NOON - timedelta(hours=6))
    assert bands.equals(forecast(cut, settings=SETTINGS))


def test_markets_without_bands_are_told_about_and_left_out() -> None:
    data = {
        "good": WALK,
        "short": np.array([0.5]),
        "word": ["half", "full"],
        "flat": np.zeros((2, 2)),
        "outside": np.array([0.5, 1.5]),
    }

    with pytest.warns(UserWarning, match="4 of 5 markets have no bands") as caught:
        answers = forecast(data, as_of=NOON, settings=SETTINGS)

    assert list(answers) == ["good"]
    assert caught[0].filename == __file__
    for name in ("short", "word", "flat", "outside"):
        assert f"{name}: " in str(caught[0].message)


def test_a_step_far_shorter_than_the_data_is_warned_of_once() -> None:
    frame = pl.DataFrame(_rows("a", "b"))

    with pytest.warns(
        UserWarning, match=r"2 of 2 .* \(a, b\).*freq='native'"
    ) as caught:
        forecast(frame, freq="5m", settings=SETTINGS)

    assert len(caught) == 1
    assert caught[0].filename == __file__


@pytest.mark.parametrize("data", [{}, {"a": [0.5]}, {"a": [np.nan, np.nan]}])
def test_no_bands_at_all_is_an_error(data: dict[str, list[float]]) -> None:
    with pytest.raises(InvalidTaskError):
        forecast(data, as_of=NOON, settings=SETTINGS)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"horizon": 0}, "horizon"),
        ({"quantile_levels": [0.5, 0.5]}, "quantile_levels"),
        ({"freq": "native"}, "plain arrays have no cadence"),
        ({"model": "baseline:nope"}, "model: must name one of ewma, kalman"),
        ({"model": "oracle:delphi"}, "model: must be NAME or one of auto, tollama"),
        ({"as_of": NOON.replace(tzinfo=None)}, "as_of: must carry a time zone"),
    ],
)
def test_a_wrong_argument_is_named(arguments: dict[str, object], told: str) -> None:
    with pytest.raises(InvalidTaskError, match=told):
        forecast({"a": WALK}, settings=SETTINGS, **arguments)  # type: ignore[call-overload]


@pytest.mark.parametrize("data", [None, 5, [0.1, 0.2], WALK])
def test_other_data_are_refused(data: object) -> None:
    with pytest.raises(UnreadableInputError, match="must be a mapping of arrays"):
        forecast(data, settings=SETTINGS)  # type: ignore[call-overload]


def test_settings_that_forbid_the_start_are_an_error_here_too() -> None:
    settings = SETTINGS.model_copy(update={"models_file": Path("absent.yaml")})

    with pytest.raises(ConfigurationError, match=r"absent\.yaml"):
        forecast({"a": WALK}, as_of=NOON, settings=settings)


async def test_a_running_loop_is_no_obstacle() -> None:
    answers = forecast({"a": WALK}, as_of=NOON, settings=SETTINGS)

    assert answers["a"].values.shape == (3, 2)


async def test_many_tasks_are_answered_batch_by_batch_in_order() -> None:
    tasks = [_task(f"{number:03}") for number in range(BATCH_SIZE + 2)]
    skipped = SkippedMarket("bad", "no time")

    parts = [part async for part in answer_all(SETTINGS, [skipped, *tasks])]

    served = [answer.task.market_id for part in parts for answer in part.served]
    assert [len(part.served) for part in parts] == [BATCH_SIZE - 1, 3]
    assert served == [task.market_id for task in tasks]
    assert parts[0].skipped == (skipped,)


async def test_a_task_that_the_service_refuses_is_a_skipped_market() -> None:
    task = _task("a", model=ModelChoice(provider="baseline", name="oracle"))

    (part,) = [part async for part in answer_all(SETTINGS, [task])]

    assert part.served == ()
    assert part.skipped[0].market_id == "a"
    assert "ewma" in part.skipped[0].reason


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        (None, ModelChoice()),
        ("chronos2", ModelChoice(name="chronos2")),
        ("tollama:chronos2", ModelChoice(provider="tollama", name="chronos2")),
        ("baseline:", ModelChoice(provider="baseline")),
    ],
)
def test_a_model_is_named_with_or_without_its_provider(
    text: str | None, choice: ModelChoice
) -> None:
    assert parse_model(text) == choice


def test_importing_the_package_is_cheap() -> None:
    program = (
        "import sys, tsfm_runner\n"
        "heavy = {'polars', 'pydantic', 'aiohttp', 'fastapi', 'numpy', 'matplotlib'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "print(tsfm_runner.__version__)\n"
    )

    done = subprocess.run(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == tsfm_runner.__version__


def test_a_name_that_the_package_does_not_offer_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'forcast'"):
        tsfm_runner.forcast  # noqa: B018
