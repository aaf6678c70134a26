"""Units give the same bits on a Ray cluster as here, and none is lost.

One cluster serves all tests of the module: to start one takes seconds.
"""

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.adapters.working import toys

from tsfm_runner.adapters.ray_workers import RayWorkers
from tsfm_runner.adapters.work_folder import WorkFolder
from tsfm_runner.adapters.working.outcome import call
from tsfm_runner.adapters.working.toolchain import this_toolchain
from tsfm_runner.errors import ConfigurationError

UNITS = [(seed,) for seed in range(8)]
EXPECTED = [toys.bits(call(toys.numbers, unit)) for unit in UNITS]

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="ray is not installed"
)


@pytest.fixture(scope="module")
def workers() -> Iterator[RayWorkers]:
    with RayWorkers("local", n_workers=2) as started:
        yield started


def test_a_cluster_changes_no_bit(workers: RayWorkers) -> None:
    results = dict(workers.run(toys.numbers, UNITS))

    assert [toys.bits(results[place]) for place in range(len(UNITS))] == EXPECTED


def test_workers_have_one_thread_each(workers: RayWorkers) -> None:
    results = dict(workers.run(toys.whereabouts, [(0.05,)] * 3))

    assert workers.n_workers == 2
    assert {tuple(found["threads"]) for found in results.values()} == {("1",) * 3}


def test_shared_arrays_are_read_on_the_cluster(
    workers: RayWorkers, tmp_path: Path
) -> None:
    with WorkFolder(tmp_path, "study") as store:
        for seed in range(3):
            store.write(f"unit {seed}", toys.numbers(seed))
        reads = tuple(workers.share(store.reader(f"unit {seed}")) for seed in range(3))
        expected = toys.weighted(reads, 1.0)["total"]
        first = dict(workers.run(toys.weighted, [(reads, 1.0)]))
        store.clear()

        second = dict(workers.run(toys.weighted, [(reads, 2.0), (reads[:1], 1.0)]))

    assert np.array_equal(first[0]["total"], expected)
    assert np.array_equal(second[0]["total"], 2 * expected)
    assert not np.array_equal(second[1]["total"], expected)


def test_a_worker_that_is_killed_is_replaced(
    workers: RayWorkers, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    units = [(tmp_path, seed, seed == 1) for (seed,) in UNITS]

    results = dict(workers.run(toys.killed_once, units))

    assert len(list(tmp_path.iterdir())) == 1
    assert [toys.bits(results[place]) for place in range(len(UNITS))] == EXPECTED
    assert capfd.readouterr().out == ""


def test_an_error_of_a_unit_is_raised_as_it_is(workers: RayWorkers) -> None:
    with pytest.raises(ZeroDivisionError, match="division by zero") as raised:
        list(workers.run(toys.divided, [(1,), (0,), (2,)]))

    assert "toys.py" in raised.value.__notes__[0]


def test_a_node_that_computes_otherwise_is_refused(workers: RayWorkers) -> None:
    other = replace(this_toolchain(), rounding="another")

    with (
        RayWorkers("local", toolchain=other) as picky,
        pytest.raises(ConfigurationError, match="round otherwise"),
    ):
        list(picky.run(toys.numbers, UNITS))

    assert len(dict(workers.run(toys.numbers, UNITS[:1]))) == 1


def test_without_ray_it_is_said_how_to_install_it() -> None:
    program = (
        "import sys; sys.modules['ray'] = None; "
        "from tsfm_runner.adapters.ray_workers import RayWorkers; RayWorkers('auto')"
    )

    ended = subprocess.run(  # noqa: S603 - a program of ours
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert ended.stderr.splitlines()[-1] == (
        "tsfm_runner.errors.ConfigurationError: "
        "--ray needs ray: pip install 'tsfm-runner[ray]'"
    )


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1"])
def test_a_cluster_that_is_not_there_is_one_line_at_once(address: str) -> None:
    with pytest.raises(ConfigurationError) as raised, RayWorkers(address):
        pass

    assert str(raised.value) == (
        f"Ray at '{address}' cannot be reached: Connection refused"
    )


def test_an_address_that_is_none_is_said_to_be() -> None:
    program = (
        "from tsfm_runner.adapters.ray_workers import RayWorkers; "
        "RayWorkers('nonsense').__enter__()"
    )

    ended = subprocess.run(  # noqa: S603 - a program of ours
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert ended.stderr.splitlines()[-1] == (
        "tsfm_runner.errors.ConfigurationError: "
        "Ray at 'nonsense' cannot be used: Invalid address format: nonsense"
    )
