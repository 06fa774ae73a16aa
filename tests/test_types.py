"""The values that pass between the stages: what they refuse, what they print, and what absence looks like."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from posec3d_cli.errors import StageMismatch
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.types import (
    ActionScores,
    Detections,
    Frame,
    HeatmapVolume,
    JointClips,
    JointHeatmaps,
    Objects,
    ObjectTracks,
    Poses,
    PoseSequence,
    SequenceHeatmaps,
    VideoInfo,
)


def zeros(*shape, dtype=np.float32):
    return np.zeros(shape, dtype)


def objects(rows=2, *, boxes=None, scores=None, classes=None, names=("ball", "cup")):
    return Objects(
        zeros(rows, 4) if boxes is None else boxes,
        zeros(rows) if scores is None else scores,
        zeros(rows, dtype=np.int64) if classes is None else np.array(classes),
        names,
    )


def object_tracks(columns=(0, 1, 2), classes=None):
    rows = len(columns)
    classes = np.zeros(rows, np.int64) if classes is None else np.array(classes)
    numbers = np.array(columns, np.int64), np.zeros(rows, np.int64)
    return ObjectTracks(*numbers, zeros(rows, 4), zeros(rows), classes, np.ones(rows, bool), ("ball",))


def sequence(people=2, frames=3, *, indices=None, joints=17, scores=None, heatmaps=None, objects=None):
    return PoseSequence(
        zeros(people, frames, joints, 2),
        zeros(people, frames, joints) if scores is None else scores,
        (48, 80),
        np.arange(frames) if indices is None else np.array(indices),
        Fraction(25),
        COCO_17,
        heatmaps,
        objects,
    )


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: Frame(zeros(4, 5, dtype=np.uint8), 0, 0.0), "Frame.pixels must have shape (H, W, 3), got (4, 5)"),
        (
            lambda: Frame(zeros(4, 5, 4, dtype=np.uint8), 0, 0.0),
            "Frame.pixels must have shape (H, W, 3), got (4, 5, 4)",
        ),
        (lambda: Detections(zeros(2, 5), zeros(2)), "Detections.boxes must have shape (N, 4), got (2, 5)"),
        (lambda: Detections(zeros(2, 4), zeros(3)), "Detections.scores must have shape (2), got (3,)"),
        (lambda: objects(boxes=zeros(2, 5)), "Objects.boxes must have shape (Q, 4), got (2, 5)"),
        (lambda: objects(scores=zeros(3)), "Objects.scores must have shape (2), got (3,)"),
        (lambda: objects(classes=[0]), "Objects.classes must have shape (2), got (1,)"),
        (lambda: object_tracks(classes=[0]), "ObjectTracks.classes must have shape (3), got (1,)"),
        (
            lambda: JointHeatmaps(zeros(2, 17, 8, 8), zeros(1, 2, 3)),
            "JointHeatmaps.to_frame must have shape (2, 2, 3), got (1, 2, 3)",
        ),
        (lambda: Poses(zeros(2, 17, 3), zeros(2, 17)), "Poses.keypoints must have shape (N, K, 2), got (2, 17, 3)"),
        (lambda: Poses(zeros(2, 17, 2), zeros(2, 16)), "Poses.scores must have shape (2, 17), got (2, 16)"),
        (
            lambda: Poses(zeros(2, 17, 2), zeros(2, 17), JointHeatmaps(zeros(1, 17, 8, 8), zeros(1, 2, 3))),
            "Poses.heatmaps.values must have shape (2, 17, h, w), got (1, 17, 8, 8)",
        ),
        (
            lambda: SequenceHeatmaps(zeros(2, 3, 17, 8, 8), zeros(2, 4, 2, 3)),
            "SequenceHeatmaps.to_frame must have shape (2, 3, 2, 3), got (2, 4, 2, 3)",
        ),
        (
            lambda: sequence(joints=16),
            "PoseSequence.keypoints must have shape (M, T, 17, 2), got (2, 3, 16, 2)",
        ),
        (
            lambda: sequence(scores=zeros(1, 3, 17)),
            "PoseSequence.scores must have shape (2, 3, 17), got (1, 3, 17)",
        ),
        (lambda: sequence(indices=[0, 1]), "PoseSequence.frame_indices must have shape (3), got (2,)"),
        (
            lambda: sequence(heatmaps=SequenceHeatmaps(zeros(2, 4, 17, 8, 8), zeros(2, 4, 2, 3))),
            "PoseSequence.heatmaps.values must have shape (2, 3, 17, h, w), got (2, 4, 17, 8, 8)",
        ),
        (
            lambda: HeatmapVolume(zeros(17, 48, 56, 56)),
            "HeatmapVolume.values must have shape (V, K, T, H, W), got (17, 48, 56, 56)",
        ),
        (
            lambda: JointClips(zeros(1, 48, 17, 3)),
            "JointClips.values must have shape (V, M, T, K, C), got (1, 48, 17, 3)",
        ),
        (
            lambda: ActionScores(zeros(3), ("jump", "walk")),
            "ActionScores.probabilities must have shape (2), got (3,)",
        ),
    ],
)
def test_a_wrong_shape_is_refused_and_both_shapes_are_shown(make, complaint):
    with pytest.raises(StageMismatch) as caught:
        make()
    assert caught.value.what == complaint


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: Frame(zeros(4, 5, 3), 0, 0.0), "Frame.pixels must be an array of uint8, got float32"),
        (
            lambda: Detections(zeros(2, 4, dtype=np.float64), zeros(2)),
            "Detections.boxes must be an array of float32, got float64",
        ),
        (lambda: Detections([[0, 0, 1, 1]], zeros(1)), "Detections.boxes must be an array of float32, got list"),
        (
            lambda: sequence(indices=[0.0, 1.0, 2.0]),
            "PoseSequence.frame_indices must be an array of int64, got float64",
        ),
        (
            lambda: HeatmapVolume(zeros(1, 1, 1, 1, 1, dtype=np.float16)),
            "HeatmapVolume.values must be an array of float32, got float16",
        ),
    ],
)
def test_a_wrong_kind_of_number_is_refused_and_both_kinds_are_shown(make, complaint):
    with pytest.raises(StageMismatch) as caught:
        make()
    assert caught.value.what == complaint


@pytest.mark.parametrize("indices", [[0, 2, 1], [0, 1, 1], [5, 5, 5]])
def test_frames_out_of_order_or_repeated_are_refused(indices):
    with pytest.raises(StageMismatch, match="strictly increasing"):
        sequence(indices=indices)


def test_frames_may_be_left_out():
    assert sequence(indices=[0, 7, 30]).frame_indices.tolist() == [0, 7, 30]


def test_a_repr_prints_shapes_and_not_values():
    assert repr(HeatmapVolume(zeros(1, 17, 48, 56, 56))) == "HeatmapVolume(values=float32(1, 17, 48, 56, 56))"
    frame = Frame(zeros(4, 5, 3, dtype=np.uint8), 7, 0.28)
    assert repr(frame) == "Frame(pixels=uint8(4, 5, 3), index=7, seconds=0.28)"
    nested = Poses(zeros(1, 17, 2), zeros(1, 17), JointHeatmaps(zeros(1, 17, 8, 8), zeros(1, 2, 3)))
    assert "heatmaps=JointHeatmaps(values=float32(1, 17, 8, 8), to_frame=float32(1, 2, 3))" in repr(nested)
    assert "keypoints=float32(2, 3, 17, 2)" in repr(sequence())


def test_nobody_in_a_frame_is_a_value():
    assert len(Detections.none()) == 0
    assert Detections.none().boxes.shape == (0, 4)
    nobody = Poses.none(17)
    assert (len(nobody), nobody.keypoints.shape, nobody.scores.shape) == (0, (0, 17, 2), (0, 17))
    assert nobody.heatmaps is None


def test_nobody_in_a_video_is_a_value():
    empty = sequence(people=0)
    assert (empty.people, len(empty)) == (0, 3)


def test_people_and_frames_of_a_sequence_are_counted_apart():
    both = sequence(people=2, frames=5)
    assert (both.people, len(both)) == (2, 5)


@pytest.mark.parametrize("value", [Detections.none(), sequence(), HeatmapVolume(zeros(1, 1, 1, 1, 1))])
def test_a_value_is_itself_and_equal_to_nothing_else(value):
    assert value == value
    assert value != type(value)(**vars(value))
    with pytest.raises(AttributeError):
        value.scores = None


def test_outputs_with_the_same_label_count_together():
    probabilities = np.array([0.1, 0.2, 0.3, 0.15, 0.25], np.float32)
    scores = ActionScores.of_outputs(probabilities, ("walk", "unknown", "jump", "unknown", "walk"))
    assert scores.labels == ("walk", "unknown", "jump")
    assert scores.probabilities.dtype == np.float32
    assert scores.probabilities == pytest.approx([0.35, 0.35, 0.3])
    each = ActionScores.of_outputs(probabilities, tuple("edcba"))
    assert (each.labels, each.probabilities.tolist()) == (tuple("edcba"), probabilities.tolist())


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.floats(0, 1, width=32)), min_size=1))
def test_the_sum_over_outputs_is_that_of_their_labels(outputs):
    labels, probabilities = zip(*outputs, strict=True)
    scores = ActionScores.of_outputs(np.array(probabilities, np.float32), labels)
    assert sorted(scores.labels) == sorted(set(labels))
    assert list(scores.labels) == sorted(set(labels), key=labels.index)
    for label, summed in zip(scores.labels, scores.probabilities, strict=True):
        assert summed == pytest.approx(sum(one for name, one in outputs if name == label), rel=1e-5)


@pytest.mark.parametrize(
    ("probabilities", "label", "expected"),
    [
        ([0.6, 0.3, 0.1], "jump", [0, 0.75, 0.25]),
        ([0.6, 0.3, 0.1], "nap", [0.6, 0.3, 0.1]),
        ([0, 1, 0], "walk", [0.5, 0, 0.5]),  # nothing tells the others apart
    ],
)
def test_a_label_that_is_ruled_out_leaves_the_others_their_ratios(probabilities, label, expected):
    scores = ActionScores(np.array(probabilities, np.float32), ("jump", "walk", "wave"))
    assert scores.ruling_out({label}).probabilities == pytest.approx(expected)


def test_the_only_label_is_never_ruled_out_and_the_answer_without_objects_follows():
    assert ActionScores(np.ones(1, np.float32), ("walk",)).ruling_out({"walk"}).probabilities.tolist() == [1]
    bare = np.array([0.5, 0.25, 0.25], np.float32)
    scores = ActionScores(np.array([0.2, 0.2, 0.6], np.float32), ("jump", "walk", "wave"), bare)
    assert scores.ruling_out({"wave"}).of_poses.probabilities == pytest.approx([2 / 3, 1 / 3, 0])


def test_the_best_action_comes_first():
    scores = ActionScores(np.array([0.2, 0.5, 0.3], np.float32), ("jump", "walk", "wave"))
    assert scores.top(2) == [("walk", 0.5), ("wave", pytest.approx(0.3))]
    assert [type(probability) for _, probability in scores.top(2)] == [float, float]


def test_equal_probabilities_keep_the_order_of_the_labels():
    scores = ActionScores(np.full(4, 0.25, np.float32), ("a", "b", "c", "d"))
    assert [label for label, _ in scores.top(3)] == ["a", "b", "c"]


@given(
    probabilities=arrays.arrays(np.float32, st.integers(1, 20), elements=st.floats(0, 1, width=32)),
    k=st.integers(0, 25),
)
def test_the_top_k_are_the_k_largest(probabilities, k):
    labels = tuple(f"action {number}" for number in range(len(probabilities)))
    top = ActionScores(probabilities, labels).top(k)
    assert [probability for _, probability in top] == sorted(map(float, probabilities), reverse=True)[:k]
    assert all(probabilities[labels.index(label)] == np.float32(probability) for label, probability in top)
    assert len({label for label, _ in top}) == len(top)


def test_objects_of_classes_without_a_name_are_refused():
    for classes in ([0, 2], [-1, 0]):
        with pytest.raises(StageMismatch, match=rf"Objects.classes must lie in \[0, 2\), got {min(classes)} to"):
            objects(classes=classes)
    assert objects(classes=[1, 0]).class_names == ["cup", "ball"]
    assert len(Objects.none(("ball",))) == 0


def test_objects_outside_the_frames_of_a_sequence_are_refused():
    assert sequence(objects=object_tracks()).objects.in_frame(2).columns.tolist() == [2]
    assert len(sequence(objects=object_tracks([])).objects.in_frame(0)) == 0
    with pytest.raises(StageMismatch, match=r"must lie in its 3 frames, got \[1 2 3\]"):
        sequence(objects=object_tracks([1, 2, 3]))
    with pytest.raises(StageMismatch, match="ascending"):
        object_tracks([2, 1, 0])


def test_detections_without_objects_are_those_of_a_detector_that_knows_people_only():
    assert Detections.none().objects is None


def test_the_times_of_frames_are_those_of_the_container_where_the_rate_does_not_say_them():
    even = VideoInfo(Path("a.mp4"), 8, 6, Fraction(25), 3, 0.12, "h264", 0, 0, False, start=0.5)
    assert [even.seconds(frame) for frame in range(4)] == [0.5, 0.54, 0.58, 0.62]
    assert even.elapsed([0, 3]).tolist() == [0, 3 / 25]
    assert even.length(1, 3) == 2
    uneven = replace(even, boundaries=np.array([0, 0.1, 0.5, 1.5]), duration=1.5)
    assert [uneven.seconds(frame) for frame in range(4)] == [0.5, 0.6, 1.0, 2.0]
    assert uneven.elapsed([0, 3]).tolist() == [0, 1.5]
    assert uneven.length(1, 3) == pytest.approx(1.4 * 25)
    with pytest.raises(StageMismatch, match=r"boundaries must have shape \(4\), got \(3,\)"):
        replace(even, boundaries=np.zeros(3))
