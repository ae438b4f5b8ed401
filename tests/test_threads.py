"""CPUs are counted by what the process may use, read from made-up cgroup folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from musicgen_vae.threads import available_cpus, limit_threads


@pytest.fixture(autouse=True)
def eight_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")


def count(root: Path, membership: str = "0::/") -> int:
    write(root, "membership", membership)
    return available_cpus(cgroup_root=root, membership=root / "membership")


def test_without_a_cgroup_the_affinity_counts(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    assert available_cpus(cgroup_root=nowhere, membership=nowhere / "cgroup") == 8


def test_without_affinity_the_cores_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert count(tmp_path) == 5
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert count(tmp_path) == 1


@pytest.mark.parametrize(
    ("text", "cpus"),
    [
        ("200000 100000", 2),
        ("150000 100000", 1),
        ("50000 100000", 1),
        ("1600000 100000", 8),
        ("max 100000", 8),
        ("100000 0", 8),
        ("not a quota", 8),
        ("", 8),
    ],
)
def test_version_2_quota(tmp_path: Path, text: str, cpus: int) -> None:
    write(tmp_path, "cpu.max", text)
    assert count(tmp_path) == cpus


def test_version_2_takes_the_tightest_group_on_the_way_down(tmp_path: Path) -> None:
    write(tmp_path, "pods/cpu.max", "300000 100000")
    write(tmp_path, "pods/app/cpu.max", "max 100000")
    write(tmp_path, "pods/app/worker/cpu.max", "600000 100000")
    write(tmp_path, "pods/other/cpu.max", "100000 100000")
    assert count(tmp_path, "0::/pods/app/worker") == 3


def test_version_2_path_of_the_host_does_not_exist_inside(tmp_path: Path) -> None:
    write(tmp_path, "cpu.max", "200000 100000")
    assert count(tmp_path, "0::/system.slice/docker-1.scope") == 2


@pytest.mark.parametrize("mount", ["cpu", "cpu,cpuacct"])
@pytest.mark.parametrize(("quota", "cpus"), [("300000", 3), ("-1", 8)])
def test_version_1_quota(tmp_path: Path, mount: str, quota: str, cpus: int) -> None:
    write(tmp_path, f"{mount}/docker/1/cpu.cfs_quota_us", quota)
    write(tmp_path, f"{mount}/docker/1/cpu.cfs_period_us", "100000")
    assert count(tmp_path, "5:memory:/\n3:cpu,cpuacct:/docker/1") == cpus
    assert count(tmp_path, "3:cpuset:/docker/1") == 8


def test_version_1_seen_from_inside_the_container(tmp_path: Path) -> None:
    write(tmp_path, "cpu/cpu.cfs_quota_us", "400000")
    write(tmp_path, "cpu/cpu.cfs_period_us", "100000")
    assert count(tmp_path, "3:cpu:/docker/1") == 4


def test_torch_is_held_to_the_cpus_but_never_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        monkeypatch.setattr("musicgen_vae.threads.available_cpus", lambda: 2)
        assert limit_threads() == torch.get_num_threads() == 2
        monkeypatch.setattr("musicgen_vae.threads.available_cpus", lambda: 8)
        assert limit_threads() == torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
