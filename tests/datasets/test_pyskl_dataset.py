"""Dataset pickles become labeled clips."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
import synthetic_people as people

from posec3d_cli.datasets.clips import ANNOTATED, ESTIMATED, RECORDED
from posec3d_cli.datasets.pyskl import read_dataset_pickle
from posec3d_cli.errors import BadPoseFile
from posec3d_cli.skeletons import COCO_17


def annotation(**changes):
    one = {
        "frame_dir": "walk/clip 3",
        "label": 0,
        "keypoint": np.full((1, 9, 17, 2), 50, np.float16),
        "keypoint_score": np.ones((1, 9, 17), np.float16),
    }
    return {key: value for key, value in {**one, **changes}.items() if value is not None}


def written(path, *annotations, **more):
    path.write_bytes(pickle.dumps({"annotations": list(annotations), "classes": ["walk", "run"], **more}))
    return path


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9])
def test_a_dataset_pickle_that_was_cut_off_is_unreadable(tmp_path, keep):
    dataset_pickle = people.write_dataset_pickle(tmp_path / "pack.pkl", people.labeled_clips(2))
    content = dataset_pickle.read_bytes()
    dataset_pickle.write_bytes(content[: int(keep * len(content))])
    with pytest.raises(BadPoseFile, match=r"pack\.pkl is no readable pickle"):
        read_dataset_pickle(dataset_pickle)


def test_a_dataset_pickle_that_is_not_there_or_something_else_is_refused(tmp_path):
    with pytest.raises(BadPoseFile, match="No such file"):
        read_dataset_pickle(tmp_path / "none.pkl")
    other = tmp_path / "other.pkl"
    other.write_bytes(pickle.dumps([1, 2, 3]))
    with pytest.raises(BadPoseFile, match="holds no 'annotations' list"):
        read_dataset_pickle(other)
    other.write_text("not a pickle")
    with pytest.raises(BadPoseFile, match="no readable pickle"):
        read_dataset_pickle(other)


@pytest.mark.parametrize("key", ["label", "keypoint"])
def test_the_message_names_the_annotation_that_lacks_something(tmp_path, key):
    dataset_pickle = written(tmp_path / "pack.pkl", annotation(), annotation(**{"frame_dir": "clip 7", key: None}))
    with pytest.raises(BadPoseFile, match=rf"annotation 1 \(clip 7\) is unusable: it lacks {key}"):
        read_dataset_pickle(dataset_pickle)


def test_clips_without_names_are_called_by_their_numbers(tmp_path):
    dataset_pickle = written(tmp_path / "pack.pkl", annotation(frame_dir=None), annotation(frame_dir=12))
    assert [one.name for one in read_dataset_pickle(dataset_pickle)] == ["pack/annotation 0", "pack/12"]
    assert len({one.group for one in read_dataset_pickle(dataset_pickle)}) == 2


def test_without_scores_every_joint_that_has_a_place_counts_fully(tmp_path):
    keypoints = np.full((2, 9, 17, 2), 50, np.float32)
    keypoints[1, 3:] = 0  # the second person leaves
    (one,) = read_dataset_pickle(written(tmp_path / "pack.pkl", annotation(keypoint=keypoints, keypoint_score=None)))
    assert one.scores[0].min() == 1
    assert one.scores[1, :3].min() == 1
    assert one.scores[1, 3:].max() == 0


def test_only_the_frames_that_the_dataset_pickle_counts_are_learnt_from(tmp_path):
    (one,) = read_dataset_pickle(written(tmp_path / "pack.pkl", annotation(total_frames=5)))
    assert (one.keypoints.shape[1], one.scores.shape[1]) == (5, 5)
    assert one.notes == ("only the first 5 of its 9 frames count: total_frames says so",)
    with pytest.raises(BadPoseFile, match=r"total_frames is 12, but keypoint \(1, 9, 17, 2\) holds 9 frames"):
        read_dataset_pickle(written(tmp_path / "pack.pkl", annotation(total_frames=12)))


def test_labels_may_be_names(tmp_path):
    dataset_pickle = written(tmp_path / "pack.pkl", annotation(label="swim"), annotation(frame_dir="b", label=1))
    assert [one.label for one in read_dataset_pickle(dataset_pickle)] == ["swim", "run"]


def test_the_rate_is_the_clips_else_the_dataset_pickles_own(tmp_path):
    dataset_pickle = written(tmp_path / "pack.pkl", annotation(fps=15), annotation(frame_dir="b"), fps=(30000, 1001))
    assert [one.fps for one in read_dataset_pickle(dataset_pickle)] == [15, 30000 / 1001]
    (one,) = read_dataset_pickle(written(tmp_path / "pack.pkl", annotation()))
    assert one.fps == 30
    with pytest.raises(BadPoseFile, match=r"annotation 0.*fps must lie between 0.1 and 1000"):
        read_dataset_pickle(written(tmp_path / "pack.pkl", annotation(fps=0)))


def test_places_that_are_parts_of_the_image_are_refused(tmp_path):
    parts = np.random.default_rng(0).uniform(-0.2, 1.4, (1, 9, 17, 2))
    with pytest.raises(BadPoseFile, match=r"annotation 0.*joints are not in pixels"):
        read_dataset_pickle(written(tmp_path / "pack.pkl", annotation(keypoint=parts)))


@pytest.mark.parametrize(
    "changes",
    [
        {"keypoint": np.ones((9, 17, 2))},
        {"keypoint": np.ones((1, 9, 16, 2))},
        {"keypoint": np.ones((0, 9, 17, 2))},
        {"keypoint": "text"},
        {"keypoint_score": np.ones((1, 8, 17))},
        {"label": 2},
        {"label": -1},
        {"label": ""},
        {"label": 1.5},
    ],
    ids=str,
)
def test_an_annotation_of_the_wrong_kind_is_refused(tmp_path, changes):
    with pytest.raises(BadPoseFile, match="annotation 0"):
        read_dataset_pickle(written(tmp_path / "pack.pkl", annotation(**changes)))


@pytest.mark.parametrize("content", ["text", None, [1]])
def test_an_annotation_that_is_no_table_is_refused(tmp_path, content):
    dataset_pickle = written(tmp_path / "pack.pkl", content, split={"train": ["a"]})
    with pytest.raises(BadPoseFile, match="annotation 0"):
        read_dataset_pickle(dataset_pickle)
    with pytest.raises(BadPoseFile, match="a split names 1 clip, the first is 'a', and the pickle has none"):
        read_dataset_pickle(dataset_pickle, "train")


def test_scores_between_0_and_1_are_those_of_a_pose_network(tmp_path):
    certain, unsure = people.labeled_clip("arms", 0), people.labeled_clip("arms", 1)
    unsure = replace(unsure, scores=unsure.scores * np.float32(0.7))
    clips = read_dataset_pickle(people.write_dataset_pickle(tmp_path / "synthetic.pkl", [certain, unsure]))
    assert [one.origin for one in clips] == [ANNOTATED, ESTIMATED]


def test_two_dimensional_dataset_pickles_come_back_as_they_were(tmp_path):
    before = people.labeled_clips(3)
    after = read_dataset_pickle(people.write_dataset_pickle(tmp_path / "synthetic.pkl", before))
    assert [(one.name, one.label) for one in after] == [(one.name, one.label) for one in before]
    for old, new in zip(before, after, strict=True):
        assert new.origin == ANNOTATED
        assert new.keypoints.dtype == new.scores.dtype == np.float32
        assert np.allclose(new.keypoints, old.keypoints, rtol=1e-3)
        assert np.array_equal(new.scores, old.scores)


def test_joints_without_a_number_for_a_place_are_missing(tmp_path):
    keypoints = np.full((1, 9, 17, 2), 50, np.float32)
    keypoints[0, 4, 9, 1] = np.nan
    (one,) = read_dataset_pickle(written(tmp_path / "pack.pkl", annotation(keypoint=keypoints)))
    assert np.isfinite(one.keypoints).all()
    assert one.scores[0, 4, 9] == 0
    assert one.scores.sum() == 9 * 17 - 1


def test_without_names_of_the_classes_labels_are_numbers(tmp_path):
    (one,) = read_dataset_pickle(written(tmp_path / "pack.pkl", annotation(label=1), classes=None))
    assert one.label == "1"


def test_neighbours_in_a_numbered_dataset_pickle_share_a_group(tmp_path):
    numbered = [annotation(frame_dir=f"{number:04d}") for number in (1, 9, 10)]
    groups = [one.group for one in read_dataset_pickle(written(tmp_path / "pack.pkl", *numbered))]
    assert groups[0] == groups[1] != groups[2]


def test_a_split_picks_its_clips(tmp_path):
    dataset_pickle = written(
        tmp_path / "pack.pkl", *(annotation(frame_dir=name) for name in "abc"), split={"train": ["a", "c"], "val": []}
    )
    assert [one.name for one in read_dataset_pickle(dataset_pickle, "train")] == ["pack/a", "pack/c"]
    assert read_dataset_pickle(dataset_pickle, "val") == []
    assert len(read_dataset_pickle(dataset_pickle)) == 3
    with pytest.raises(BadPoseFile, match="no split 'test'") as caught:
        read_dataset_pickle(dataset_pickle, "test")
    assert caught.value.hint == "its splits: train, val"
    with pytest.raises(BadPoseFile, match="no split 'test'"):
        read_dataset_pickle(written(tmp_path / "pack.pkl", annotation()), "test")


# Left, up and forwards of every joint, in metres; the second set is that of a sensor without wrists and ankles.
_BODY = {
    "head": (0, 1.6, 0.05), "shoulder": (0.2, 1.4, 0), "elbow": (0.25, 1.1, 0), "wrist": (0.25, 1.0, 0.2),
    "hand": (0.25, 1.0, 0.28), "hip": (0.1, 0.9, 0), "knee": (0.12, 0.5, 0.02), "ankle": (0.12, 0.1, 0),
    "foot": (0.12, 0.02, 0.15),
}  # fmt: skip
_SENSORS = {"with wrists and ankles": tuple(_BODY), "hands and feet only": tuple(set(_BODY) - {"wrist", "ankle"})}


def recorded(path, *, heading=0.0, mirrored=False, unit=1.0, sensor="with wrists and ankles", walk=0.02):
    """A 3D dataset pickle of somebody who walks; heading 0 is towards the camera, 90 to the right of the image."""
    angle = np.radians(heading)
    left, forwards = np.array([np.cos(angle), 0, np.sin(angle)]), np.array([np.sin(angle), 0, -np.cos(angle)])
    names, places = [], []
    for part in sorted(_SENSORS[sensor]):
        sideways, up, ahead = _BODY[part]
        for side, sign in (("", 0),) if part == "head" else (("left_", 1), ("right_", -1)):
            names.append(side + part)
            places.append(sign * sideways * left + np.array([0, up, 0]) + ahead * forwards)
    way = np.arange(12)[:, None, None] * walk * forwards
    points = np.array(places)[None] + way + np.array([0.3, 0, 3.0])
    if mirrored:
        points = points * (-1, 1, 1)
    one = {"frame_dir": "s1", "label": 0, "keypoint": (points[None] * unit).astype(np.float32)}
    path.write_bytes(pickle.dumps({"annotations": [one], "classes": ["walk"], "joints": names}))
    return path


def slot(joint):
    return COCO_17.joints.index(joint)


@pytest.mark.parametrize("sensor", _SENSORS)
def test_recordings_are_put_into_the_slots_of_coco_with_y_down(tmp_path, sensor):
    (one,) = read_dataset_pickle(recorded(tmp_path / "rec.pkl", sensor=sensor))
    assert (one.origin, one.keypoints.shape) == (RECORDED, (1, 12, 17, 3))
    head, wrist, ankle = (one.keypoints[0, 0, slot(joint)] for joint in ("nose", "left_wrist", "left_ankle"))
    assert head[1] < wrist[1] < ankle[1] <= 0
    assert wrist[0] > head[0]  # who faces the camera has the left hand on the right of the image
    assert [COCO_17.joints[joint] for joint in np.flatnonzero(one.scores[0, 0] == 0)] == [
        "left_eye",
        "right_eye",
        "left_ear",
        "right_ear",
    ]


def test_millimetres_become_metres(tmp_path):
    (metres,) = read_dataset_pickle(recorded(tmp_path / "rec.pkl"))
    (millimetres,) = read_dataset_pickle(recorded(tmp_path / "rec.pkl", unit=1000))
    assert np.allclose(metres.keypoints, millimetres.keypoints, atol=1e-5)


@pytest.mark.parametrize("sensor", _SENSORS)
@pytest.mark.parametrize("heading", [0, 60, 90, 180, 250, 330])
def test_mirror_images_are_turned_round_whichever_way_the_person_faces(tmp_path, heading, sensor):
    (true,) = read_dataset_pickle(recorded(tmp_path / "rec.pkl", heading=heading, sensor=sensor))
    (turned,) = read_dataset_pickle(recorded(tmp_path / "rec.pkl", heading=heading, sensor=sensor, mirrored=True))
    assert np.allclose(true.keypoints, turned.keypoints, atol=1e-6)
    assert true.keypoints[0, 0, slot("nose"), 0] > 0.2  # what was no mirror image was left alone


def test_missing_joints_of_a_recording_have_a_score_of_0(tmp_path):
    path = recorded(tmp_path / "rec.pkl")
    dataset_pickle = pickle.loads(path.read_bytes())
    dataset_pickle["annotations"][0]["keypoint"][0, 3, dataset_pickle["joints"].index("left_knee")] = np.nan
    dataset_pickle["annotations"][0]["keypoint"][0, 5, dataset_pickle["joints"].index("left_knee")] = 0
    path.write_bytes(pickle.dumps(dataset_pickle))
    (one,) = read_dataset_pickle(path)
    assert np.flatnonzero(one.scores[0, :, slot("left_knee")] == 0).tolist() == [3, 5]
    assert np.isfinite(one.keypoints).all()


@pytest.mark.shared
def test_penn_action_is_read_whole(shared):
    labeled_clips = read_dataset_pickle(shared / "data" / "poses" / "penn_action_train.pkl")
    assert len(labeled_clips) == 1258
    assert len({one.label for one in labeled_clips}) == 15
    assert all(one.keypoints.shape == (len(one.keypoints), len(one), 17, 2) for one in labeled_clips)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["utd_mhad_3d_train", "kard_3d_train", "nw_ucla_3d_train"])
def test_real_recordings_are_people_of_ordinary_height_with_the_head_up(shared, name):
    labeled_clips = read_dataset_pickle(shared / "data" / "poses" / f"{name}.pkl")
    assert {one.origin for one in labeled_clips} == {RECORDED}
    heads = np.array([np.median(one.keypoints[0, :, slot("nose"), 1]) for one in labeled_clips])
    hips = np.array([np.median(one.keypoints[0, :, slot("left_hip"), 1]) for one in labeled_clips])
    assert 0.3 < np.median(hips - heads) < 1


def test_labels_that_are_numbers_here_and_names_there_are_refused(tmp_path):
    clips = [annotation(), annotation(frame_dir="clip 4", label="run")]
    with pytest.raises(BadPoseFile, match="the number 0 in some annotations and a name, 'run', in others"):
        read_dataset_pickle(written(tmp_path / "pack.pkl", *clips, classes=None))
    assert [one.label for one in read_dataset_pickle(written(tmp_path / "pack.pkl", *clips))] == ["walk", "run"]


def test_what_a_split_names_and_the_dataset_pickle_lacks_is_said(tmp_path):
    said = []
    path = written(tmp_path / "pack.pkl", annotation(frame_dir="a"), split={"val": ["a", "b"]})
    assert len(read_dataset_pickle(path, "val", say=said.append)) == 1
    assert said == ["pack.pkl lacks 1 of the 2 clips that a split names ('b')"]


def test_the_objects_that_posec3d_adds_are_read(tmp_path):
    clips = [people.with_object(people.labeled_clip("arms"), "cup"), people.labeled_clip("legs")]
    with_cup, without = read_dataset_pickle(people.write_dataset_pickle(tmp_path / "pack.pkl", clips))
    assert len(with_cup.objects) == len(with_cup) == 24
    assert with_cup.objects[3].class_names == ["cup"]
    assert np.allclose(with_cup.objects[3].boxes, clips[0].objects[3].boxes)
    assert without.objects == ()
