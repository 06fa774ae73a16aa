"""Limits of containers, in the files in which both versions of control groups state them."""

from __future__ import annotations

import pytest

from posec3d_cli.runtime import cgroups, memory, threads
from posec3d_cli.runtime.cgroups import Limits, limits


@pytest.fixture
def system(tmp_path):
    """Lays down `/proc/self` and the folders of the groups."""

    def lay_down(groups, mounts, files):
        proc = tmp_path / "proc"
        proc.mkdir()
        (proc / "cgroup").write_text("".join(f"{line}\n" for line in groups))
        (proc / "mountinfo").write_text(
            "22 1 0:5 / / rw - ext4 /dev/root rw\n"
            + "".join(
                f"3{number} 22 0:2{number} {root} {tmp_path}/{place} rw,nosuid - {kind} cgroup rw{options}\n"
                for number, (root, place, kind, options) in enumerate(mounts)
            )
        )
        for name, text in files.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{text}\n")
        return proc

    return lay_down


UNIFIED = [("/", "fs", "cgroup2", "")]
GB = 10**9


def test_version_2_in_a_container_of_its_own_namespace(system):
    files = {
        "fs/cpu.max": "150000 100000",
        "fs/memory.max": 2 * GB,
        "fs/memory.current": GB,
        "fs/memory.stat": f"anon 5\nfile 7\ninactive_file {GB // 2}",
    }
    assert limits(system(["0::/"], UNIFIED, files)) == Limits(1.5, 2 * GB - GB // 2)


def test_the_tightest_group_above_counts_too(system):
    files = {
        "fs/a/b/cpu.max": "max 100000",
        "fs/a/b/memory.max": "max",
        "fs/a/cpu.max": "400000 100000",
        "fs/a/memory.max": 3 * GB,
        "fs/a/memory.current": GB,
        "fs/a/b/memory.high": 5 * GB,
        "fs/a/b/memory.current": GB // 2,
    }
    assert limits(system(["0::/a/b"], UNIFIED, files)) == Limits(4.0, 2 * GB)


def test_version_1_with_the_path_of_the_host(system):
    mounts = [
        ("/docker/12ab", "cpu", "cgroup", ",cpu,cpuacct"),
        ("/docker/12ab", "memory", "cgroup", ",memory"),
        ("/docker/12ab", "systemd", "cgroup", ",name=systemd"),
    ]
    groups = ["4:cpu,cpuacct:/docker/12ab", "3:memory:/docker/12ab", "1:name=systemd:/docker/12ab", "0::/docker/12ab"]
    files = {
        "cpu/cpu.cfs_quota_us": 200000,
        "cpu/cpu.cfs_period_us": 100000,
        "memory/memory.limit_in_bytes": 2 * GB,
        "memory/memory.usage_in_bytes": GB,
        "memory/memory.stat": f"cache 1\ntotal_inactive_file {GB // 4}",
    }
    assert limits(system(groups, mounts, files)) == Limits(2.0, GB + GB // 4)


def test_a_path_that_is_not_below_what_is_mounted_means_its_top(system):
    files = {"fs/memory.max": 4 * GB, "fs/memory.current": GB}
    mounts = [("/kubepods/pod1/inner", "fs", "cgroup2", "")]
    assert limits(system(["0::/kubepods/pod1"], mounts, files)) == Limits(None, 3 * GB)


def test_no_limit_is_none(system):
    mounts = [*UNIFIED, ("/", "cpu", "cgroup", ",cpu"), ("/", "memory", "cgroup", ",memory")]
    files = {
        "fs/cpu.max": "max 100000",
        "fs/memory.max": "max",
        "cpu/cpu.cfs_quota_us": -1,
        "cpu/cpu.cfs_period_us": 100000,
        "memory/memory.limit_in_bytes": 9223372036854771712,
        "memory/memory.usage_in_bytes": GB,
    }
    assert limits(system(["2:cpu:/", "1:memory:/", "0::/"], mounts, files)) == Limits(None, None)


def test_a_group_that_is_full_has_no_room(system):
    files = {"fs/memory.max": GB, "fs/memory.current": 2 * GB}
    assert limits(system(["0::/"], UNIFIED, files)).memory == 0


@pytest.mark.parametrize("content", ["", "garbage", "x:y", "::::", "0::relative"])
def test_what_cannot_be_understood_limits_nothing(tmp_path, content):
    assert limits(tmp_path / "none") == Limits()
    for name in ("cgroup", "mountinfo"):
        (tmp_path / name).write_text(content)
    assert limits(tmp_path) == Limits()


@pytest.mark.parametrize(("quota", "count"), [(None, 8), (3.9, 3), (0.5, 1), (1.0, 1), (64.0, 8)])
def test_processors_are_counted_below_the_quota(monkeypatch, quota, count):
    monkeypatch.setattr(cgroups, "limits", lambda: Limits(quota))
    monkeypatch.setattr("os.process_cpu_count", lambda: 8, raising=False)
    assert threads.processors() == count


@pytest.mark.parametrize(("room", "least"), [(None, 6 * GB), (GB, GB), (9 * GB, 6 * GB)])
def test_free_memory_is_the_smaller_of_systems_and_containers(monkeypatch, tmp_path, room, least):
    monkeypatch.setattr(cgroups, "limits", lambda: Limits(memory=room))
    meminfo = tmp_path / "meminfo"
    meminfo.write_text(f"MemTotal: 99 kB\nMemAvailable:  {6 * GB // 1024} kB\n")
    assert abs(memory.free_memory(meminfo) - least) < 1024


def test_where_the_system_does_not_say_what_is_free_all_of_it_counts(monkeypatch, tmp_path):
    monkeypatch.setattr(cgroups, "limits", Limits)
    assert (memory.free_memory(tmp_path / "none") or 0) > 2**20
