"""Units give the same bits in one process and in several, and none is lost."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.adapters.working import toys

from tsfm_runner.adapters.local_workers import MOST_TRIES, LocalWorkers
from tsfm_runner.adapters.work_folder import WorkFolder
from tsfm_runner.adapters.working.outcome import call
from tsfm_runner.errors import TsfmError, UnitLostError

UNITS = [(seed,) for seed in range(8)]
EXPECTED = [toys.bits(call(toys.numbers, unit)) for unit in UNITS]


@pytest.fixture(scope="module")
def workers() -> Iterator[LocalWorkers]:
    with LocalWorkers(2) as started:
        yield started


@pytest.mark.parametrize("n_workers", [1, 2, 3])
def test_the_number_of_workers_changes_no_bit(n_workers: int) -> None:
    with LocalWorkers(n_workers) as workers:
        results = dict(workers.run(toys.numbers, UNITS))

    assert [toys.bits(results[place]) for place in range(len(UNITS))] == EXPECTED


def test_no_units_are_no_work(workers: LocalWorkers) -> None:
    assert list(workers.run(toys.numbers, [])) == []


def test_one_worker_is_this_process() -> None:
    with LocalWorkers(1) as workers:
        [(_, result)] = workers.run(toys.whereabouts, [(0,)])

    assert int(result["process"]) == os.getpid()


def test_several_workers_have_one_thread_each(workers: LocalWorkers) -> None:
    results = dict(workers.run(toys.whereabouts, [(0.05,)] * 4))

    assert os.getpid() not in {int(found["process"]) for found in results.values()}
    assert {tuple(found["threads"]) for found in results.values()} == {("1",) * 3}


def test_workers_stay_from_one_stage_to_the_next(workers: LocalWorkers) -> None:
    stages = [dict(workers.run(toys.whereabouts, [(0.05,)] * 4)) for _ in range(2)]

    processes = {int(found["process"]) for stage in stages for found in stage.values()}

    assert len(processes) == 2


def test_as_many_workers_as_cpus_are_the_default() -> None:
    assert LocalWorkers().n_workers >= 1


def test_what_is_stored_is_read_by_every_worker(
    workers: LocalWorkers, tmp_path: Path
) -> None:
    with WorkFolder(tmp_path, "study") as store:
        for seed in range(3):
            store.write(f"unit {seed}", toys.numbers(seed))
        reads = tuple(workers.share(store.reader(f"unit {seed}")) for seed in range(3))

        results = dict(workers.run(toys.weighted, [(reads, 1.0), (reads, 2.0)]))

    curved = [toys.numbers(seed)["curved"] for seed in range(3)]
    expected = np.sum(curved, axis=0, dtype=np.float64)
    assert np.array_equal(results[0]["total"], expected)
    assert np.array_equal(results[1]["total"], 2 * expected)


def test_a_worker_that_is_killed_is_replaced(
    workers: LocalWorkers, tmp_path: Path
) -> None:
    units = [(tmp_path, seed, seed in {1, 4}) for (seed,) in UNITS]

    results = dict(workers.run(toys.killed_once, units))

    assert len(list(tmp_path.iterdir())) == 2
    assert [toys.bits(results[place]) for place in range(len(UNITS))] == EXPECTED


def test_a_unit_that_ends_every_worker_is_given_up(
    workers: LocalWorkers, tmp_path: Path
) -> None:
    with pytest.raises(UnitLostError, match=r"unit 0 ended its .* 3 times \(SIGKILL"):
        list(workers.run(toys.killed_always, [(tmp_path,)]))

    assert len(list(tmp_path.iterdir())) == MOST_TRIES


def test_an_error_of_a_unit_is_raised_as_it_is(workers: LocalWorkers) -> None:
    with pytest.raises(ZeroDivisionError, match="division by zero") as raised:
        list(workers.run(toys.divided, [(1,), (0,), (2,)]))

    assert "toys.py" in raised.value.__notes__[0]


def test_an_error_of_ours_stays_ours(workers: LocalWorkers) -> None:
    with pytest.raises(TsfmError, match="horizon: must be something else"):
        list(workers.run(toys.refused, [("horizon",)]))


def test_an_error_that_cannot_travel_is_told_in_words(workers: LocalWorkers) -> None:
    with pytest.raises(RuntimeError, match="StubbornError: 1 and 2"):
        list(workers.run(toys.stubborn, [(1, 2)]))


def test_work_goes_on_after_an_error(workers: LocalWorkers) -> None:
    with pytest.raises(ZeroDivisionError):
        list(workers.run(toys.divided, [(0,)]))

    [(_, result)] = workers.run(toys.divided, [(4,)])

    assert float(result["share"]) == 0.25


def test_whoever_leaves_early_waits_for_nobody(workers: LocalWorkers) -> None:
    units = [(seed, 0.0 if seed == 0 else 60.0) for seed in range(4)]
    started_s = time.monotonic()

    done = workers.run(toys.slow_numbers, units)
    place, _ = next(done)
    done.close()

    assert place == 0
    assert time.monotonic() - started_s < 30
