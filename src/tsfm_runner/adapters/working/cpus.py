"""How many CPUs this process may use."""

import os
from math import ceil
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")


def usable_cpus(groups: Path = _GROUPS) -> int:
    """Return the CPUs that this process may run on, or as many as its quota is worth.

    A container is often shown all CPUs of its host but given the time of a few.
    """
    if hasattr(os, "sched_getaffinity"):
        n_cpus = len(os.sched_getaffinity(0))
    else:
        n_cpus = os.cpu_count() or 1
    quota = _quota(groups)
    return n_cpus if quota is None else max(1, min(n_cpus, ceil(quota)))


def _quota(groups: Path) -> float | None:
    """Return the CPUs that Linux lets the container use, None where it sets no bound.

    The second version of control groups says both numbers in one file, the first
    has a file for each; there a quota of -1 is none.
    """
    try:
        if (groups / "cpu.max").exists():
            quota, period = (groups / "cpu.max").read_text("ascii").split()
        else:
            quota = (groups / "cpu/cpu.cfs_quota_us").read_text("ascii")
            period = (groups / "cpu/cpu.cfs_period_us").read_text("ascii")
        share = int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # not Linux, or "max"
        return None
    return share if share > 0 else None
