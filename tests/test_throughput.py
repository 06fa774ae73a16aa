"""The measurements of throughput: calls are counted as they are made, and every way says what it did."""

from __future__ import annotations

import json
import sys

import fakes
import numpy as np
import pytest
import video_factory
from benchmark_modules import imported
from hrnet_factory import seeded_network

from posec3d_cli.pose_files import write_pose_file
from posec3d_cli.stages.pose_estimators.hrnet import HRNetPose
from posec3d_cli.types import Frame

MODULES = ("given", "process", "ours", "alone", "table")


@pytest.fixture(scope="module")
def throughput():
    with imported("throughput", MODULES) as modules:
        yield modules


def frames(*numbers):
    return [Frame(np.zeros((48, 64, 3), np.uint8), number, number / 10) for number in numbers]


@pytest.fixture
def given(throughput, tmp_path):
    """The people of a clip in which there is nobody in the first and the fourth frame, and two in the third."""
    clip = video_factory.write(tmp_path / "clip.mp4", 6, size=(96, 48))
    people = {0: [], 2: [20, 40], 3: []}
    video_poses = fakes.pipeline(lambda index: people.get(index, [30])).poses(clip, np.arange(6))
    write_pose_file(video_poses, tmp_path / "given.npz", ".npz")
    return throughput["given"].read_given(tmp_path / "given.npz")


def test_the_given_people_are_one_in_every_frame(given) -> None:
    boxes, poses = given
    assert [len(found) for found in boxes] == [len(shape) for shape in poses] == [1] * 6
    middles = [float(found.boxes[0, [0, 2]].mean()) for found in boxes]
    assert middles == [30, 30, 20, 20, 30, 30]
    assert [float(shape.keypoints[0, 0, 0]) for shape in poses] == middles


def test_the_networks_run_although_the_people_are_given(throughput, given) -> None:
    boxes, poses = given
    detector, pose = fakes.Detector(lambda index: []), fakes.Pose()
    finds = throughput["given"].GivenDetector(detector, boxes)
    estimates = throughput["given"].GivenPose(pose, poses)
    found = finds.detect(frames(1, 2))
    assert detector.seen == [1, 2]
    assert [len(one) for one in found] == [1, 1]
    [first, _] = estimates.estimate(frames(1, 2), found)
    assert first.scores.min() == 1


def test_calls_are_counted_by_image_and_by_person(throughput) -> None:
    counted = throughput["ours"].Counted
    detector, pose = counted(fakes.Detector(lambda index: [10] * index)), counted(fakes.Pose())
    pose.estimate(frames(0, 1, 2), detector.detect(frames(0, 1, 2)))
    assert (detector.calls, pose.calls) == (3, 0 + 1 + 2)
    assert pose.skeleton.name == "coco-17"


def test_the_floor_is_the_time_per_image_of_a_batch(throughput) -> None:
    sizes = []
    taken, worked = throughput["alone"].per_item(sizes.append, 4)
    assert set(sizes) == {4}
    assert len(sizes) == 1 + throughput["alone"].MOST_RUNS
    assert 0 < taken < 0.1
    assert 0 <= worked < 0.1


def test_the_network_of_hrnet_runs_alone(throughput) -> None:
    stage = HRNetPose(
        seeded_network(8),
        HRNetPose.Settings(8, input_size=(64, 96), convention="1.x", decode="quarter", flip_test=False),
    )
    heatmaps = throughput["alone"].pose_alone(stage)(1)
    assert heatmaps.shape == (1, 17, 24, 16)


def test_a_way_says_what_it_did_and_what_it_took(throughput) -> None:
    said = {"videos": [{"frames_used": 3, "seconds": {"pose": 1.0}}, {"frames_used": 2, "seconds": {"pose": 0.5}}]}
    program = f"import json; x = bytearray(50_000_000); print(json.dumps({said!r}))"
    way = throughput["table"].Way("some", [sys.executable, "-c", program])
    way.measure()
    assert (way.frames, way.steps) == (5, [{"pose": 1.5}])
    assert way.seconds[0] > 0
    assert way.peaks[0] > 50


def test_a_way_that_fails_ends_everything_with_its_reason(throughput) -> None:
    way = throughput["table"].Way("some", [sys.executable, "-c", "raise SystemExit('no such clip')"])
    with pytest.raises(SystemExit, match="no such clip"):
        way.measure()


def test_processes_side_by_side_share_the_calls(throughput) -> None:
    program = f"print({json.dumps({'detect': [0.2, 0.3], 'pose': [0.4, 0.5]})!r})"
    both = throughput["table"].side_by_side([sys.executable, "-c", program], 2)
    assert both == {"detect": [0.1, 0.3], "pose": [0.2, 0.5]}  # the seconds are shared, the work of each call is not
