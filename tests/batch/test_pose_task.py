"""Tasks that estimate poses: for files, and for training; each process prepares and runs its own."""

from __future__ import annotations

import pickle
import shutil
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import batch_fakes
import pytest

from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.outputs import CurrentRun, unfinished_files
from posec3d_cli.batch.task import attempt
from posec3d_cli.config import PipelineConfig
from posec3d_cli.datasets.poses import PeopleResult
from posec3d_cli.extraction.result import PosesResult
from posec3d_cli.pose_files import read_pose_file


def results_of(task, file):
    """What a process does with a task."""
    task.prepare()
    return list(attempt(task, file, lambda done, total: None))


@pytest.fixture
def files(clip, tmp_path):
    for name in ("good.mp4", "empty.mp4"):
        shutil.copyfile(clip, tmp_path / name)
    (tmp_path / "text.mp4").write_text("no video")
    return [InputFile(tmp_path / name, name) for name in ("good.mp4", "empty.mp4", "text.mp4")]


def in_other_process(task, files):
    assert pickle.loads(pickle.dumps(task)) == task
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return [result for file in files for result in pool.submit(results_of, task, file).result(60)]


def test_poses_are_written_in_a_process_that_was_spawned(files, tmp_path):
    folder = tmp_path / "poses"
    with unfinished_files([folder]) as name:
        task = batch_fakes.PoseTask(PipelineConfig(), folder).in_run(CurrentRun(name, tmp_path / "state.sqlite"))
        good, empty, broken = in_other_process(task, files)
    assert [type(one) for one in (good, empty, broken)] == [PosesResult] * 3
    assert (good.status, good.name, good.frames, good.people, good.lost_frames) == ("ok", "good.mp4", 20, 1, 0)
    assert (empty.status, empty.frames, empty.people) == ("no_person", 20, 0)
    assert (broken.status, broken.error.kind) == ("failed", "UnreadableVideo")
    assert [len(read_pose_file(folder / f"{name}.npz")[0]) for name in ("good.mp4", "empty.mp4")] == [20, 20]


def test_main_people_are_found_in_a_process_that_was_spawned(files):
    good, empty, broken = in_other_process(batch_fakes.PeopleTask(PipelineConfig()), files)
    assert [type(one) for one in (good, empty, broken)] == [PeopleResult] * 3
    assert [one.status for one in (good, empty, broken)] == ["ok", "ok", "failed"]
    assert (good.people[0].scores.shape, empty.people[0].scores.shape) == ((1, 20, 17), (0, 20, 17))
    assert "cannot be read as a video" in broken.error.what
