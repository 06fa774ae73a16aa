"""Objects near people as numbers: the best score of each class, and the best at a hand."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posec3d_cli.skeletons import COCO_17
from posec3d_cli.transforms.object_features import REACH, object_features
from posec3d_cli.types import ObjectTracks, PoseSequence

NAMES = ("sports ball", "cup", "car")
HEIGHT = 100.0
LEFT_WRIST = COCO_17.joints.index("left_wrist")


def person(frames=2, wrist=(50.0, 40.0)):
    """Somebody 100 pixels tall whose left wrist alone is seen, besides head and feet."""
    keypoints = np.zeros((1, frames, 17, 2), np.float32)
    scores = np.zeros((1, frames, 17), np.float32)
    for joint, place in ((0, (50.0, 0.0)), (15, (50.0, HEIGHT)), (LEFT_WRIST, wrist)):
        keypoints[:, :, joint], scores[:, :, joint] = place, 1
    return keypoints, scores


def sequence(rows, poses=None, names=NAMES):
    """A sequence with objects: rows of frame, class, box and score."""
    keypoints, scores = poses or person()
    objects = ObjectTracks(
        np.array([frame for frame, *_ in rows], np.int64),
        np.arange(len(rows), dtype=np.int64),
        np.array([box for _, _, box, _ in rows], np.float32).reshape(-1, 4),
        np.array([score for *_, score in rows], np.float32),
        np.array([NAMES.index(name) for _, name, _, _ in rows], np.int64),
        np.ones(len(rows), bool),
        names,
    )
    indices = np.arange(keypoints.shape[1], dtype=np.int64)
    return PoseSequence(keypoints, scores, (200, 300), indices, Fraction(25), COCO_17, objects=objects)


def test_an_object_around_the_wrist_counts_fully_and_one_a_reach_away_by_a_third():
    at_wrist, away = (45, 35, 55, 45), (50 + REACH * HEIGHT, 35, 90, 45)
    features = object_features(sequence([(0, "cup", at_wrist, 0.5), (1, "sports ball", away, 0.8)]), NAMES)
    assert features[0] == pytest.approx([0.8, 0.5, 0])
    assert features[1] == pytest.approx([0.8 / np.e, 0.5, 0])


def test_the_best_frame_counts():
    box = (45, 35, 55, 45)
    features = object_features(sequence([(0, "cup", box, 0.3), (1, "cup", box, 0.6)]), NAMES)
    assert features[:, 1] == pytest.approx([0.6, 0.6])


def test_of_several_people_the_nearest_hand_counts():
    near, far = person(), person(wrist=(290.0, 40.0))
    both = np.concatenate([near[0], far[0]]), np.concatenate([near[1], far[1]])
    rows = [(0, "cup", (285, 35, 295, 45), 0.9)]
    assert object_features(sequence(rows, both), NAMES)[1, 1] == pytest.approx(0.9)
    assert object_features(sequence(rows, near), NAMES)[1, 1] < 0.01


def test_where_no_wrist_is_seen_nothing_is_at_a_hand():
    keypoints, scores = person()
    scores[:, :, LEFT_WRIST] = 0
    features = object_features(sequence([(0, "cup", (45, 35, 55, 45), 0.9)], (keypoints, scores)), NAMES)
    assert features[:, 1] == pytest.approx([0.9, 0])


def test_classes_that_are_not_asked_for_are_left_out_and_those_unknown_to_the_detector_are_zero():
    features = object_features(sequence([(0, "car", (0, 0, 9, 9), 0.9)]), ("skis", "sports ball"))
    assert features.tolist() == [[0, 0], [0, 0]]


def test_without_a_search_for_objects_there_is_no_answer():
    keypoints, scores = person()
    alone = PoseSequence(keypoints, scores, (200, 300), np.arange(2), Fraction(25), COCO_17)
    assert object_features(alone, NAMES) is None
    assert object_features(sequence([]), NAMES).shape == (2, 3)


@given(
    st.lists(st.tuples(st.integers(0, 1), st.sampled_from(NAMES), st.floats(0.1, 1)), max_size=6), st.floats(-99, 99)
)
def test_features_lie_between_0_and_the_best_score_wherever_things_are(found, shift):
    rows = [(frame, name, (40 + shift, 30, 60 + shift, 50), score) for frame, name, score in sorted(found)]
    seen, at_hand = object_features(sequence(rows), NAMES)
    assert (at_hand >= 0).all()
    assert (at_hand <= seen).all()
    assert seen.max(initial=0) == pytest.approx(max((score for *_, score in rows), default=0))
