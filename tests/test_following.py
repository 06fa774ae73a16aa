"""People looked for in every N-th frame and followed in between."""

from __future__ import annotations

import fakes
import numpy as np
import pytest
import video_factory

from posec3d_cli.extraction import PoseExtractor
from posec3d_cli.following import follow
from posec3d_cli.types import Detections, Poses


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return video_factory.write(tmp_path_factory.mktemp("clips") / "clip.mp4", 40, size=(96, 48))


class MovingPose(fakes.Pose):
    """Finds the joints two pixels right of where they were looked for, spread over four fifths of the box."""

    def estimate(self, frames, detections):
        (poses,) = super().estimate(frames, detections) if len(frames) == 1 else (None,)
        boxes = detections[0].boxes
        spread = np.linspace(-0.4, 0.4, 17)[:, None] * (boxes[:, None, 2:] - boxes[:, None, :2])
        keypoints = poses.keypoints + spread.astype(np.float32) + np.array([2, 0], np.float32)
        return [Poses(keypoints.astype(np.float32), poses.scores)]


def extracted(clip, pose, every, where=lambda index: [30]):
    extractor = PoseExtractor(fakes.Detector(where), pose, every=every)
    return extractor, extractor.poses(clip)


def test_the_detector_sees_every_nth_frame_and_everybody_is_followed_between(clip):
    extractor, posed = extracted(clip, MovingPose(), 5)
    assert extractor.detector.seen == list(range(0, 40, 5))
    assert [len(found) for found in posed.detections] == [1] * 40
    middles = [float(found.boxes[0, [0, 2]].mean()) for found in posed.detections[:6]]
    assert middles == pytest.approx([30, 32, 34, 36, 38, 30], abs=0.1), "two pixels a frame, and back to the detector's"
    sides = [found.boxes[0, 2:] - found.boxes[0, :2] for found in posed.detections[:5]]
    assert np.allclose(sides, [20, 30], atol=0.1), "the box does not grow or shrink with the following"
    assert [found.scores[0] for found in posed.detections[:5]] == pytest.approx([0.9] * 5)
    assert set(posed.seconds) == {"decode", "detect", "pose", "link"}


def test_every_frame_is_looked_at_unless_told_otherwise(clip):
    assert extracted(clip, fakes.Pose(), 1)[0].detector.seen == list(range(40))


def test_each_video_begins_with_a_look(clip):
    extractor, _ = extracted(clip, MovingPose(), 16)
    extractor.poses(clip)
    assert extractor.detector.seen == [0, 16, 32] * 2


def test_who_comes_in_is_found_at_the_next_look(clip):
    _, posed = extracted(clip, MovingPose(), 4, lambda index: [30, 70] if index >= 2 else [30])
    assert [len(found) for found in posed.detections[:6]] == [1, 1, 1, 1, 2, 2]


def people(scores):
    keypoints = np.stack([np.linspace(10, 50, 17), np.linspace(20, 80, 17)], axis=-1)
    poses = Poses(np.repeat(keypoints[None], len(scores), axis=0).astype(np.float32), np.array(scores, np.float32))
    boxes = np.zeros((len(scores), 4), np.float32)
    return Detections(boxes, np.linspace(0.9, 0.5, len(scores), dtype=np.float32)), poses


def test_the_box_lies_around_the_joints_that_are_seen():
    scores = [0.5] * 9 + [0.1] * 8  # the rest does not count
    found = follow(*people([scores]), (100, 100))
    assert found.boxes.tolist() == [pytest.approx([10 - 2.5, 20 - 3.75, 30 + 2.5, 50 + 3.75])]


def test_who_is_hardly_seen_is_dropped_and_nobody_stays_nobody():
    found = follow(*people([[0.19] * 17, [0.21] * 17]), (100, 100))
    assert found.scores.tolist() == pytest.approx([0.5])
    assert len(follow(Detections.none(), Poses.none(17), (100, 100))) == 0


def test_boxes_stay_inside_the_picture_and_who_left_it_is_dropped():
    found = follow(*people([[0.5] * 17]), (60, 40))
    assert found.boxes[0, 2:].tolist() == [40, 60]
    assert len(follow(*people([[0.5] * 17]), (22, 100))) == 1
    assert len(follow(*people([[0.5] * 17]), (15, 100))) == 0
