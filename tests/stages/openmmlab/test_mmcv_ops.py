"""Suppression of doubles and RoIAlign beside a plain reading of what they are, and beside ONNX Runtime's."""

from __future__ import annotations

import itertools
import math

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from posec3d_cli.errors import StageUnavailable
from posec3d_cli.stages.openmmlab.mmcv_ops import Operators, nms, roi_align_forward


def random_boxes(count, seed, *, width=100):
    chance = np.random.default_rng(seed)
    corners = chance.uniform(0, width, (count, 2))
    sizes = chance.uniform(0, width / 2, (count, 2))
    boxes = np.concatenate([corners, corners + sizes], axis=1).astype(np.float32)
    return boxes, chance.permutation(count).astype(np.float32) / count  # no two alike


def plain_nms(boxes, scores, threshold, offset):
    """One pair after the other, in float32 as the operator computes."""
    boxes, offset = boxes.astype(np.float32), np.float32(offset)
    kept = []
    for one in sorted(range(len(boxes)), key=lambda n: -scores[n]):
        for better in kept:
            low, high = np.maximum(boxes[one, :2], boxes[better, :2]), np.minimum(boxes[one, 2:], boxes[better, 2:])
            shared = np.maximum(high - low + offset, 0).prod()
            areas = [(boxes[n, 2:] - boxes[n, :2] + offset).prod() for n in (one, better)]
            if sum(areas) - shared > 0 and shared / (sum(areas) - shared) > threshold:
                break
        else:
            kept.append(one)
    return kept


def run_nms(boxes, scores, threshold, offset=0):
    return nms(torch.tensor(boxes), torch.tensor(scores), iou_threshold=threshold, offset=offset).tolist()


@given(st.integers(0, 40), st.integers(0, 10**6), st.sampled_from([0.0, 0.3, 0.6, 1.0]), st.sampled_from([0, 1]))
@settings(deadline=None, max_examples=60)
def test_each_box_that_stays_suppresses_the_weaker_that_overlap_it(count, seed, threshold, offset):
    boxes, scores = random_boxes(count, seed)
    assert run_nms(boxes, scores, threshold, offset) == plain_nms(boxes, scores, threshold, offset)


def test_of_equal_scores_the_first_goes_first_and_boxes_without_area_stay():
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 10], [5, 5, 5, 5], [5, 5, 5, 5]], np.float32)
    assert run_nms(boxes, np.ones(4, np.float32), 0.5) == [0, 2, 3]


def test_the_last_pixel_belongs_to_the_box_with_an_offset_of_one():
    boxes = np.array([[0, 0, 9, 9], [0, 0, 9, 4]], np.float32)  # 10 x 10 and 10 x 5 pixels: half
    scores = np.array([0.9, 0.8], np.float32)
    assert run_nms(boxes, scores, 0.49, offset=1) == [0]
    assert run_nms(boxes, scores, 0.49) == [0, 1]  # 9 x 4 of 9 x 9


def test_nms_agrees_with_onnxruntime():
    boxes, scores = random_boxes(400, 3)
    limits = [helper.make_tensor(name, kind, [1], [value]) for name, kind, value in (
        ("most", TensorProto.INT64, 10**6), ("iou", TensorProto.FLOAT, 0.4), ("score", TensorProto.FLOAT, -1.0)
    )]  # fmt: skip
    node = helper.make_node("NonMaxSuppression", ["boxes", "scores", "most", "iou", "score"], ["kept"])
    answer = answer_of(node, {"boxes": boxes[None], "scores": scores[None, None]}, limits, TensorProto.INT64)
    assert run_nms(boxes, scores, 0.4) == answer[:, 2].tolist()


def answer_of(node, inputs, constants=(), kind=TensorProto.FLOAT):
    kinds = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.int64): TensorProto.INT64}
    takes = [helper.make_tensor_value_info(name, kinds[one.dtype], one.shape) for name, one in inputs.items()]
    gives = [helper.make_tensor_value_info(node.output[0], kind, None)]
    graph = helper.make_graph([node], "one", takes, gives, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 16)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, inputs)[0]


def some_rois(count, seed, *, extent):
    """Regions in and across the edge of an image, and one far outside."""
    chance = np.random.default_rng(seed)
    corners = chance.uniform(-0.3, 0.9, (count, 2)) * extent
    sizes = chance.uniform(0.0, 0.8, (count, 2)) * extent
    boxes = np.concatenate([corners, corners + sizes], axis=1)
    boxes[-1] = extent * 5, extent * 5, extent * 6, extent * 6
    return np.concatenate([chance.integers(0, 2, (count, 1)), boxes], axis=1).astype(np.float32)


def run_roi_align(features, rois, bins, scale, ratio, aligned, *, mode=1):
    output = torch.full((len(rois), features.shape[1], *bins), torch.nan)
    none = torch.zeros(0)
    roi_align_forward(
        torch.tensor(features),
        torch.tensor(rois),
        output,
        none,
        none,
        aligned_height=bins[0],
        aligned_width=bins[1],
        spatial_scale=scale,
        sampling_ratio=ratio,
        pool_mode=mode,
        aligned=aligned,
    )
    return output.numpy()


def bilinear(image, y, x):
    """The value between four cells; the nearest edge within one cell of the map, nothing beyond."""
    height, width = image.shape
    if not (-1 <= y <= height and -1 <= x <= width):
        return 0.0
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = int(y), int(x)
    down, right = min(top + 1, height - 1), min(left + 1, width - 1)
    fy, fx = y - top, x - left
    upper = image[top, left] * (1 - fx) + image[top, right] * fx
    return upper * (1 - fy) + (image[down, left] * (1 - fx) + image[down, right] * fx) * fy


def plain_roi_align(features, rois, bins, scale, ratio, aligned):
    output = np.zeros((len(rois), features.shape[1], *bins))
    for number, (image, *box) in enumerate(rois.astype(np.float64)):
        x1, y1, x2, y2 = np.array(box) * scale - (0.5 if aligned else 0)
        height, width = y2 - y1, x2 - x1
        if not aligned:
            height, width = max(height, 1), max(width, 1)
        down = ratio or math.ceil(height / bins[0])
        across = ratio or math.ceil(width / bins[1])
        for channel, row, column in itertools.product(range(features.shape[1]), range(bins[0]), range(bins[1])):
            values = [
                bilinear(
                    features[int(image), channel],
                    y1 + (row + (i + 0.5) / down) * height / bins[0],
                    x1 + (column + (j + 0.5) / across) * width / bins[1],
                )
                for i in range(down)
                for j in range(across)
            ]
            output[number, channel, row, column] = sum(values) / max(len(values), 1)
    return output


@given(
    st.integers(0, 10**6), st.sampled_from([0, 1, 2]), st.booleans(), st.sampled_from([(1, 1), (2, 3)]),
    st.sampled_from([1.0, 0.25]),
)  # fmt: skip
@settings(deadline=None, max_examples=40)
def test_each_bin_is_the_mean_of_its_samples(seed, ratio, aligned, bins, scale):
    features = np.random.default_rng(seed).normal(size=(2, 2, 7, 5)).astype(np.float32)
    rois = some_rois(4, seed, extent=6 / scale)
    wanted = plain_roi_align(features, rois, bins, scale, ratio, aligned)
    np.testing.assert_allclose(run_roi_align(features, rois, bins, scale, ratio, aligned), wanted, atol=2e-5)


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("ratio", [0, 2])
def test_roi_align_agrees_with_onnxruntime(aligned, ratio):
    features = np.random.default_rng(1).normal(size=(2, 8, 25, 34)).astype(np.float32)
    rois = some_rois(60, 2, extent=25 * 16)
    node = helper.make_node(
        "RoiAlign",
        ["features", "rois", "pictures"],
        ["pooled"],
        output_height=7,
        output_width=7,
        sampling_ratio=ratio,
        spatial_scale=1 / 16,
        coordinate_transformation_mode="half_pixel" if aligned else "output_half_pixel",
    )
    images = rois[:, 0].astype(np.int64)
    wanted = answer_of(node, {"features": features, "rois": rois[:, 1:].copy(), "pictures": images})
    np.testing.assert_allclose(run_roi_align(features, rois, (7, 7), 1 / 16, ratio, aligned), wanted, atol=5e-5)


def test_no_region_is_no_output():
    features = np.ones((1, 3, 4, 4), np.float32)
    assert run_roi_align(features, np.zeros((0, 5), np.float32), (2, 2), 1.0, 0, True).shape == (0, 3, 2, 2)


def test_the_maximum_of_each_bin_is_refused():
    with pytest.raises(StageUnavailable, match="maximum"):
        run_roi_align(np.ones((1, 1, 4, 4), np.float32), np.zeros((1, 5), np.float32), (2, 2), 1.0, 0, True, mode=0)


def test_every_other_operator_is_there_until_it_is_called():
    operators = Operators()
    assert operators.nms is nms
    assert hasattr(operators, "deform_conv_forward")
    with pytest.raises(StageUnavailable, match="deform_conv_forward"):
        operators.deform_conv_forward(1, threshold=2)
    assert not hasattr(operators, "__path__")


def test_who_looks_for_the_compiled_module_finds_no_loader():
    assert Operators().__spec__.loader is None
