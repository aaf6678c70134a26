"""Prices in many tables: a damaged one costs its own markets and no others."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from tests.adapters.files.recordings import listed, recorded_prices, written

from tsfm_runner.adapters.files.parts import price_files, quiet_panics
from tsfm_runner.adapters.files.points import readable
from tsfm_runner.adapters.files.recording import Recording, Wanted, read_recording
from tsfm_runner.config import PreparationConfig
from tsfm_runner.errors import UnreadableInputError

UNREADABLE = "the table cannot be read"
FLIPPED_EVERY = 23  # bytes of a small file, so that the test takes about a second


def read(place: Path) -> Recording:
    return read_recording(place, Wanted(), PreparationConfig())


def names_of(recording: Recording) -> list[str]:
    return [one.market_id for one in recording.markets]


@pytest.fixture
def good(tmp_path: Path) -> bytes:
    """Return the bytes of a good Parquet file."""
    folder = written(tmp_path / "good", prices=recorded_prices("good"))
    return (folder / "prices.parquet").read_bytes()


def flipped(raw: bytes, place: int) -> bytes:
    return raw[:place] + bytes([raw[place] ^ 0xFF]) + raw[place + 1 :]


def truncated(raw: bytes) -> bytes:
    return raw[: len(raw) // 2]


def with_another_footer(raw: bytes) -> bytes:
    return flipped(raw, len(raw) - 8 - int.from_bytes(raw[-8:-4], "little"))


def with_another_page(raw: bytes) -> bytes:
    return flipped(raw, 4)


def empty(raw: bytes) -> bytes:
    return raw[:0]


damages = pytest.mark.parametrize(
    "damage", [truncated, with_another_footer, with_another_page, empty]
)
Damage = Callable[[bytes], bytes]


@damages
def test_a_damaged_table_alone_is_one_clear_line(
    tmp_path: Path, good: bytes, damage: Damage, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "prices.parquet").write_bytes(damage(good))

    with pytest.raises(UnreadableInputError) as refused:
        read(tmp_path)

    told = str(refused.value)
    assert told.startswith("prices.parquet cannot be read: ")
    assert "\n" not in told
    assert capfd.readouterr() == ("", "")


@damages
@pytest.mark.parametrize("name", ["prices-2.parquet", "prices/2.parquet"])
def test_the_other_tables_are_read(
    tmp_path: Path, good: bytes, damage: Damage, name: str
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(damage(good))
    path.with_name(path.name.replace("2", "1")).write_bytes(good)

    recording = read(tmp_path)

    assert names_of(recording) == ["good"]
    [skipped] = recording.skipped
    assert (skipped.market_id, skipped.reason) == (path.name, UNREADABLE)
    assert skipped.found


def test_where_all_are_damaged_the_first_is_told(tmp_path: Path) -> None:
    for name in ("prices-1.parquet", "prices-2.parquet", "prices-3.parquet"):
        (tmp_path / name).write_bytes(b"")

    with pytest.raises(UnreadableInputError, match=r"prices-1.*, nor 2 others"):
        read(tmp_path)


def test_a_damaged_table_of_markets_is_one_clear_line(tmp_path: Path) -> None:
    written(tmp_path, prices=recorded_prices("a"))
    (tmp_path / "markets.parquet").write_bytes(b"")

    with pytest.raises(UnreadableInputError, match="the markets cannot be read"):
        read(tmp_path)


def test_no_flipped_byte_makes_more_than_one_clear_line(
    tmp_path: Path, good: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    path, lines = tmp_path / "prices.parquet", []
    for place in range(0, len(good), FLIPPED_EVERY):
        path.write_bytes(flipped(good, place))
        try:
            recording = read(path)
        except UnreadableInputError as refused:
            lines.append(str(refused))
        else:
            lines += [one.told for one in recording.skipped]

    assert lines
    assert [line for line in lines if "\n" in line or "Traceback" in line] == []
    assert capfd.readouterr() == ("", "")


def test_a_panic_of_polars_is_a_damaged_table() -> None:
    panic = pl.exceptions.PanicException("called `Result::unwrap()`")

    with (
        pytest.raises(UnreadableInputError, match="cannot be read: it is damaged"),
        readable("the table"),
    ):
        raise panic


def test_what_is_written_while_reading_is_kept_from_standard_error(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with quiet_panics():
        os.write(2, b"thread panicked at ...")
    os.write(2, b"heard again")

    assert capfd.readouterr().err == "heard again"


def test_a_process_without_standard_error_reads_as_well() -> None:
    script = (
        "import os; os.close(2)\n"
        "from tsfm_runner.adapters.files.parts import quiet_panics\n"
        "with quiet_panics(): print('read')"
    )

    result = subprocess.run(  # noqa: S603 - a script of this test
        [sys.executable, "-c", script], stdout=subprocess.PIPE, check=False, timeout=60
    )

    assert result.stdout == b"read\n"


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_market_may_go_on_in_another_table(tmp_path: Path, suffix: str) -> None:
    table = recorded_prices("a", "b")
    whole = written(tmp_path / "whole", suffix, prices=table)
    halves = written(
        tmp_path / "halves",
        suffix,
        **{"prices-1": table[::2], "prices-2": table[1::2]},
    )

    assert read(halves).fingerprint == read(whole).fingerprint


def test_a_pattern_names_tables(tmp_path: Path) -> None:
    written(
        tmp_path,
        **{
            "prices-1": recorded_prices("a"),
            "prices-2": recorded_prices("b"),
            "other-1": recorded_prices("c"),
            "markets": listed("a", "b", "c", question=["?", "??", "???"]),
        },
    )

    prices, others = read(tmp_path / "prices-*"), read(tmp_path / "other-[0-9].parquet")

    assert names_of(prices) == ["a", "b"]
    assert prices.questions == {"a": "?", "b": "??"}
    assert [one.told for one in prices.skipped] == ["price: there is none"]
    assert names_of(others) == ["c"]
    assert others.questions == {}


def test_facts_in_rows_come_from_the_tables_that_can_be_read(tmp_path: Path) -> None:
    table = recorded_prices("a").with_columns(source=pl.lit("here"))
    plain = recorded_prices("b")
    written(tmp_path, **{"prices-1": table, "prices-2": plain})
    (tmp_path / "prices-3.parquet").write_bytes(b"PAR1")

    recording = read(tmp_path)

    assert [one.source for one in recording.markets] == ["here", ""]
    assert len(recording.skipped) == 1


def test_tables_of_prices_are_known_by_their_names(tmp_path: Path) -> None:
    table = recorded_prices("a")
    names = ("prices", "prices-1", "prices_2", "prices03", "prices.4", "pricesheet")
    written(tmp_path, **dict.fromkeys(names, table))
    written(tmp_path / "prices", **dict.fromkeys(("5", "6"), table))
    written(tmp_path, ".csv", prices=table)

    found = [path.name for path in price_files(tmp_path)]

    assert found == [
        *("5.parquet", "6.parquet", "prices-1.parquet", "prices.4.parquet"),
        *("prices.parquet", "prices03.parquet", "prices_2.parquet"),
    ]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("absent", "absent is no file and no folder"),
        ("absent-*.csv", "no file is called "),
        ("series.json", "to evaluate or to learn, prices over time are needed"),
        ("series.*", "to evaluate or to learn"),
        ("series.xlsx", "must be a folder or end in one of: .parquet, .csv"),
        ("", "holds no prices.parquet or prices.csv"),
    ],
)
def test_what_holds_no_prices_is_refused(tmp_path: Path, name: str, told: str) -> None:
    for written_name in ("series.json", "series.xlsx"):
        (tmp_path / written_name).write_text("[]")

    with pytest.raises(UnreadableInputError, match=re.escape(told)):
        read(tmp_path / name)
