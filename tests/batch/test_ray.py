"""Runs on a Ray cluster of several node processes, with fake models; nodes, actors and the driver are killed.

These take a minute: each run starts a driver, which takes Ray seconds, and actors that are processes of their own.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import batch_fakes
import pytest
from label_runs import rows

from posec3d_cli import __version__
from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.lock import locked
from posec3d_cli.batch.outputs import Claims
from posec3d_cli.batch.ray_pool import RayPool
from posec3d_cli.batch.ray_worker import Actor, Visible, check_node
from posec3d_cli.config import PipelineConfig
from posec3d_cli.errors import StageUnavailable, WeightsMissing
from posec3d_cli.files.digests import stamp

TESTS = Path(__file__).resolve().parent.parent
NAMES = ["a.mp4", "b.mp4", "bug.mp4", "empty.mp4", "killed.mp4", "once.mp4", "text.mp4", "walk/c.mp4", "walk/d.mp4"]


class RayCluster:
    """A cluster whose nodes can be killed, and the journal of its actors."""

    def __init__(self, journal: Path) -> None:
        self.journal = journal
        paths = os.pathsep.join([str(TESTS), str(TESTS.parent)])
        environment = {**os.environ, "PYTHONPATH": paths, "FAKE_JOURNAL": str(journal), "RAY_USAGE_STATS_ENABLED": "0"}
        self.process = subprocess.Popen(
            [sys.executable, str(TESTS / "ray_cluster.py")],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.address = self._answer()

    def say(self, word: str) -> None:
        """Kill or add a node."""
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        self._answer()

    def _answer(self) -> str:
        for line in self.process.stdout:
            if line.strip() == "done" or line.strip().rpartition(":")[2].isdigit():
                return line.strip()
        raise RuntimeError("the cluster did not start")

    def begun(self) -> Counter[str]:
        """How often each video was begun."""
        return Counter(self.journal.read_text().split() if self.journal.exists() else [])

    def wait_for(self, *names: str, process: subprocess.Popen[str], times: int = 0) -> None:
        """Wait until these videos have been begun, so many times in all, by a process that is at work."""
        until = time.monotonic() + 480
        while sum(self.begun()[name] for name in names) < (times or len(names)):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until, self.begun()
            time.sleep(0.05)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    if importlib.util.find_spec("ray") is None:
        if os.environ.get("POSEC3D_REQUIRE_RAY") == "1":
            pytest.fail("POSEC3D_REQUIRE_RAY=1, but Ray is not installed")
        pytest.skip("Ray is not installed")
    made = RayCluster(tmp_path_factory.mktemp("ray") / "journal.txt")
    yield made
    made.process.communicate(timeout=60)


@pytest.fixture
def clips(tmp_path, clip, cluster):
    for name in NAMES:
        path = tmp_path / "clips" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(clip, path)
    (tmp_path / "clips" / "text.mp4").write_text("no video")
    cluster.journal.write_text("")
    return tmp_path / "clips"


def command(cluster, output="labels.csv", *more):
    return ("label", "clips", "-o", output, "--engine", "ray", "--address", cluster.address, *more)


def without_seconds(path):
    return [{**row, "seconds": ""} for row in rows(path)]


def finish(process, within=480):
    out, err = process.communicate(timeout=within)
    return process.returncode, out, err


@pytest.mark.ray
def test_a_run_on_a_cluster_gives_the_rows_of_a_local_run(program, clips, cluster, tmp_path):
    process = program.start(*command(cluster, "ray.csv", "--save-poses", "ray"))
    code, _, err = finish(process)
    assert code == 1, err
    assert cluster.begun() == {name: 2 if name in ("killed.mp4", "once.mp4") else 1 for name in NAMES}
    once = clips / "once.killed"
    assert once.exists()
    assert finish(program.start("label", "clips", "-o", "local.csv", "--save-poses", "local"))[0] == 1
    ours, local = without_seconds(tmp_path / "ray.csv"), without_seconds(tmp_path / "local.csv")
    [killed] = [row for row in ours if row["video"] == "killed.mp4"]
    assert killed["status"] == "failed"
    assert killed["error"].startswith("its process ended twice, on two actors: ")
    assert [row for row in ours if row != killed] == [row for row in local if row["video"] != "killed.mp4"]
    poses = [
        sorted(path.relative_to(tmp_path / one) for path in (tmp_path / one).rglob("*")) for one in ("ray", "local")
    ]
    assert poses[0] == poses[1]
    assert finish(program.start(*command(cluster, "ray.csv", "--save-poses", "ray")))[0] == 1
    assert sum(cluster.begun().values()) == len(NAMES) + 2, "nothing is done again"
    assert finish(program.start("label", "clips", "-o", "ray.csv", "--save-poses", "ray"))[0] == 1
    assert sorted(program.begun()) == NAMES, "only the local run: the state is the same, whatever the engine"


@pytest.mark.ray
def test_a_node_that_is_lost_in_the_middle_costs_no_row_and_doubles_none(program, clips, cluster, tmp_path):
    for name in ("wait1.mp4", "wait2.mp4"):
        shutil.copyfile(clips / "a.mp4", clips / name)
    for name in ("killed.mp4", "once.mp4"):
        (clips / name).unlink()
    process = program.start(*command(cluster, "labels.csv", "--save-poses", "poses"))
    cluster.wait_for("wait1.mp4", "wait2.mp4", process=process)
    cluster.say("kill")
    cluster.say("add")
    cluster.wait_for("wait1.mp4", "wait2.mp4", process=process, times=3)
    program.let_go("wait1.mp4", "wait2.mp4")
    code, _, err = finish(process)
    assert code == 1, err
    assert finish(program.start("label", "clips", "-o", "local.csv", "--save-poses", "local"))[0] == 1
    assert without_seconds(tmp_path / "labels.csv") == without_seconds(tmp_path / "local.csv")
    begun = cluster.begun()
    assert sorted(begun) == sorted(path.relative_to(clips).as_posix() for path in clips.rglob("*.mp4"))
    # A busy machine may lose another node for a moment, which costs another try and no row.
    assert begun["wait1.mp4"] + begun["wait2.mp4"] >= 3, "the video in work on the node was done again"


@pytest.mark.ray
def test_a_driver_that_is_killed_resumes(program, clips, cluster, tmp_path):
    for name in ("bug.mp4", "killed.mp4", "once.mp4", "text.mp4"):
        (clips / name).unlink()
    shutil.copyfile(clips / "a.mp4", clips / "wait3.mp4")
    poses = command(cluster, "labels.csv", "--save-poses", "poses")
    process = program.start(*poses, "--workers", "1")
    cluster.wait_for("wait3.mp4", process=process)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    program.let_go("wait3.mp4")
    code, _, err = finish(program.start(*poses))
    assert code == 0, err
    assert "the previous run was interrupted" in err
    assert {row["status"] for row in rows(tmp_path / "labels.csv")} == {"ok", "no_person"}
    assert cluster.begun() == {name: 2 if name.startswith("wait3") else 1 for name in cluster.begun()}
    assert len(rows(tmp_path / "labels.csv")) == len(list(clips.rglob("*.mp4")))


@pytest.mark.ray
def test_a_hanging_video_fails_and_the_others_go_on(program, clips, cluster, tmp_path):
    for name in ("bug.mp4", "killed.mp4", "once.mp4", "text.mp4"):
        (clips / name).unlink()
    shutil.copyfile(clips / "a.mp4", clips / "hang.mp4")
    code, _, err = finish(program.start(*command(cluster, "labels.csv", "--timeout", "15")))
    assert code == 1, err
    failed = [row for row in rows(tmp_path / "labels.csv") if row["status"] == "failed"]
    assert [(row["video"], row["error"]) for row in failed] == [("hang.mp4", "no progress for 15 seconds")]


@pytest.mark.ray
def test_poses_are_extracted_and_clips_evaluated_on_a_cluster(program, clips, cluster, tmp_path):
    for name in ("bug.mp4", "killed.mp4", "once.mp4", "text.mp4"):
        (clips / name).unlink()
    ray = ("--engine", "ray", "--address", cluster.address)
    code, _, err = finish(program.start("extract-poses", "clips", "-o", "poses", *ray))
    assert code == 0, err
    assert len(list((tmp_path / "poses").rglob("*.npz"))) == len(NAMES) - 4
    script = f"""
import batch_fakes
from pathlib import Path
from posec3d_cli.batch.find import InputFile
from posec3d_cli.config import PipelineConfig
from posec3d_cli.datasets.poses import side_by_side
files = [InputFile(Path("clips", name), name) for name in ("a.mp4", "gone.mp4", "b.mp4")]
estimate = side_by_side(batch_fakes.PeopleTask(PipelineConfig()), None, cluster={cluster.address!r})
for file, [people] in sorted(estimate(files, {{}}), key=lambda one: one[0].name):
    print(file.name, people if isinstance(people, str) else people.keypoints.shape)
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])},
        capture_output=True,
        text=True,
        timeout=480,
        check=False,
    )
    assert done.stdout.splitlines() == [
        "a.mp4 (1, 20, 17, 2)",
        "b.mp4 (1, 20, 17, 2)",
        "gone.mp4 there is no file clips/gone.mp4",
    ], done.stderr


@pytest.mark.ray
def test_a_cluster_that_is_not_there_is_named(program, clips):
    code, out, err = finish(
        program.start("label", "clips", "-o", "l.csv", "--engine", "ray", "--address", "127.0.0.1:1")
    )
    assert (code, out) == (1, "")
    assert "there is no Ray cluster at 127.0.0.1:1" in err


def test_without_ray_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(StageUnavailable, match="--engine ray needs Ray, which is not installed") as raised:
        RayPool(batch_fakes.LabelTask(PipelineConfig()), "auto", [])
    assert "[ray]" in raised.value.hint


def wanted(folder, **changes):
    whole = {"version": __version__, "folder": folder, "files": [], "folders": []} | changes
    return Visible(**whole)


def test_what_a_node_cannot_see_is_named_before_anything_runs(tmp_path, clip, monkeypatch):
    monkeypatch.chdir(tmp_path)
    task = batch_fakes.LabelTask(PipelineConfig())
    there = [(clip, stamp(clip)), (tmp_path / "gone everywhere.mp4", None)]
    assert check_node(task, wanted(tmp_path, files=there, folders=[tmp_path]), "n1") is None
    cases = {
        f"n1 cannot see {tmp_path / 'none.mp4'}": wanted(tmp_path, files=[(tmp_path / "none.mp4", stamp(clip))]),
        f"n1 does not write into the same {tmp_path / 'poses'}": wanted(tmp_path, folders=[tmp_path / "poses"]),
        f"n1 cannot see {tmp_path / 'other'}, where this command runs": wanted(tmp_path / "other"),
        "n1 has posec3d 0.0.1, and this command is ": wanted(tmp_path, version="0.0.1"),
    }
    (tmp_path / "other video.mp4").write_bytes(b"another size")
    cases[f"n1 cannot see {tmp_path / 'other video.mp4'}"] = wanted(
        tmp_path, files=[(tmp_path / "other video.mp4", stamp(clip))]
    )
    for said, given in cases.items():
        problem = check_node(task, given, "n1")
        if "0.0.1" in said:
            assert f"node n1 has posec3d {__version__}, and this command is 0.0.1" in problem.what
        else:
            assert problem.what.startswith(f"node {said}")

    def no_weights(progress=None):
        raise WeightsMissing("the weights are not there", hint="connect")

    monkeypatch.setattr(task, "fetch", no_weights)
    problem = check_node(task, wanted(tmp_path), "n1")
    assert (type(problem), problem.what) == (WeightsMissing, "node n1: the weights are not there")


def test_outputs_of_workers_that_cannot_open_the_state_are_claimed_before_and_settled_after(tmp_path):
    target, other = tmp_path / "a.npz", tmp_path / "b.npz"
    file = InputFile(tmp_path / "a.mp4", "a.mp4")
    with locked(tmp_path / "labels.csv") as (run_state, _):
        claims = Claims(lambda file: [target, other], run_state)
        other.touch()
        assert claims.begin(file) == frozenset()
        target.touch()  # by the worker, which dies then; the driver too
        assert (run_state.made(target), run_state.made(other)) == (True, False)
        assert claims.begin(file) == {target}
        claims.end(file, [target])
        assert (run_state.made(target), run_state.made(other)) == (True, False)
        target.unlink()
        assert claims.begin(file) == frozenset()
        target.touch()  # by somebody else
        claims.end(file, [])
        assert not run_state.made(target)


def test_an_actor_counts_signs_of_life(tmp_path, clip, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("limit_threads", "keep_log", "return_large_blocks"):
        monkeypatch.setattr(f"posec3d_cli.batch.ray_worker.{name}", lambda *arguments: None)
    actor = Actor(batch_fakes.LabelTask(PipelineConfig()), tmp_path, 20)
    assert "has posec3d " in actor.prepare("0.0.1").what
    assert actor.prepare(__version__) is None
    done = actor.run(InputFile(clip, "a.mp4"), frozenset())
    assert (done.result.status, done.written, actor.heartbeat()) == ("ok", (), (3, 8))
    monkeypatch.setenv("FAKE_MODELS", "missing")
    assert actor.prepare(__version__).what == "the weights are not there"
