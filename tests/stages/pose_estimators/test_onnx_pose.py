from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from onnx_factory import Meeting, write_constants, write_heatmaps, write_simcc
from pose_cases import BOXES, CROP_SIZE, gradient, heatmaps, rows_of_cells

from posec3d_cli import testing
from posec3d_cli.errors import BadCard
from posec3d_cli.hub.cards import ModelCard
from posec3d_cli.stages.pose_estimators.onnx import OnnxPose, decode_heatmaps, decode_simcc
from posec3d_cli.stages.pose_estimators.person_crop import crop_image, person_crops, to_input
from posec3d_cli.types import Detections, Frame

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "onnx_pose.json").read_text())
SIZE = (48, 64)
"""(w, h)."""
RECIPE = {"input_size": list(SIZE), "channels": "rgb", "std": [255] * 3, "skeleton": "coco-17"}
WRITERS = {"simcc": write_simcc, "heatmap": write_heatmaps}


def made(model, output, **changed):
    recipe = {**RECIPE, "output": output, **changed}
    card = ModelCard("tiny", "pose", "onnx", "tiny", "none", "none", (), recipe, (), model.parent, True)
    return OnnxPose.from_card(card, {"model": model})


def one_box(*corners):
    return Detections(np.array([corners], np.float32), np.ones(1, np.float32))


def test_crops_are_those_of_the_published_transform():
    transforms = to_input(person_crops(BOXES, CROP_SIZE, padding=1.25, convention="1.x"), CROP_SIZE)
    found = np.stack([crop_image(gradient(), transform, CROP_SIZE) for transform in transforms])
    assert np.abs(found - np.array(GOLDEN["crops"])).max() <= 1  # OpenCV rounds grey values by machine


def test_simcc_is_decoded_as_published():
    positions, scores = decode_simcc(rows_of_cells(), CROP_SIZE)
    expected = np.array(GOLDEN["simcc"]["scores"])
    assert scores == pytest.approx(expected, abs=1e-6)
    found = expected > 0
    assert 0 < (~found).sum() < 5  # published code puts these at -1
    assert np.array_equal(positions[found], np.array(GOLDEN["simcc"]["positions"])[found])


def test_heatmaps_are_decoded_as_published():
    positions, scores = decode_heatmaps([heatmaps()], CROP_SIZE)
    expected = np.array(GOLDEN["heatmap"]["scores"])
    assert np.array_equal(scores, np.maximum(expected, 0))
    found = expected > 0
    assert (~found).sum() == 1
    assert positions[found] == pytest.approx(np.array(GOLDEN["heatmap"]["positions"])[found], abs=1e-5)
    assert np.unique(positions % 2).size > 2  # some are refined, some are not


@pytest.mark.parametrize("output", WRITERS)
@pytest.mark.parametrize(("x", "y"), [(150, 100), (97, 131), (140, 45)])
def test_a_bright_spot_is_found_where_it_is(tmp_path, output, x, y):
    stage = made(WRITERS[output](tmp_path / "a.onnx", size=SIZE), output)
    pixels = np.zeros((240, 320, 3), np.uint8)
    pixels[y - 6 : y + 7, x - 6 : x + 7] = 200
    [poses] = stage.estimate([Frame(pixels, 0, 0.0)], [one_box(80, 30, 160, 150)])
    cell = 150 / 64 * (0.5 if output == "simcc" else 4)
    assert np.abs(poses.keypoints - [x, y]).max() < 6 + cell
    assert (poses.scores > 0.6).all()
    assert (poses.scores <= 201 / 255).all()


def test_scores_are_cut_to_what_a_confidence_can_be(tmp_path):
    along_x, along_y = np.zeros((1, 17, 96), np.float32), np.zeros((1, 17, 128), np.float32)
    along_x[0, :3, 5], along_y[0, :3, 9] = [1.4, 0.6, 2], [1.2, 0.7, -1]
    along_y[0, 2] -= 1
    stage = made(write_constants(tmp_path / "a.onnx", along_x, along_y, shape=[1, 3, *SIZE[::-1]]), "simcc")
    [poses] = stage.estimate([Frame(np.zeros((9, 9, 3), np.uint8), 0, 0.0)], [one_box(0, 0, 9, 9)])
    assert poses.scores[0, :3] == pytest.approx([1, 0.6, 0])


@pytest.mark.parametrize("output", WRITERS)
def test_one_at_a_time_and_many_at_once_agree(tmp_path, output):
    stages = [
        made(WRITERS[output](tmp_path / f"{batch}.onnx", size=SIZE, batch=batch), output, threads=threads)
        for batch, threads in [(1, 1), (1, 3), ("people", 1), ("people", 3)]
    ]
    frames = testing.sample_frames()
    generator = np.random.default_rng(3)
    corners = generator.uniform(0, 60, (3, 13, 2))
    boxes = np.concatenate([corners, corners + generator.uniform(20, 90, (3, 13, 2))], axis=2).astype(np.float32)
    detections = [Detections(one, np.ones(13, np.float32)) for one in boxes]  # 39 people
    alone, *ways = (stage.estimate(frames, detections) for stage in stages)
    for way in ways:
        for one, other in zip(alone, way, strict=True):
            assert one.keypoints == pytest.approx(other.keypoints, abs=1e-4)
            assert one.scores == pytest.approx(other.scores, abs=1e-6)


@pytest.mark.parametrize("batch", [1, "people"])
def test_people_are_posed_side_by_side(tmp_path, batch):
    stage = made(write_simcc(tmp_path / "a.onnx", size=SIZE, batch=batch), "simcc", threads=3)
    stage._session = Meeting(stage._session, 3)
    frames = [Frame(np.zeros((90, 90, 3), np.uint8), number, 0.0) for number in range(3)]
    assert [len(poses) for poses in stage.estimate(frames, [one_box(5, 5, 80, 80)] * 3)] == [1, 1, 1]


def test_of_a_model_with_more_joints_the_seventeen_of_coco_are_kept(tmp_path):
    along_x = np.zeros((1, 26, 96), np.float32)
    along_x[0, np.arange(26), np.arange(26)] = 1
    model = write_constants(tmp_path / "a.onnx", along_x, np.ones((1, 26, 128), np.float32), shape=[1, 3, *SIZE[::-1]])
    frame, box = Frame(np.zeros((128, 96, 3), np.uint8), 0, 0.0), one_box(0, 0, 96, 128)
    stage = made(model, "simcc", skeleton="halpe-26", crop_padding=1)
    [poses] = stage.estimate([frame], [box])
    assert poses.keypoints[0, :, 0].tolist() == list(range(17))  # two pixels of the frame to one of the crop
    with pytest.raises(BadCard, match="returns 26 joints, but coco-17 has 17"):
        made(model, "simcc").estimate([frame], [box])


@pytest.mark.parametrize("output", WRITERS)
def test_a_pose_model_on_onnx_keeps_the_contract(tmp_path, output):
    testing.check_pose_estimator(made(WRITERS[output](tmp_path / "a.onnx", size=SIZE), output))


def test_a_recipe_that_does_not_fit_is_refused_by_name(tmp_path):
    model = write_simcc(tmp_path / "a.onnx", size=SIZE)
    for changed, complaint in [
        ({"skeleton": "coco-wholebody"}, "skeleton must be one of coco-17, halpe-26, got 'coco-wholebody'"),
        ({"flip_test": True}, "flip_test"),
        ({"input_size": [64, 48]}, r"\(N, 3, 48, 64\)"),
    ]:
        with pytest.raises(BadCard, match=complaint):
            made(model, "simcc", **changed)
    with pytest.raises(BadCard, match=r"recipe\.output must be one of heatmap, simcc, got 'regression'"):
        made(model, "regression")
    with pytest.raises(BadCard, match="one crop at a time or any number, but reads 4"):
        made(write_simcc(tmp_path / "b.onnx", size=SIZE, batch=4), "simcc")


def test_outputs_of_another_kind_are_refused_with_their_shapes():
    with pytest.raises(BadCard, match=r"\(2, 17, 128\) and \(2, 17, 96\), not cells"):
        decode_simcc([np.zeros((2, 17, 128)), np.zeros((2, 17, 96))], SIZE)
    with pytest.raises(BadCard, match=r"\(2, 17, 16, 12\)"):
        decode_simcc([np.zeros((2, 17, 16, 12)), np.zeros((2, 17, 96))], SIZE)
    with pytest.raises(BadCard, match=r"\(2, 17, 96\) where heatmaps"):
        decode_heatmaps([np.zeros((2, 17, 96))], SIZE)
