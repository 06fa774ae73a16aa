from __future__ import annotations

import numpy as np
import pytest

from posec3d_cli.stages.detectors.tflite_postprocess import Postprocess, Quantization, suppress

ANCHORS = np.array([[0.25, 0.25, 0.2, 0.1], [0.25, 0.25, 0.2, 0.1], [0.75, 0.5, 0.4, 0.4]])


def made(**changes) -> Postprocess:
    settings = {
        "anchors": ANCHORS,
        "scales": (1.0, 1.0, 1.0, 1.0),
        "iou": 0.5,
        "most": 25,
        "boxes": Quantization(),
        "scores": Quantization(),
    }
    return Postprocess(**{**settings, **changes})


def test_a_box_without_an_offset_is_its_anchor():
    corners, classes, scores = made().apply(np.zeros((3, 4), np.float32), np.eye(3, 2, dtype=np.float32) * 0.5, 0.1)
    assert corners.dtype == scores.dtype == np.float32
    assert np.allclose(corners, [[0.15, 0.2, 0.35, 0.3]])
    assert classes.tolist() == [0]
    assert scores.tolist() == [0.5]


def test_offsets_count_in_sides_of_the_anchor_and_sizes_by_their_logarithm():
    encoded = np.zeros((3, 4), np.float32)
    encoded[2] = [0.5, -0.25, np.log(0.5), np.log(2)]
    scores = np.array([[0.0], [0.0], [0.9]], np.float32)
    corners, _, _ = made().apply(encoded, scores, 0.1)
    assert np.allclose(corners, [[0.85, 0.0, 1.05, 0.8]])
    corners, _, _ = made(scales=(10.0, 10.0, 5.0, 5.0)).apply(encoded * [10, 10, 5, 5], scores, 0.1)
    assert np.allclose(corners, [[0.85, 0.0, 1.05, 0.8]])


def test_a_weaker_box_goes_whatever_its_class_and_the_best_comes_first():
    scores = np.array([[0.3, 0.0], [0.0, 0.4], [0.2, 0.9]], np.float32)
    corners, classes, kept = made().apply(np.zeros((3, 4), np.float32), scores, 0.1)
    assert kept.tolist() == pytest.approx([0.9, 0.4])
    assert classes.tolist() == [1, 1]
    assert len(made(most=1).apply(np.zeros((3, 4), np.float32), scores, 0.1)[0]) == 1
    assert len(made(iou=1.0).apply(np.zeros((3, 4), np.float32), scores, 0.1)[0]) == 3
    assert len(corners) == 2


def test_of_scores_alike_the_first_class_and_the_first_anchor_count():
    scores = np.array([[0.5, 0.5], [0.2, 0.5], [0.5, 0.1]], np.float32)
    corners, classes, _ = made().apply(np.zeros((3, 4), np.float32), scores, 0.1)
    assert np.allclose(corners[0], [0.15, 0.2, 0.35, 0.3])
    assert classes.tolist() == [0, 0]


@pytest.mark.parametrize(("at_least", "found"), [(0.0, 2), (0.5, 2), (0.51, 1), (0.99, 1), (1.0, 0), (2.0, 0)])
def test_eight_bit_numbers_stand_for_scores_and_boxes(at_least, found):
    scores = np.array([[-128], [0], [127]], np.int8)  # 0, 0.5 and just below 1
    post = made(scores=Quantization(1 / 256, -128), boxes=Quantization(0.1, 10))
    corners, classes, kept = post.apply(np.full((3, 4), 10, np.int8), scores, at_least)
    assert len(corners) == len(classes) == len(kept) == found
    assert kept.tolist() == [255 / 256, 0.5][:found]
    if found:
        assert np.allclose(corners[0], [0.55, 0.3, 0.95, 0.7])


def test_nothing_above_the_threshold_is_no_box():
    corners, classes, scores = made().apply(np.zeros((3, 4), np.float32), np.zeros((3, 2), np.float32), 0.1)
    assert (corners.shape, classes.shape, scores.shape) == ((0, 4), (0,), (0,))


def test_boxes_without_an_area_suppress_nothing_and_are_not_suppressed():
    boxes = np.array([[0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 1, 1], [0, 0, 1, 1]], np.float32)
    assert suppress(boxes, 0.5, 25) == [0, 1, 2]
