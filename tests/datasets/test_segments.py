"""Rows of a table may label a part of a video, or one of its people; nothing has to be cut."""

from __future__ import annotations

import fakes
import numpy as np
import pytest
import video_factory

from posec3d_cli.datasets.checks import check_dataset
from posec3d_cli.datasets.labeled_dataset import LabeledDataset
from posec3d_cli.datasets.load import load_dataset
from posec3d_cli.datasets.segments import Segment
from posec3d_cli.errors import BadDataset
from posec3d_cli.extraction.crops import VideoFrames
from posec3d_cli.extraction.extractor import PoseExtractor

COUNT = 30


def walker(index):
    """Where people stand: one walks to the right, in the second half another stands at 300."""
    return [40 + 2 * index] + ([300] if index >= COUNT // 2 else [])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("segments")
    video_factory.write(folder / "Title_walk_1.mp4", COUNT, size=(400, 100))
    return folder


def load(folder, *rows, heading="video,label,start,end,person,box", **options) -> LabeledDataset:
    (folder / "t.csv").write_text(f"{heading}\n" + "".join(f"Title_walk_1.mp4,{row}\n" for row in rows))
    return load_dataset([folder / "t.csv"], **options)


def with_poses(dataset, every=1):
    detector = fakes.Detector(walker)
    clips, unreadable = dataset.with_poses(PoseExtractor(detector, fakes.Pose()), every=every)
    return {clip.label: clip for clip in clips}, unreadable, detector.seen


def test_a_segment_is_a_clip_of_its_frames(folder):
    dataset = load(folder, "first,0,10,,", "second,10,30,,", "all,,,,")
    assert [(clip.name, clip.segment) for clip in dataset.clips] == [
        ("t/Title_walk_1.mp4 [0:10]", Segment(0, 10)),
        ("t/Title_walk_1.mp4 [10:30]", Segment(10, 30)),
        ("t/Title_walk_1.mp4", None),
    ]
    clips, unreadable, seen = with_poses(dataset)
    assert unreadable == []
    assert {label: len(clip) for label, clip in clips.items()} == {"first": 10, "second": 20, "all": 30}
    assert seen == list(range(30))  # each frame once
    assert np.allclose(clips["second"].keypoints[0, :, 0, 0], 40 + 2 * np.arange(10, 30))
    assert np.array_equal(clips["all"].keypoints[0, 10:], clips["second"].keypoints[0])
    [sha256] = {clip.sha256 for clip in clips.values()}
    video = folder / "Title_walk_1.mp4"
    assert [clips[label].frames for label in ("second", "all")] == [
        VideoFrames(video, 10, sha256=sha256),
        VideoFrames(video, 0, sha256=sha256),
    ]


def test_only_the_frames_of_segments_are_looked_at(folder):
    _, _, seen = with_poses(load(folder, "a,4,8,,", "b,6,12,,"))
    assert seen == list(range(4, 12))
    _, _, seen = with_poses(load(folder, "a,4,9,,"), every=2)
    assert seen == [4, 6, 8]


def test_the_main_people_are_those_of_the_segment(folder):
    clips, _, _ = with_poses(load(folder, "early,0,10,,", "late,20,30,,"))
    assert (clips["early"].keypoints.shape[0], clips["late"].keypoints.shape[0]) == (1, 2)


def test_a_person_is_found_by_the_box_where_track_ids_differ(folder):
    dataset = load(
        folder, "stands,20,30,7,25 295 0 305 50", "walks,20,30,1,25 85 0 95 50", "gone,20,30,1,25 200 0 210 50"
    )
    clips, [gone], _ = with_poses(dataset)
    places = {label: clip.keypoints[:, 5, 0, 0].tolist() for label, clip in clips.items()}
    assert places == {"stands": [300.0], "walks": [90.0]}
    assert (gone.label, gone.reason) == ("gone", "nobody is where person 1 was in frame 25")


def test_a_person_without_a_box_is_known_by_the_track_id(folder):
    clips, [gone], _ = with_poses(load(folder, "walks,0,30,0,", "whole,,,0,", "gone,0,30,9,"))
    assert clips["walks"].keypoints.shape == (1, 30, 17, 2)
    assert np.array_equal(clips["whole"].keypoints, clips["walks"].keypoints)
    assert gone.reason == "there is no person 9 in the poses of this run"


def test_a_name_is_no_track_id_and_costs_its_own_clip_only(folder):
    clips, [named], _ = with_poses(load(folder, "a,0,10,anna,", "b,20,,,"))
    assert (named.name, named.reason) == (
        "t/Title_walk_1.mp4 [0:10, person anna]",
        "the person 'anna' is no track id of the poses",
    )
    assert {label: len(clip) for label, clip in clips.items()} == {"b": 10}


def test_a_segment_beyond_the_video_costs_itself_only(folder):
    clips, [late], _ = with_poses(load(folder, "good,0,10,,", "late,25,31,,"))
    assert list(clips) == ["good"]
    assert late.reason == "the segment [25:31] ends after the last of 30 frames"
    report = check_dataset(list(clips.values()), [late])
    assert "ends after the last" in report.left_out["t/Title_walk_1.mp4 [25:31]"]


def test_clips_of_one_video_share_its_group_whatever_their_labels(folder):
    dataset = load(folder, "run,0,10,,", "walk,10,20,,", "jump,20,30,,")
    assert {clip.group for clip in dataset.clips} == {"t/Title"}
    assert {clip.group for clip in load(folder, "run,0,10,,", "jump,20,30,,").clips} == {"t/Title_walk_1.mp4"}


def test_tables_without_start_and_end_mean_what_they_meant(folder):
    dataset = load(folder, "walk,anna", heading="video,label,person", group_by="person")
    assert [(clip.name, clip.segment, clip.group) for clip in dataset.clips] == [("t/Title_walk_1.mp4", None, "t/anna")]


@pytest.mark.parametrize(
    ("row", "match"),
    [
        ("a,,0,,", "a segment from frame 0 to 0 is empty"),
        ("a,5,5,,", "a segment from frame 5 to 5 is empty"),
        ("a,9,5,,", "is empty"),
        ("a,1.5,5,,", "start must be a frame number, 0 or more, got '1.5'"),
        ("a,-1,5,,", "start must be a frame number"),
        ("a,1,5,1,1 2 3", "box must be a frame and x1 y1 x2 y2"),
    ],
)
def test_segments_that_mean_nothing_are_named_by_their_line(folder, row, match):
    with pytest.raises(BadDataset, match=match):
        load(folder, row)
