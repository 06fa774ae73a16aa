"""What the frames of an annotated video say, and of whom."""

from __future__ import annotations

from dataclasses import replace

import fakes
import numpy as np
import pytest
import video_factory

from posec3d_cli.output.video import figures_at, headline, objects_at, objects_to_draw
from posec3d_cli.types import Detections


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return video_factory.write(tmp_path_factory.mktemp("clips") / "clip.mp4", 60, size=(160, 120))


def figures(result, frame, min_score=0.0):
    return figures_at(result, frame, frame, min_score)


def tags(result, frame, min_score=0.0):
    return [figure.label for figure in figures(result, frame, min_score)]


def test_each_frame_carries_the_label_of_its_windows(clip):
    pipeline = fakes.pipeline(lambda index: [10] if index < 20 else [90] if index < 45 else [])
    result = fakes.predict(pipeline, clip, window_seconds=0.5)
    assert headline(result, 0) == "left 90%"
    assert headline(result, 30) == "right 90%"
    assert headline(result, 59) == "no person"
    assert [headline(result, frame, 0.95) for frame in (0, 30, 59)] == ["? left 90%", "? right 90%", "no person"]


def test_each_person_carries_the_label_of_the_windows_around_the_frame(tmp_path):
    clip = video_factory.write(tmp_path / "short.mp4", 30, size=(160, 120))
    pipeline = fakes.pipeline(lambda index: [10, 40 + index])
    result = fakes.predict(pipeline, clip, people="each", window_seconds=0.25, every_frame=True)
    first, last = (dict(tag.split(" ", 1) for tag in tags(result, frame)) for frame in (0, 29))
    whole = {person.id: person.scores.top(1)[0][0] for person in result.people}
    assert whole == {0: "left", 1: "right"}
    assert (first["#0"], last["#0"]) == ("left 90%", "left 90%")
    assert first["#1"].startswith("left 5"), "what is done here, not in the whole video"
    assert last["#1"].startswith("right 6")
    doubtful = dict(tag.split(" ", 1) for tag in tags(result, 29, 0.8))
    assert doubtful == {"#0": "left 90%", "#1": "? " + last["#1"]}


class Sizes(fakes.Detector):
    """A large person at the left, and one at the right whose height `height(index)` says."""

    def __init__(self, height):
        super().__init__()
        self.height = height

    def _people(self, index):
        small = self.height(index)
        boxes = np.array([[10, 10, 50, 110], [100, 60, 100 + small / 2, 60 + small]], np.float32)
        return Detections(boxes, np.full(2, 0.9, np.float32))


def test_who_counts_for_little_is_drawn_faintly_without_a_tag(clip):
    pipeline = fakes.pipeline()
    for height, faint in ((80, False), (10, True)):
        pipeline.extractor.detector = Sizes(lambda index, height=height: height)
        result = fakes.predict(pipeline, clip, people="each", window_seconds=0.5, every_frame=True)
        large, small = figures(result, 30)
        assert (large.track_id, large.faint, large.label[:3]) == (0, False, "#0 ")
        assert (small.track_id, small.faint, bool(small.label)) == (1, faint, not faint)


def test_who_is_read_together_with_the_others_has_a_number_only(clip):
    result = fakes.pipeline(lambda index: [10, 70] if index else [10, 70, 120]).predict(clip, every_frame=True)
    assert sorted(tags(result, 0)) in (["", "#0", "#1"], ["#0", "#1", "#2"])
    assert sorted(tags(result, 30)) == ["#0", "#1"]


def test_a_frame_that_was_not_posed_shows_nobody(clip):
    result = fakes.pipeline(lambda index: [10]).predict(clip)
    assert figures_at(result, 1, None) == []


def test_objects_are_named_with_their_score_and_in_brackets_where_they_were_missed(clip):
    pipeline = fakes.pipeline(lambda index: [20])
    pipeline.extractor.detector = fakes.ObjectDetector(lambda index: None if index in (3, 4) else 50 + index)
    video_poses = pipeline.predict(clip, every_frame=True).video_poses
    tracks = objects_to_draw(video_poses.object_tracks())
    [here], [between] = objects_at(tracks, 2), objects_at(tracks, 3)
    assert (here.label, here.faint, here.box.tolist()) == ("ball 60%", False, [47, 20, 57, 30])
    assert (between.label, between.faint) == ("(ball)", True)
    assert between.box == pytest.approx([48, 20, 58, 30])
    assert objects_at(tracks, None) == []


def test_objects_that_score_little_throughout_are_not_drawn(clip):
    pipeline = fakes.pipeline(lambda index: [20])
    pipeline.extractor.detector = fakes.ObjectDetector()
    tracks = pipeline.predict(clip, every_frame=True).video_poses.object_tracks()
    weak = replace(tracks, scores=np.where(tracks.columns == 5, 0.25, 0.1).astype(np.float32))
    assert len(objects_to_draw(weak)) == (tracks.tracks == 0).sum() > 1, "it counts where it is seen best"
    assert len(objects_to_draw(replace(tracks, scores=np.full(len(tracks), 0.2, np.float32)))) == 0
