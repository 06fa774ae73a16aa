"""People looked for in every N-th frame and moved in between."""

from __future__ import annotations

import fakes
import numpy as np
import pytest
import shot_factory
from benchmark_modules import imported
from hypothesis import given
from hypothesis import strategies as st

from posec3d_cli.config import MOST_DETECT_EVERY
from posec3d_cli.errors import ConfigError, StageMismatch
from posec3d_cli.extraction.detect_every import detect_people, interpolate_boxes
from posec3d_cli.extraction.extractor import PoseExtractor
from posec3d_cli.runtime.stopwatch import Stopwatch
from posec3d_cli.types import Detections, Frame, Poses


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return shot_factory.write_still(tmp_path_factory.mktemp("clips") / "clip.mp4", 40)


def extracted(clip, every, where=lambda index: [30]):
    extractor = PoseExtractor(fakes.Detector(where), fakes.Pose(), every=every)
    return extractor, extractor.poses(clip)


def middles(video_poses):
    return [sorted(found.boxes[:, [0, 2]].mean(axis=1).tolist()) for found in video_poses.detections]


def test_the_detector_sees_every_nth_frame_and_the_last_and_people_move_in_between(clip):
    extractor, video_poses = extracted(clip, 5, lambda index: [30 + index])
    assert extractor.detector.seen == [*range(0, 40, 5), 39]
    assert middles(video_poses) == [[pytest.approx(30 + index, abs=1e-4)] for index in range(40)]
    sides = np.stack([found.boxes[0, 2:] - found.boxes[0, :2] for found in video_poses.detections])
    assert np.allclose(sides, [20, 30], atol=1e-4)
    assert set(video_poses.seconds) == {"decode", "wait", "detect", "pose", "track"}


def test_the_poses_are_those_of_the_boxes_in_between(clip):
    _, video_poses = extracted(clip, 4, lambda index: [30 + index])
    joints = np.stack([one.keypoints[0, 0, 0] for one in video_poses.poses])
    assert joints == pytest.approx(30 + np.arange(40), abs=1e-4)


def test_objects_are_interpolated_between_the_frames_that_were_searched(clip):
    detector = fakes.ObjectDetector(lambda index: 30 + index)
    video_poses = PoseExtractor(detector, fakes.Pose(), every=5).poses(clip)
    searched = [index for index, found in enumerate(video_poses.detections) if found.objects is not None]
    assert searched == [*range(0, 40, 5), 39]
    tracks = video_poses.object_tracks()
    assert tracks.columns.tolist() == list(range(40))
    assert np.flatnonzero(tracks.found).tolist() == searched
    assert tracks.boxes[:, [0, 2]].mean(axis=1) == pytest.approx(30 + np.arange(40), abs=1e-4)


def test_frames_go_to_the_pose_model_together(clip):
    shown = []

    class Pose(fakes.Pose):
        def estimate(self, frames, detections):
            shown.append(len(frames))
            return super().estimate(frames, detections)

    PoseExtractor(fakes.Detector(), Pose(), every=5).poses(clip)
    assert sum(shown) == 40
    assert len(shown) <= 4


def test_every_frame_is_looked_at_unless_told_otherwise(clip):
    assert extracted(clip, 1)[0].detector.seen == list(range(40))


def test_each_video_begins_with_a_look(clip):
    extractor, _ = extracted(clip, 16)
    extractor.poses(clip)
    assert extractor.detector.seen == [0, 16, 32, 39] * 2


@pytest.mark.parametrize("every", [0, MOST_DETECT_EVERY + 1])
def test_an_interval_out_of_range_is_refused(every):
    with pytest.raises(ConfigError, match=str(every)):
        PoseExtractor(fakes.Detector(), fakes.Pose(), every=every)


def test_who_comes_or_goes_is_there_in_the_nearer_half(clip):
    _, video_poses = extracted(clip, 4, lambda index: [30, 70] if 4 <= index <= 8 else [30])
    assert [len(found) for found in video_poses.detections[:14]] == [1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1]


def test_two_people_that_pass_each_other_stay_themselves(clip):
    _, video_poses = extracted(clip, 4, lambda index: [20 + index, 60 - index])
    for index, found in enumerate(middles(video_poses)):
        assert found == pytest.approx(sorted([20 + index, 60 - index]), abs=1e-4)


def test_who_cannot_be_the_same_does_not_move_across_the_image(clip):
    _, video_poses = extracted(clip, 4, lambda index: [15] if index < 4 else [80])
    assert middles(video_poses)[:5] == [[15], [15], [15], [80], [80]]


def frame(index):
    return Frame(np.zeros((48, 96, 3), np.uint8), index, index / 30)


def detections(boxes, scores):
    return Detections(np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32))


def test_one_pair_that_is_likely_counts_more_than_two_that_are_not():
    # The first of `start` may be the first of `end`; the two other pairs are each below what counts, but more in sum.
    start = detections([[30, 0, 50, 40], [68.6, 0, 88.6, 40]], [0.9, 0.8])
    end = detections([[47.6, 0, 67.6, 40], [9, 0, 29, 40]], [0.9, 0.8])
    [found] = interpolate_boxes((frame(0), start), (frame(2), end), [frame(1)])
    assert found.boxes.tolist() == [pytest.approx([38.8, 0, 58.8, 40]), pytest.approx([68.6, 0, 88.6, 40])]


def test_large_frames_are_looked_at_before_they_fill_the_memory(clip, monkeypatch):
    monkeypatch.setattr("posec3d_cli.extraction.detect_every.HELD_BYTES", 5 * 96 * 48 * 3)
    assert extracted(clip, 16)[0].detector.seen == [*range(0, 40, 5), 39]
    monkeypatch.setattr("posec3d_cli.extraction.detect_every.HELD_BYTES", 1)
    assert extracted(clip, 16)[0].detector.seen == list(range(40))


def test_frames_that_lie_unevenly_get_the_place_of_their_time():
    start, end = detections([[0, 0, 20, 40]], [0.9]), detections([[10, 0, 30, 40]], [0.7])
    found = interpolate_boxes((frame(10), start), (frame(20), end), [frame(11), frame(18)])
    assert [one.boxes[0].tolist() for one in found] == [pytest.approx([1, 0, 21, 40]), pytest.approx([8, 0, 28, 40])]
    assert [one.scores[0] for one in found] == [pytest.approx(0.88), pytest.approx(0.74)]


def test_the_best_come_first():
    start = detections([[0, 0, 20, 40], [50, 0, 70, 40]], [0.9, 0.5])
    end = detections([[50, 0, 70, 40]], [0.8])
    found = interpolate_boxes((frame(0), start), (frame(4), end), [frame(1), frame(3)])
    assert [one.scores.tolist() for one in found] == [pytest.approx([0.9, 0.575]), pytest.approx([0.725])]


def test_nobody_stays_nobody():
    nobody = Detections.none()
    assert [len(one) for one in interpolate_boxes((frame(0), nobody), (frame(3), nobody), [frame(1), frame(2)])] == [
        0,
        0,
    ]


@given(st.integers(1, 16), st.lists(st.integers(1, 9), max_size=8))
def test_all_frames_come_out_once_in_order_however_they_are_batched(every, sizes):
    indices = iter(range(sum(sizes)))
    batches = [[frame(next(indices)) for _ in range(size)] for size in sizes]
    detector = fakes.Detector()
    out = list(detect_people(batches, detector, every, Stopwatch().time))
    assert [one.index for frames, _ in out for one in frames] == list(range(sum(sizes)))
    assert all(len(frames) == len(people) for frames, people in out)
    assert detector.seen == sorted({*range(0, sum(sizes), every), *([sum(sizes) - 1] if sizes else [])})
    assert max((len(frames) for frames, _ in out), default=0) < max(sizes, default=0) + every


def test_a_detector_that_breaks_its_protocol_is_refused():
    class Silent:
        def detect(self, frames):
            return []

    with pytest.raises(StageMismatch, match="2 frames gave 0 detections"):
        list(detect_people([[frame(0), frame(1)]], Silent(), 1, Stopwatch().time))


def test_the_measurement_compares_with_the_most_similar_of_those_who_are_clear() -> None:
    def poses(middles, score):
        joints = np.array(middles, np.float32)[:, None, None] + np.linspace(0, 20, 17, dtype=np.float32)[:, None]
        return Poses(np.repeat(joints, 2, axis=2), np.full((len(middles), 17), score, np.float32))

    boxes = detections([[10, 10, 40, 60], [60, 10, 90, 60]], [0.9, 0.8])
    with imported("", ["detect_every"]) as modules:
        similarities = modules["detect_every"].similarities
        assert similarities(boxes, poses([10, 60], 0.8), poses([60, 10], 0.8)) == pytest.approx([1, 1])
        [same, gone] = similarities(boxes, poses([10, 60], 0.8), poses([10], 0.8))
        assert same == pytest.approx(1)
        assert gone < 0.1
        assert similarities(boxes, poses([10, 60], 0.8), Poses.none(17)) == [0, 0]
        assert similarities(boxes, poses([10, 60], 0.2), poses([10], 0.8)) == []
