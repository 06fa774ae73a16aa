"""Poses out of a file are read with the frames that are there, or not at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import fakes
import numpy as np
import pose_file_factory as factory
import pytest
import video_factory

from posec3d_cli.errors import BadPoseFile, StageMismatch
from posec3d_cli.recognition.substitutes import with_substitutes
from posec3d_cli.results import ModelInfo, PipelineInfo
from posec3d_cli.sampling.clips import ClipSampling


def some_frames(*numbers, count=100):
    """A clip of 25 frames per second of which only these frames were looked at."""
    whole = factory.video_poses(Path("walk.json"), frames=len(numbers))
    return replace(whole, frame_indices=np.array(numbers, np.int64), video=replace(whole.video, frame_count=count))


def plan(video_poses, frames=4):
    return ClipSampling(frames=frames).plan(video_poses.video.frame_count, video_poses.video.fps)


def test_frames_that_are_there_stay():
    video_poses = some_frames(*range(100))
    before = plan(video_poses)
    [after], notices = with_substitutes([before], video_poses)
    assert np.array_equal(after[0].clips, before[0].clips)
    assert notices == ()


def test_the_nearest_frames_stand_in_and_that_is_said():
    video_poses = some_frames(*range(0, 100, 10))
    before = plan(video_poses)
    [[after]], (notice,) = with_substitutes([before], video_poses)
    assert np.abs(after.clips - before[0].clips).max() <= 9
    assert set(after.indices) <= set(video_poses.frame_indices)
    assert notice.endswith("of 4 frames needed are not in the file: the nearest stand in")


def test_a_frame_without_a_near_neighbour_is_refused():
    video_poses = some_frames(*range(20))
    with pytest.raises(
        BadPoseFile, match=r"walk\.json: frame \d+ is needed, and the file has no frame within 0\.5 s"
    ) as caught:
        with_substitutes([plan(video_poses)], video_poses)
    assert "every frame" in caught.value.hint


def test_a_file_is_read_where_a_video_would_be_refused():
    recognizer = fakes.pipeline().recognizer
    video_poses = some_frames(*range(0, 100, 10))
    result = recognizer.recognize_file(video_poses)
    assert result.scores is not None
    assert any("the nearest stand in" in warning for warning in result.warnings)
    with pytest.raises(StageMismatch, match="are not known"):
        recognizer.recognize(video_poses)


def test_what_is_read_from_a_file_was_found_by_no_detector_of_ours():
    recognizer = fakes.pipeline().recognizer
    models = {**recognizer.used.models, "detector": ModelInfo("whole-frame", "whole-frame", "cpu", {})}
    recognizer.used = PipelineInfo("fake", models)
    result = recognizer.recognize_file(factory.video_poses())
    assert not any("detector" in warning for warning in result.warnings)
    assert set(result.pipeline.models) == {"classifier"}


def test_a_written_video_gives_the_same_answer_as_the_video(tmp_path):
    clip = video_factory.write(tmp_path / "clip.mp4", 60)
    pipeline = fakes.pipeline(lambda index: [20 + index])
    before = pipeline.predict(clip)
    after = pipeline.recognizer.recognize_file(before.video_poses)
    assert after.scores.top(2) == before.scores.top(2)
    assert after.warnings == before.warnings
