"""How many CPUs this process may use, and PyTorch held to that number.

In a container the number of cores that the system reports is often the host's, while a cgroup
grants the time of two: as many threads as cores then wait for one another. This module knows the
process's CPU affinity and its cgroup's quota (version 2 ``cpu.max``, version 1
``cpu.cfs_quota_us``); it does not know what the threads are for.
"""

from __future__ import annotations

import os
from pathlib import Path


def available_cpus(
    *,
    cgroup_root: Path = Path("/sys/fs/cgroup"),
    membership: Path = Path("/proc/self/cgroup"),
) -> int:
    """Whole CPUs that this process may use at once, 1 or more.

    Args:
        cgroup_root: where the cgroup file systems are mounted.
        membership: the file that names this process's cgroups; it need not exist.
    """
    try:
        cpus = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows
        cpus = os.cpu_count() or 1
    quotas = [_quota(folder) for folder in _cpu_cgroups(cgroup_root, membership)]
    return max(1, int(min([cpus, *(quota for quota in quotas if quota is not None)])))


def limit_threads() -> int:
    """Let PyTorch use no more threads than there are CPUs to run them; returns their number.

    A smaller number that is set already, as by ``OMP_NUM_THREADS``, stays.
    """
    import torch

    threads = min(torch.get_num_threads(), available_cpus())
    torch.set_num_threads(threads)
    return threads


def _cpu_cgroups(root: Path, membership: Path) -> list[Path]:
    """Folders whose quota binds this process: its cgroups for CPU time and those above them.

    A container often sees its own cgroup as the root while the membership file tells the host's
    path, so folders that do not exist are listed too.
    """
    groups = [(root, ""), (root / "cpu", ""), (root / "cpu,cpuacct", "")]
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:  # hierarchy:controllers:path
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            groups.append((root, path))
        elif "cpu" in controllers.split(","):
            groups += [(root / "cpu", path), (root / controllers, path)]
    folders = []
    for folder, path in groups:
        folders.append(folder)
        for part in path.strip("/").split("/"):
            folder = folder / part
            folders.append(folder)
    return folders


def _quota(folder: Path) -> float | None:
    """CPUs' worth of time that the cgroup at ``folder`` grants; None if it sets no limit."""
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text()
            period = (folder / "cpu.cfs_period_us").read_text()
        limit = float(quota) / float(period)
    except (OSError, ValueError, ZeroDivisionError):  # no such file, or "max": no limit
        return None
    return limit if limit > 0 else None  # version 1 says -1 for no limit
