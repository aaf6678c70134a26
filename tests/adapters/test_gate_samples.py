"""Readings come back as they were, whatever becomes of the file and its writers."""

import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from tests.service.gate.live import START_S, a_reading

from tsfm_runner.adapters.gate_samples import GateSamples
from tsfm_runner.domain.gating import CoverageCounts, Reading
from tsfm_runner.errors import ConfigurationError

DAY_S = 86_400.0
HERE = "http://127.0.0.1:8000"


def samples(path: Path, *, keep_s: float = DAY_S, most: int = 1_000) -> GateSamples:
    return GateSamples(path, keep_s=keep_s, most=most)


def at(seconds: float, **fields: object) -> Reading:
    return replace(a_reading(**fields), time_s=START_S + seconds)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "folder" / "gate.db"


def test_readings_come_back_whole_and_in_order(path: Path) -> None:
    full = at(
        60,
        n_requests=12.0,
        n_errors=1.0,
        n_fallbacks=2.0,
        durations=((0.1, 3.0), (0.3, 11.0)),
        breaker_open_s=1.25,
        coverage=CoverageCounts(0.9, 100.0, 90.0, 85.0, 12.5),
    )
    samples(path).add(HERE, at(0))

    assert samples(path).add(HERE, full) == [at(0), full]


def test_services_are_kept_apart(path: Path) -> None:
    samples(path).add("http://other:8000", at(0))

    assert samples(path).add(HERE, at(1)) == [at(1)]


def test_readings_stand_in_the_order_in_which_they_came(path: Path) -> None:
    samples(path).add(HERE, at(100))

    assert samples(path).add(HERE, at(50)) == [at(100), at(50)]


def test_old_readings_are_deleted(path: Path) -> None:
    for seconds in (0, 10, 100):
        samples(path).add(HERE, at(seconds))

    assert samples(path, keep_s=95).add(HERE, at(102)) == [at(10), at(100), at(102)]


def test_no_more_than_the_newest_are_kept_of_a_service(path: Path) -> None:
    samples(path).add("http://other:8000", at(0))
    for seconds in range(5):
        kept = samples(path, most=3).add(HERE, at(seconds))

    assert kept == [at(2), at(3), at(4)]
    assert len(samples(path).add("http://other:8000", at(9))) == 2


def test_many_may_write_at_once(path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: len(samples(path).add(HERE, at(n))), range(40)))

    assert sorted(found) == [*range(1, 41)]


KILLED = """
import os, sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.execute("BEGIN IMMEDIATE")
database.execute("PRAGMA cache_spill = 1")
database.execute("INSERT INTO readings (service, time_s, document) "
                 "SELECT 'http://127.0.0.1:8000', 1e12, hex(randomblob(100000)) "
                 "FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                 "WHERE i < 60) SELECT i FROM n)")
os._exit(9)
"""


def test_a_writer_that_is_killed_leaves_nothing_half_written(path: Path) -> None:
    samples(path).add(HERE, at(0))

    killed = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", KILLED, str(path)], check=False
    )

    assert killed.returncode == 9
    assert samples(path).add(HERE, at(1)) == [at(0), at(1)]


def test_an_empty_file_is_a_new_one(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.touch()

    assert samples(path).add(HERE, at(0)) == [at(0)]


def torn(path: Path) -> None:
    os.truncate(path, 5_000)


def overwritten(path: Path) -> None:
    path.write_bytes(b"no database at all, but longer than its header is" * 100)


def changed(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("""UPDATE readings SET document = '{"time_s": "noon"}'""")
    database.close()


@pytest.mark.parametrize("damage", [torn, overwritten, changed])
def test_a_file_that_is_damaged_is_told_with_the_way_out(
    path: Path, damage: object
) -> None:
    samples(path).add(HERE, at(0))
    assert callable(damage)
    damage(path)

    with pytest.raises(ConfigurationError, match=r"gate\.db.*delete it"):
        samples(path).add(HERE, at(1))


def test_a_file_of_another_version_is_left_alone(path: Path) -> None:
    samples(path).add(HERE, at(0))
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 2")
    database.close()
    before = path.read_bytes()

    with pytest.raises(ConfigurationError, match="another version"):
        samples(path).add(HERE, at(1))

    assert path.read_bytes() == before


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    for place in (tmp_path, tmp_path / "file" / "gate.db"):
        with pytest.raises(ConfigurationError, match="cannot be used"):
            samples(place).add(HERE, at(0))
