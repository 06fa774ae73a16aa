"""Videos of a data set are posed side by side, and one that misbehaves costs nothing but itself."""

from __future__ import annotations

import shutil
from collections import deque
from dataclasses import replace
from fractions import Fraction

import batch_fakes
import fakes
import numpy as np
import pose_file_factory
import pytest
import video_factory

from posec3d_cli.batch.callback import RunCallback
from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.resume import Todo
from posec3d_cli.batch.run import run
from posec3d_cli.batch.state import RunState
from posec3d_cli.config import PipelineConfig
from posec3d_cli.datasets.poses import (
    ClipPoses,
    PeopleTask,
    PoseFrames,
    estimate_in_process,
    main_people_of_file,
    side_by_side,
)
from posec3d_cli.datasets.segments import Segment
from posec3d_cli.errors import StageMismatch
from posec3d_cli.extraction.cache import PoseCache
from posec3d_cli.extraction.extractor import PoseExtractor
from posec3d_cli.sampling.clips import ClipSampling, used_frames
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.types import VideoInfo


class Heard(RunCallback):
    def __init__(self):
        self.counted, self.ended = {}, {}

    def frames(self, found, done):
        self.counted[found.name] = done

    def done(self, found, result):
        self.ended[found.name] = result.status


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    clip = video_factory.write(folder / "good.mp4", 12)
    for name in ("crash.mp4", "empty.mp4", "hang.mp4", "other.mp4"):
        shutil.copyfile(clip, folder / name)
    (folder / "text.mp4").write_text("not a video")
    return [InputFile(path, f"clips/{path.name}") for path in sorted(folder.iterdir())]


def test_each_video_gives_its_people_or_the_reason(clips):
    heard = Heard()
    estimate = side_by_side(batch_fakes.PeopleTask(PipelineConfig()), 2, timeout=1, callback=heard)
    came = {found.name: one for found, (one,) in estimate(clips, {})}
    assert came.keys() == {found.name for found in clips}
    for name in ("clips/good.mp4", "clips/other.mp4"):
        assert isinstance(came[name], ClipPoses)
        assert (came[name].scores.shape, came[name].fps) == ((1, 12, 17), 25.0)
        assert np.allclose(came[name].keypoints[..., 0], 30)
    assert came["clips/empty.mp4"].keypoints.shape == (0, 12, 17, 2)
    assert "its process crashed" in came["clips/crash.mp4"]
    assert "no progress for 1 seconds" in came["clips/hang.mp4"]
    assert "text.mp4" in came["clips/text.mp4"]
    assert {name for name, status in heard.ended.items() if status == "failed"} == {
        "clips/crash.mp4",
        "clips/hang.mp4",
        "clips/text.mp4",
    }
    assert heard.counted["clips/good.mp4"] == 12


def test_of_no_videos_nothing_is_made():
    assert list(side_by_side(batch_fakes.PeopleTask(PipelineConfig()), 2)([], {})) == []


def test_every_nth_frame_is_posed_and_kept(clips, tmp_path):
    cache = PoseCache(tmp_path / "poses")
    good = next(found for found in clips if found.name == "clips/good.mp4")
    for seen in ([0, 5, 10], []):
        stages = PoseExtractor(fakes.Detector(lambda index: [30 + index]), fakes.Pose(), cache=cache, made_of="fakes")
        task = PeopleTask(PipelineConfig(), PoseFrames(5))
        task.extractor = stages
        [result] = task.run(good, lambda done, total: None)
        assert stages.detector.seen == seen
        assert np.allclose(result.people[0].keypoints[0, :, 0, 0], 30 + np.minimum(np.arange(12), 10), atol=1e-4)


def test_only_the_frames_that_training_reads_are_posed_with_keyframes_and_kept(clips, tmp_path):
    """Two views of 4 frames do not read all 12."""
    cache = PoseCache(tmp_path / "poses")
    good = next(found for found in clips if found.name == "clips/good.mp4")
    sampling = ClipSampling(frames=4, views=2)
    read = used_frames(sampling.plan(12, Fraction(25))).tolist()
    assert set(used_frames(sampling.changed(views=1).plan(12, Fraction(25))).tolist()) < set(read)
    assert len(read) < 9
    for known in (False, True):
        stages = PoseExtractor(
            fakes.Detector(lambda index: [30 + index]), fakes.Pose(), every=3, cache=cache, made_of="fakes"
        )
        task = PeopleTask(PipelineConfig(), PoseFrames(sampling=sampling))
        task.extractor = stages
        [result] = task.run(good, lambda done, total: None)
        if known:
            assert stages.detector.seen == []
        else:
            assert {*read[::3], read[-1]} <= set(stages.detector.seen) <= set(read)
        places = np.clip(np.arange(12), read[0], read[-1])
        [people] = result.people
        assert np.allclose(people.keypoints[0, :, 0, 0], 30 + places, atol=1e-4), "interpolated in between"


def test_objects_are_interpolated_between_the_frames_that_were_searched(clips):
    good = next(found for found in clips if found.name == "clips/good.mp4")
    stages = PoseExtractor(fakes.ObjectDetector(lambda index: 20 + index), fakes.Pose(), every=4)
    task = PeopleTask(PipelineConfig())
    task.extractor = stages
    [result] = task.run(good, lambda done, total: None)
    assert len(stages.detector.seen) < 12
    [people] = result.people
    assert [objects.class_names for objects in people.objects] == [["ball"]] * 12
    x = [float(objects.boxes[0, [0, 2]].mean()) for objects in people.objects]
    assert x == pytest.approx(20 + np.arange(12))


def test_a_frame_that_was_searched_keeps_what_was_found_in_it(clips):
    good = next(found for found in clips if found.name == "clips/good.mp4")
    task = PeopleTask(PipelineConfig())
    task.extractor = PoseExtractor(fakes.ObjectDetector(lambda index: None if index == 5 else 50), fakes.Pose())
    [result] = task.run(good, lambda done, total: None)
    assert [len(objects) for objects in result.people[0].objects] == [1] * 5 + [0] + [1] * 6
    task.extractor = PoseExtractor(fakes.Detector(), fakes.Pose())
    [result] = task.run(good, lambda done, total: None)
    assert result.people[0].objects == ()


def test_of_each_segment_the_frames_that_training_reads_are_posed(clips):
    """As many as of a video of that length, each where the segment is; segments that do not fit are left out."""
    video = VideoInfo(clips[0].path, 64, 48, Fraction(25), 200, 8.0, "h264", 0, 0, False)
    frames = PoseFrames(sampling=ClipSampling(frames=8, views=2))
    alone = frames.of(replace(video, frame_count=60))
    assert len(alone) < 20
    found = frames.of(video, (Segment(100, 160), Segment(150, 201)))
    assert found.tolist() == (alone + 100).tolist()
    assert frames.of(video, (Segment(150, 201),)).tolist() == [0]
    both = frames.of(video, (Segment(0, 60), Segment(100, 160)))
    assert both.tolist() == [*alone, *(alone + 100)]


def test_a_pose_model_of_another_skeleton_is_refused_before_a_video_is_opened(monkeypatch):
    other = fakes.Pose()
    other.skeleton = replace(COCO_17, name="other")
    monkeypatch.setattr(PoseExtractor, "from_config", lambda config: PoseExtractor(fakes.Detector(), other))
    with pytest.raises(StageMismatch, match="labeled clips have coco-17 poses, and the pose model gives other"):
        PeopleTask(PipelineConfig()).prepare()


def test_in_this_process_they_are_posed_one_after_the_other(clips):
    stages = PoseExtractor(fakes.Detector(), fakes.Pose())
    some = [found for found in clips if found.name in ("clips/good.mp4", "clips/text.mp4")]
    (first, [people]), (second, [reason]) = estimate_in_process(stages)(some, {})
    assert [first, second] == some
    assert people.scores.shape == (1, 12, 17)
    assert "text.mp4" in reason


@pytest.mark.parametrize("where", ["posec3d_cli.datasets.poses", "posec3d_cli.batch.run"])
def test_the_workers_are_told_the_device(clips, tmp_path, monkeypatch, where):
    told = []

    class WorkerPool:
        def __init__(self, task, size, *, device, log, started=()):
            told.append(device)
            raise InterruptedError

    monkeypatch.setattr(f"{where}.WorkerPool", WorkerPool)
    models = PipelineConfig(detector="whole-frame", device="cuda")

    def start():
        if where.endswith("run"):
            with RunState(tmp_path / "state.sqlite") as run_state:
                run(deque([Todo(clips[0])]), batch_fakes.LabelTask(models), run_state, workers=1, timeout=1)
        else:
            list(side_by_side(batch_fakes.PeopleTask(models), 1)(clips[:1], {}))

    with pytest.raises(InterruptedError):
        start()
    assert told == ["cuda"]


def test_what_was_left_out_of_a_pose_file_is_noted(tmp_path):
    assert main_people_of_file(pose_file_factory.pyskl_pickle(tmp_path))[0].notes == ()
    assert (
        "first 4 of its 6 frames"
        in main_people_of_file(pose_file_factory.pyskl_pickle(tmp_path, total_frames=4))[0].notes[0]
    )
