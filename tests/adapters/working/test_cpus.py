"""As many CPUs are used as the process may use."""

import os
from pathlib import Path

import pytest

from tsfm_runner.adapters.working.cpus import usable_cpus

N_CPUS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


def test_without_control_groups_every_cpu_counts(tmp_path: Path) -> None:
    assert usable_cpus(tmp_path) == (N_CPUS or os.cpu_count())


@pytest.mark.parametrize(
    ("quota", "n_cpus"),
    [
        ("100000 100000\n", 1),
        ("50000 100000\n", 1),
        ("max 100000\n", N_CPUS),
        ("99900000 100000\n", N_CPUS),
        ("nonsense\n", N_CPUS),
    ],
)
def test_a_quota_of_a_container_is_a_bound(
    tmp_path: Path, quota: str, n_cpus: int
) -> None:
    (tmp_path / "cpu.max").write_text(quota)

    assert usable_cpus(tmp_path) == n_cpus


@pytest.mark.parametrize(("quota", "n_cpus"), [("100000", 1), ("-1", N_CPUS)])
def test_a_quota_of_an_old_container_is_a_bound(
    tmp_path: Path, quota: str, n_cpus: int
) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text(quota)
    (tmp_path / "cpu/cpu.cfs_period_us").write_text("100000")

    assert usable_cpus(tmp_path) == n_cpus
