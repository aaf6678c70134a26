"""Recorded markets: each bad one gives one clear line, the others are read."""

import math
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from tests.adapters.files.recordings import (
    N_POINTS,
    START,
    listed,
    points_of,
    recorded_prices,
    written,
)

from tsfm_runner.adapters.files.recording import Recording, Wanted, read_recording
from tsfm_runner.config import PreparationConfig
from tsfm_runner.domain.frequency import Frequency
from tsfm_runner.errors import UnreadableInputError
from tsfm_runner.testing.markets import simulate_markets, to_frames

SHARED = Path(
    os.environ.get("TSFM_SHARED", Path(__file__).parents[3].parent / "shared")
)
CONFIG = PreparationConfig()
HOUR = Frequency.parse("1h")


def read(source: Path | pl.DataFrame | pd.DataFrame, **wanted: object) -> Recording:
    return read_recording(source, Wanted(**wanted), CONFIG)  # type: ignore[arg-type]


def names_of(recording: Recording) -> list[str]:
    return [one.market_id for one in recording.markets]


def lines_of(recording: Recording) -> list[tuple[str, str]]:
    return [(one.market_id, one.told) for one in recording.skipped]


def test_markets_come_in_order_with_what_is_known_of_them(tmp_path: Path) -> None:
    folder = written(
        tmp_path,
        prices=recorded_prices("b", "a"),
        markets=listed(
            "a",
            "b",
            event_id=["e1", "e2"],
            split_group=["g", None],
            source=["one", "two"],
            category=["sport", None],
            tick=[0.01, None],
            end=[START + timedelta(days=9), None],
            question=["Will it?", None],
        ),
    )

    first, second = read(folder).markets

    assert (first.market_id, first.group, first.source) == ("a", "g", "one")
    assert (second.market_id, second.group, second.source) == ("b", "e2", "two")
    assert first.facts.category == "sport"
    assert first.facts.tick_size == 0.01
    assert first.facts.closes_at == START + timedelta(days=9)
    assert second.facts.closes_at is None
    assert first.times_s.tolist() == [START.timestamp() + 300 * at for at in range(40)]
    assert first.prices[:3].tolist() == [0.4, 0.42, 0.44]
    assert first.step_s == 300
    assert read(folder).questions == {"a": "Will it?"}


def test_a_market_that_belongs_to_nothing_is_its_own_group(tmp_path: Path) -> None:
    recording = read(written(tmp_path, prices=recorded_prices("a", "b")))

    assert [one.group for one in recording.markets] == ["a", "b"]


@pytest.mark.parametrize(
    ("step_s", "expected_s"),
    [(1, 60), (61, 60), (250, 300), (1_800, 1_800), (2_600, 3_600), (200_000, 86_400)],
)
def test_the_native_step_is_the_nearest_that_is_usual(
    tmp_path: Path, step_s: int, expected_s: int
) -> None:
    folder = written(tmp_path, prices=points_of("a", step_s=step_s))

    [market] = read(folder).markets

    assert market.step_s == expected_s


def test_a_cadence_that_is_listed_goes_before_the_usual_gap(tmp_path: Path) -> None:
    folder = written(
        tmp_path,
        prices=recorded_prices("a"),
        markets=listed("a", native_cadence_s=[3_500.0]),
    )

    [market] = read(folder).markets

    assert market.step_s == 3_600


BAD: dict[str, tuple[pl.DataFrame, str]] = {
    "empty": (points_of("bad").clear(), "price: there is none"),
    "unknown": (
        points_of("bad", prices=[float("nan")] * 40),
        "price: must have at least one value that is known",
    ),
    "twice": (
        pl.concat([points_of("bad"), points_of("bad", n_points=1)]),
        "ts: two points have the same time (2026-02-01T00:00:00Z)",
    ),
    "too large": (
        points_of("bad", prices=[0.5] * 39 + [1.2]),
        "price: must lie in [0, 1] (1.2)",
    ),
    "below zero": (
        points_of("bad", prices=[-0.1] + [0.5] * 39),
        "price: must lie in [0, 1] (-0.1)",
    ),
    "percent": (
        points_of("bad", prices=[45.0] * 40),
        "price: must lie in [0, 1] (45; divide percent or cents by 100)",
    ),
    "infinite": (
        points_of("bad", prices=[0.5] * 39 + [float("inf")]),
        "price: must lie in [0, 1] (inf)",
    ),
    "text": (
        points_of("bad", prices=["0.5"] * 39 + ["half"]),
        "price: must be a number (row 80: half)",
    ),
    "no time": (
        points_of("bad").with_columns(
            ts=pl.when(pl.int_range(pl.len()) != 3).then("ts")
        ),
        "ts: must be an ISO 8601 time, as 2026-02-20T12:00Z (row 44: nothing)",
    ),
    "too late": (
        points_of("bad", start=datetime(3000, 1, 1, tzinfo=UTC)),
        "ts: must lie in the years 1971 to 2999 (3000-01-01T03:15:00Z)",
    ),
    "too early": (
        points_of("bad", start=datetime(1970, 12, 31, tzinfo=UTC)),
        "ts: must lie in the years 1971 to 2999 (1970-12-31T00:00:00Z)",
    ),
    "mixed": (
        pl.concat(
            [
                points_of("bad", n_points=60, step_s=60),
                points_of("bad", step_s=3_600, start=START + timedelta(hours=1)),
            ]
        ),
        "ts: must keep to one cadence (every 60 s, elsewhere every 3600 s)",
    ),
}


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
@pytest.mark.parametrize("kind", BAD)
def test_a_bad_market_gives_one_line_and_the_other_is_read(
    tmp_path: Path, kind: str, suffix: str
) -> None:
    bad, line = BAD[kind]
    good = points_of("good").cast({"price": bad.schema["price"]})
    folder = written(
        tmp_path,
        suffix,
        prices=pl.concat([good, bad]),
        markets=listed("good", "bad"),
    )

    recording = read(folder)

    assert names_of(recording) == ["good"]
    assert lines_of(recording) == [("bad", line)]


def test_a_name_that_is_too_long_is_cut_short_where_it_is_told(tmp_path: Path) -> None:
    folder = written(tmp_path, prices=recorded_prices("a", "x" * 300, ""))

    recording = read(folder)

    rule = "market_id: must have 1 to 256 characters"
    assert lines_of(recording) == [
        ("(no name)", f"{rule} (0 characters)"),
        (f"{'x' * 60}...", f"{rule} (300 characters)"),
    ]
    assert names_of(recording) == ["a"]


def test_times_that_go_backwards_are_put_in_order(tmp_path: Path) -> None:
    forward = written(tmp_path / "forward", prices=recorded_prices("a", "b"))
    backward = written(
        tmp_path / "backward", prices=recorded_prices("a", "b").reverse()
    )

    assert read(backward).fingerprint == read(forward).fingerprint
    assert read(backward).skipped == ()


@pytest.mark.parametrize("told", [True, 1, 1.0, "true"])
def test_a_choice_by_outcome_is_told_in_many_ways(
    tmp_path: Path, told: float | str
) -> None:
    folder = written(
        tmp_path,
        prices=recorded_prices("a", "b"),
        markets=listed("a", "b", selected_on_outcome=[told, None]),
    )

    assert names_of(read(folder)) == ["b"]


def test_what_tells_nothing_or_something_wrong_is_left_out(tmp_path: Path) -> None:
    folder = written(
        tmp_path,
        prices=pl.concat(
            [
                points_of("short", n_points=29, step_s=3_600),
                points_of("selected", step_s=3_600),
                points_of("sparse", step_s=7_201),
                points_of("used", step_s=7_200),
            ]
        ),
        markets=listed(
            *("short", "selected", "sparse", "used", "listed"),
            selected_on_outcome=[False, True, False, False, True],
        ),
    )

    recording = read(folder, freq=HOUR)

    assert names_of(recording) == ["used"]
    assert recording.left_out == {
        "selected on its outcome": 2,
        "fewer than 30 prices": 1,
        "points more than two steps apart": 1,
    }
    assert recording.skipped == ()
    assert [one.step_s for one in recording.markets] == [3_600]


def test_prices_that_are_missing_do_not_count(tmp_path: Path) -> None:
    prices = [None if at % 2 else 0.5 for at in range(60)]
    folder = written(tmp_path, prices=points_of("a", prices=prices))

    assert read(folder, min_points=30).markets[0].prices.size == 60
    with pytest.raises(UnreadableInputError, match="fewer than 31 prices"):
        read(folder, min_points=31)


def test_markets_are_chosen_by_a_column_that_is_true(tmp_path: Path) -> None:
    folder = written(
        tmp_path,
        prices=recorded_prices("a", "b"),
        markets=listed("a", "b", "c", core=[True, False, False]),
    )

    recording = read(folder, where=("core",))

    assert names_of(recording) == ["a"]
    assert recording.skipped == ()


def test_so_many_groups_are_drawn_the_same_by_the_same_seed(tmp_path: Path) -> None:
    names = [f"m{at}" for at in range(12)]
    folder = written(
        tmp_path,
        prices=recorded_prices(*names),
        markets=listed(*names, split_group=[f"g{at // 3}" for at in range(12)]),
    )

    drawn = {seed: names_of(read(folder, n_groups=2, seed=seed)) for seed in range(6)}

    assert all(len(found) == 6 for found in drawn.values())
    assert len({tuple(found) for found in drawn.values()}) > 1
    assert names_of(read(folder, n_groups=2, seed=3)) == drawn[3]
    assert names_of(read(folder, n_groups=9)) == sorted(names)


def test_an_end_that_nobody_knew_before_is_dropped(tmp_path: Path) -> None:
    last = START + timedelta(seconds=300 * (N_POINTS - 1))
    folder = written(
        tmp_path,
        prices=recorded_prices("a", "b"),
        markets=listed(
            "a", "b", source=["live", "planned"], end=[last, last + timedelta(days=1)]
        ),
    )

    first, second = read(folder).markets

    assert first.facts.closes_at is None
    assert second.facts.closes_at == last + timedelta(days=1)


@pytest.mark.parametrize("column", ["split_group", "event_id"])
def test_nan_is_no_group(tmp_path: Path, column: str) -> None:
    folder = written(
        tmp_path,
        prices=recorded_prices("a", "b", "c", "d"),
        markets=listed("a", "b", "c", "d", **{column: [7.0, 7.0, math.nan, math.nan]}),
    )

    assert [one.group for one in read(folder).markets] == ["7.0", "7.0", "c", "d"]


def test_a_recording_is_called_like_its_folder_however_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written(tmp_path / "spring", prices=recorded_prices("a"))
    monkeypatch.chdir(folder)

    assert {read(Path(place)).name for place in (".", "../spring")} == {"spring"}


def test_an_end_that_no_calendar_has_is_not_known(tmp_path: Path) -> None:
    folder = written(
        tmp_path,
        prices=recorded_prices("a"),
        markets=listed("a", end=[-1e17]),
    )

    [market] = read(folder).markets

    assert market.facts.closes_at is None


def nixtla(table: pl.DataFrame) -> pl.DataFrame:
    """Return a table in Nixtla's long format, with facts in its rows."""
    named = table.rename({"market_id": "unique_id", "ts": "ds", "price": "y"})
    is_first = pl.int_range(pl.len()) == 0
    return named.with_columns(
        event_id=pl.when(is_first).then(pl.lit("e")),
        category=pl.lit("sport"),
        tick=pl.lit(0.01),
        closes_at=pl.lit((START + timedelta(days=9)).isoformat()),
        core=pl.lit(value=True),
    )


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_facts_may_stand_in_the_rows_of_one_table(tmp_path: Path, suffix: str) -> None:
    folder = written(tmp_path, suffix, series=nixtla(recorded_prices("007")))

    recording = read(folder / f"series{suffix}", where=("core",))

    [market] = recording.markets
    assert market.market_id == "007"
    assert (market.group, market.facts.category) == ("e", "sport")
    assert market.facts.tick_size == 0.01
    assert market.facts.closes_at == START + timedelta(days=9)


def as_pandas(table: pl.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(table.to_dict(as_series=False))


@pytest.mark.parametrize("make", [as_pandas, pl.DataFrame])
def test_a_data_frame_is_read_as_files_are(
    tmp_path: Path, make: Callable[[pl.DataFrame], pd.DataFrame | pl.DataFrame]
) -> None:
    table = nixtla(recorded_prices("a", "b"))
    folder = written(tmp_path, series=table)

    recording = read(make(table))

    assert names_of(recording) == ["a", "b"]
    assert recording.name == "frame"
    assert recording.fingerprint == read(folder / "series.parquet").fingerprint


def test_single_precision_is_that_of_files() -> None:
    table = recorded_prices("a").cast({"price": pl.Float32})
    pandas_table = as_pandas(table).astype({"price": np.float32})

    [market] = read(pandas_table).markets

    assert market.prices[:3].tolist() == [0.4, 0.42, 0.44]
    assert read(pandas_table).fingerprint == read(table).fingerprint


def test_text_in_a_column_of_numbers_costs_one_market_of_a_frame() -> None:
    table = as_pandas(recorded_prices("a", "b")).astype({"price": object})
    table.loc[3, "price"] = "half"

    recording = read(table)

    assert names_of(recording) == ["b"]
    assert lines_of(recording) == [("a", "price: must be a number (row 4: half)")]


def test_a_frame_without_facts_has_nothing_to_choose_by() -> None:
    with pytest.raises(UnreadableInputError, match="cannot be chosen by core"):
        read(recorded_prices("a"), where=("core",))


def test_quotes_make_a_price_where_there_is_none(tmp_path: Path) -> None:
    quotes = recorded_prices("a").select(
        "market_id", "ts", bid=pl.col("price") - 0.01, ask=pl.col("price") + 0.01
    )

    [market] = read(written(tmp_path, prices=quotes)).markets

    assert market.prices[:3] == pytest.approx([0.4, 0.42, 0.44])


def simulated(step_s: int = 300) -> tuple[pl.DataFrame, pl.DataFrame]:
    return to_frames(simulate_markets(8, n_steps=60, step_s=step_s, seed=2, end=START))


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_the_fingerprint_is_that_of_the_content_not_of_the_file(
    tmp_path: Path, suffix: str
) -> None:
    markets, prices = simulated()
    plain = written(tmp_path / "plain", prices=prices, markets=markets)
    shuffled = written(
        tmp_path / "shuffled",
        suffix,
        prices=prices.sample(fraction=1, shuffle=True, seed=1),
        markets=markets.reverse(),
    )

    assert read(shuffled).fingerprint == read(plain).fingerprint


@pytest.mark.parametrize(
    "change",
    [
        pl.col("price") + 1e-6 * (pl.int_range(pl.len()) == 7),
        (pl.col("ts").cast(pl.Int64) + (pl.int_range(pl.len()) == 7)).cast(
            pl.Datetime("ms", "UTC")
        ),
        pl.col("market_id") + "x",
        pl.when(pl.int_range(pl.len()) != 7).then("price"),
    ],
)
def test_any_change_of_what_is_used_changes_the_fingerprint(
    tmp_path: Path, change: pl.Expr
) -> None:
    table = recorded_prices("a", "b")
    folder = written(tmp_path, plain=table, changed=table.with_columns(change))

    changed = read(folder / "changed.parquet").fingerprint

    assert changed != read(folder / "plain.parquet").fingerprint


def test_facts_are_part_of_the_fingerprint() -> None:
    table = recorded_prices("a")
    seen = {
        read(table.with_columns(pl.lit(value).alias(name))).fingerprint
        for name, value in (
            *(("category", "x"), ("event_id", "x"), ("split_group", "x")),
            *(("source", "x"), ("tick", 0.01), ("closes_at", "2027-01-01")),
            *(("question", "no fact"), ("price_kind", "no fact")),
        )
    }

    # An event and a group of the same name make the same group, but not the same facts.
    assert len(seen) == 7


def test_nans_are_all_alike() -> None:
    missing = points_of("a", prices=[0.0, None] + [0.5] * 40)
    odd = missing.with_columns(
        pl.Series("price", np.array([-0.0, -np.nan] + [0.5] * 40))
    )

    assert read(odd).fingerprint == read(missing).fingerprint


@pytest.mark.parametrize(
    ("prices", "told"),
    [
        ([], "there are no points"),
        ([0.5] * 3, "fewer than 30 prices"),
        ([7.0] * 40, r"must lie in \[0, 1\] \(7; divide percent"),
    ],
)
def test_a_recording_of_nothing_is_refused(prices: Sequence[float], told: str) -> None:
    table = points_of("a", prices=prices).cast({"price": pl.Float64})

    with pytest.raises(UnreadableInputError, match=f"nothing to evaluate: .*{told}"):
        read(table)


@pytest.mark.skipif(
    not (SHARED / "data" / "prices.parquet").is_file(),
    reason="the recorded prices are not on this machine (TSFM_SHARED)",
)
def test_no_recorded_market_is_skipped() -> None:
    recording = read(SHARED / "data", where=("core_intraday",))

    assert recording.skipped == ()
    assert recording.left_out == {}
    assert len(recording.markets) > 3_500
