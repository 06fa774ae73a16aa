"""LabelTask: a value that each process prepares and runs for itself, and whose results are typed."""

from __future__ import annotations

import pickle
import shutil
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import batch_fakes
import fakes
import pose_file_factory as factory
import pytest
import synthetic_people as people

from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.label_task import LabelTask
from posec3d_cli.batch.pool import WorkerPool
from posec3d_cli.batch.task import attempt
from posec3d_cli.cli.predict import predict
from posec3d_cli.config import PipelineConfig
from posec3d_cli.pipeline import Pipeline
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.results import ClipResult, Failure


def no_heartbeat(done, total):
    pass


def results_of(task, file):
    """What a process does with a task."""
    task.prepare()
    return list(attempt(task, file, no_heartbeat))


@pytest.fixture
def inputs(clip, tmp_path):
    """A video, one of nobody, a broken one, pose files and one that misbehaves, by what comes of their clips."""
    for name in ("good.mp4", "empty.mp4", "bug.mp4"):
        shutil.copyfile(clip, tmp_path / name)
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "bad.npz").write_text("no archive")
    dataset_pickle = people.write_dataset_pickle(tmp_path / "pack.pkl", people.labeled_clips(1))
    expected = {
        tmp_path / "good.mp4": ["ok"],
        tmp_path / "empty.mp4": ["no_person"],
        tmp_path / "text.mp4": ["failed"],
        tmp_path / "bug.mp4": ["failed"],
        tmp_path / "bad.npz": ["failed"],
        factory.ours(tmp_path, ".npz"): ["ok"],
        dataset_pickle: ["ok", "ok"],
    }
    return {InputFile(path, path.name): statuses for path, statuses in expected.items()}


def test_a_task_is_pickled_and_run_in_a_process_that_was_spawned(inputs):
    task = batch_fakes.LabelTask.of(PipelineConfig(views=2), inputs)
    assert pickle.loads(pickle.dumps(task)) == task
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        for file, statuses in inputs.items():
            results = pool.submit(results_of, task, file).result(60)
            assert all(isinstance(result, ClipResult) for result in results)
            assert [result.status for result in results] == statuses


def test_a_failed_file_is_a_result_with_the_error(tmp_path, clip):
    (tmp_path / "text.mp4").write_text("no video")
    shutil.copyfile(clip, tmp_path / "bug.mp4")
    task = batch_fakes.LabelTask(PipelineConfig())
    [broken] = results_of(task, InputFile(tmp_path / "text.mp4", "in/text.mp4"))
    assert (broken.name, broken.path, broken.scores) == ("in/text.mp4", tmp_path / "text.mp4", None)
    assert broken.error.kind == "UnreadableVideo"
    assert "cannot be read as a video" in broken.error.what
    [bug] = results_of(task, InputFile(tmp_path / "bug.mp4", "bug.mp4"))
    assert bug.error.what == "an unexpected error, ZeroDivisionError: one by nothing"
    [closed] = results_of(
        task, InputFile(tmp_path / "folder", "folder", problem="folder may not be read", hint="a hint")
    )
    assert closed.error == Failure("InputError", "folder may not be read", "a hint")


def test_predict_and_label_have_the_same_results(inputs, monkeypatch):
    """The command `predict` runs the task in its own process, `label` in workers."""
    said = []
    monkeypatch.setattr("posec3d_cli.batch.label_task.LabelTask", batch_fakes.LabelTask)
    monkeypatch.setattr("posec3d_cli.cli.answers.Answers.add", lambda self, place, result: said.append(result))
    predict([str(file.path) for file in inputs])
    task = batch_fakes.LabelTask.of(PipelineConfig(), inputs)
    with WorkerPool(task, 1) as pool:
        sent = pool.results(inputs, timeout=20, progress=lambda found, frames: None)
        labeled = [result for _, came in sent for result in came.results]
    assert len(labeled) == len(said) == 8
    for one, other in zip(said, labeled, strict=True):
        assert one.name.endswith(other.name)
        same = [replace(result, name="clip", seconds={}) for result in (one, other)]
        assert same[0].to_dict() == same[1].to_dict()


def test_of_pose_files_only_the_classifier_is_made(tmp_path, clip, monkeypatch):
    made = []
    for kind in (Pipeline, ActionRecognizer):
        monkeypatch.setattr(
            kind,
            "from_config",
            lambda config, progress, name=kind.__name__: made.append(name) or fakes.pipeline(),
        )
    poses = InputFile(factory.ours(tmp_path, ".npz"), "ours.npz")
    for files in ([poses], [poses, InputFile(clip, "clip.mp4")]):
        LabelTask.of(PipelineConfig(), files).prepare()
    assert made == ["ActionRecognizer", "Pipeline"]


def test_the_fingerprint_follows_models_settings_and_options_and_nothing_else():
    base = LabelTask(PipelineConfig()).fingerprint()
    assert LabelTask(PipelineConfig(), only_poses=True, poses=Path("p")).fingerprint() == base
    others = [
        LabelTask(PipelineConfig(detector="whole-frame")),
        LabelTask(PipelineConfig(precision="bf16")),
        LabelTask(PipelineConfig(detector_settings={"max_people": 1})),
        LabelTask(PipelineConfig(views=2)),
        LabelTask(PipelineConfig(ensemble_weights=(2.0, 1.0, 1.0))),
    ]
    assert len({base, *(other.fingerprint() for other in others)}) == 6


def test_the_settings_reach_the_pipeline(monkeypatch, tmp_path):
    made = []
    monkeypatch.setattr(Pipeline, "from_config", lambda config, progress: made.append(config) or fakes.pipeline())
    config = PipelineConfig("p", "d", "q", ("c",), (2.0,), "b", device="cpu", offline=True, cache_dir=tmp_path)
    LabelTask(config).prepare()
    assert made == [config]
