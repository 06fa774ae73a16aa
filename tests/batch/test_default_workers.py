"""How many workers there are where nobody said."""

from __future__ import annotations

import shutil

import pytest

from posec3d_cli.batch import pool
from posec3d_cli.batch.pool import WorkerCount, default_workers


@pytest.fixture
def machine(monkeypatch):
    """Sets what there is: processors, bytes of memory, GPUs."""

    def have(processors=4, memory=None, gpus=()):
        monkeypatch.setattr(pool, "processors", lambda: processors)
        monkeypatch.setattr(pool, "free_memory", lambda: memory)
        monkeypatch.setattr(pool, "visible_gpus", lambda: list(gpus))
        monkeypatch.setattr(pool, "resolve_device", lambda name: "cuda" if name == "auto" else name)

    return have


def test_there_is_a_worker_per_processor(machine):
    machine(processors=6, memory=64 * 10**9)
    assert default_workers("cpu") == WorkerCount(6, "one per processor")
    machine(processors=64)
    assert default_workers("cpu") == WorkerCount(8, "at most 8, of 64 processors")


def test_there_is_a_worker_per_gpu(machine):
    machine(gpus="457")
    assert default_workers("auto") == WorkerCount(3, "one per GPU")
    assert default_workers("cuda:2") == WorkerCount(1, "one for cuda:2")
    assert default_workers("mps").count == 1
    machine()
    assert default_workers("cuda").count == 1, "none can be told apart"


@pytest.mark.parametrize(
    ("memory", "count"), [(0, 1), (700 * 10**6, 1), (2 * 2**30, 2), (5 * 750 * 10**6, 5), (8 * 750 * 10**6, 8)]
)
def test_there_are_no_more_workers_than_memory_holds(machine, memory, count):
    machine(processors=32, memory=memory, gpus="0123456789")
    for device in ("cpu", "cuda"):
        size = default_workers(device)
        assert size.count == count
        assert ("memory" in size.why) == (count < 8)


def test_the_free_memory_is_named(machine):
    machine(processors=32, memory=2 * 10**9)
    assert default_workers("cpu") == WorkerCount(2, "for 2000 MB of memory are free, and each takes some 750 MB")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("label", "in", "-o", "out.csv"), "workers: "),
        (("extract-poses", "in", "-o", "out"), "workers: "),
        (("label", "in", "-o", "out.csv", "--workers", 1), ""),
    ],
)
def test_what_was_chosen_is_said_once(program, clip, command, said):
    folder = program.folder / "in"
    folder.mkdir()
    shutil.copy(clip, folder / "a.mp4")
    assert program.run(*command) == 0
    assert program.stderr.count("workers: 1, one per video") == bool(said)
    assert program.run(*command) == 0
    assert "workers:" not in program.stderr, "nothing is to be done"
