from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from msgspec import structs

from posec3d_cli.errors import BadCard, StageUnavailable
from posec3d_cli.hub.cards import ModelCard
from posec3d_cli.hub.convert_tfjs import convert, read_weights
from posec3d_cli.hub.converted import convert_files
from posec3d_cli.stages.pose_estimators.movenet import MoveNet, center_weights, crop_transform, decode_joints
from posec3d_cli.types import Detections, Frame

Weights = Callable[[str], tuple[ModelCard, dict[str, Path]]]


def test_a_crop_puts_the_middle_of_the_box_in_its_middle() -> None:
    transform = crop_transform(np.array([100, 50, 140, 250], np.float32), 1.25, 256)
    middle = transform @ [119.5, 149.5, 1]  # pixel centres lie at whole numbers, box edges between pixels
    assert middle == pytest.approx([127.5, 127.5])
    assert transform[0, 0] == pytest.approx(256 / 250)


def test_decoding_takes_the_peak_near_the_person_in_the_middle() -> None:
    heat = np.zeros((1, 48, 48, 17), np.float32)
    heat[0, 20, 22] = 0.8  # the person in the middle
    heat[0, 2, 2] = 0.9  # somebody stronger in the corner
    center = np.zeros((1, 48, 48, 1), np.float32)
    center[0, 24, 24] = 0.7
    regress = np.tile(np.array([-4, -2], np.float32), 17)[None, None, None].repeat(48, 1).repeat(48, 2)
    offset = np.full((1, 48, 48, 34), 0.25, np.float32)
    cells, scores = decode_joints(heat, center, regress, offset)
    assert cells[0] == pytest.approx(np.tile([22.25, 20.25], (17, 1)))
    assert scores[0] == pytest.approx(np.full(17, 0.8))


@pytest.mark.weights
@pytest.mark.parametrize(("model", "size"), [("movenet-thunder", 256), ("movenet-lightning", 192)])
def test_the_batched_decoding_agrees_with_the_graphs_own(weights: Weights, model: str, size: int) -> None:
    import onnxruntime

    card, files = weights(model)
    whole = replace(card, conversion=structs.replace(card.conversion, outputs=("Identity",)))
    graph = onnxruntime.InferenceSession(convert_files(whole, files))
    heads = onnxruntime.InferenceSession(str(files["model"]))
    generator = np.random.default_rng(0)
    coarse = generator.uniform(0, 255, (3, 6, 6, 3)).astype(np.float32)
    images = np.stack([cv2.resize(image, (size, size)) for image in coarse])
    cells, scores = decode_joints(*heads.run(None, {"images": images}))
    expected = np.concatenate([graph.run(None, {"images": image[None]})[0][0] for image in images])
    assert cells[..., ::-1] * 4 / size == pytest.approx(expected[..., :2], abs=3e-4)  # the graph rounds 1/48 to float16
    assert scores == pytest.approx(expected[..., 2], abs=1e-5)


@pytest.mark.weights
def test_the_centre_weights_are_those_in_the_graph(weights: Weights) -> None:
    import json

    _, files = weights("movenet-thunder")
    constants = read_weights(json.loads(files["topology"].read_text()), files["weights"].read_bytes())
    stored = constants["ConstantFolding/StatefulPartitionedCall/truediv_2_recip"][..., 0]
    assert center_weights(64, 64) == pytest.approx(stored, abs=2e-4)  # stored as float16


@pytest.fixture
def lightning(weights: Weights) -> MoveNet:
    card, files = weights("movenet-lightning")
    return MoveNet.from_card(card, files, heatmaps=True)


@pytest.mark.weights
@pytest.mark.shared
def test_a_persons_joints_lie_where_people_marked_them(weights: Weights, shared: Path) -> None:
    import json

    folder = shared / "reference/pairs/coco_people"
    card, files = weights("movenet-thunder")
    stage = MoveNet.from_card(card, files)
    errors = []
    annotations = json.loads((folder / "test_coco.json").read_text())
    names = {image["id"]: image["file_name"] for image in annotations["images"]}
    for one in annotations["annotations"]:
        truth = np.array(one["keypoints"], np.float32).reshape(17, 3)
        if one["num_keypoints"] < 12 or one["iscrowd"]:
            continue
        pixels = cv2.imread(str(folder / names[one["image_id"]]))[..., ::-1]
        x, y, width, height = one["bbox"]
        box = Detections(np.array([[x, y, x + width, y + height]], np.float32), np.ones(1, np.float32))
        [poses] = stage.estimate([Frame(np.ascontiguousarray(pixels), 0, 0.0)], [box])
        seen = truth[:, 2] == 2
        distance = np.linalg.norm(poses.keypoints[0] - truth[:, :2], axis=1)[seen]
        errors.append(np.median(distance) / np.sqrt(width * height))
    assert len(errors) >= 5
    assert np.median(errors) < 0.03  # of the square root of the box area


@pytest.mark.weights
def test_heatmaps_peak_where_the_joints_are(lightning: MoveNet) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (240, 320, 3), np.uint8)
    box = Detections(np.array([[50, 20, 200, 220]], np.float32), np.ones(1, np.float32))
    [poses] = lightning.estimate([Frame(pixels, 0, 0.0)], [box])
    assert poses.heatmaps is not None
    maps, to_frame = poses.heatmaps.values[0], poses.heatmaps.to_frame[0]
    rows, columns = np.unravel_index(maps.reshape(17, -1).argmax(1), maps.shape[1:])
    peaks = np.stack([columns, rows, np.ones(17)]).astype(np.float32)
    nearest = np.linalg.norm((to_frame @ peaks).T - poses.keypoints[0], axis=1)
    strongest = maps.reshape(17, -1).max(1) == pytest.approx(poses.scores[0], abs=1e-6)
    cell = np.hypot(*to_frame[:, 0])
    assert not strongest or (nearest < 2 * cell).all()
    assert maps[np.arange(17), rows, columns] == pytest.approx(maps.max((1, 2)))


@pytest.mark.weights
def test_people_come_back_in_the_order_of_their_boxes_across_frames_of_different_sizes(lightning: MoveNet) -> None:
    generator = np.random.default_rng(2)
    frames = [
        Frame(generator.integers(0, 255, shape, np.uint8), k, 0.0)
        for k, shape in enumerate([(120, 160, 3), (64, 48, 3)])
    ]
    boxes = np.array([[10, 10, 60, 110], [80, 5, 150, 100], [5, 5, 40, 60]], np.float32)
    ones = np.ones(3, np.float32)
    batched = lightning.estimate(frames, [Detections(boxes[:2], ones[:2]), Detections(boxes[2:], ones[2:])])
    singly = [
        lightning.estimate([frames[k]], [Detections(boxes[row : row + 1], ones[:1])])[0].keypoints[0]
        for row, k in enumerate([0, 0, 1])
    ]
    assert [len(poses) for poses in batched] == [2, 1]
    assert np.concatenate([poses.keypoints for poses in batched]) == pytest.approx(np.stack(singly), abs=0.05)


@pytest.mark.weights
def test_nobody_in_a_frame_stays_nobody(lightning: MoveNet) -> None:
    [poses] = lightning.estimate([Frame(np.zeros((20, 30, 3), np.uint8), 0, 0.0)], [Detections.none()])
    assert poses.keypoints.shape == (0, 17, 2)


@pytest.mark.weights
def test_an_unknown_setting_and_a_missing_device_are_refused(weights: Weights) -> None:
    card, files = weights("movenet-lightning")
    with pytest.raises(BadCard, match="sharpness"):
        MoveNet.from_card(card, files, sharpness=2)
    with pytest.raises(StageUnavailable, match="mps"):
        MoveNet.from_card(card, files, device="mps")


def test_weights_that_do_not_fit_the_manifest_are_refused() -> None:
    topology = {"weightsManifest": [{"weights": [{"name": "a", "shape": [2], "dtype": "float32"}]}]}
    assert read_weights(topology, bytes(8))["a"].tolist() == [0, 0]
    with pytest.raises(BadCard, match="8 bytes of weights, the file holds 9"):
        read_weights(topology, bytes(9))


def test_an_operator_that_is_not_known_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(
        '{"modelTopology": {"node": [{"name": "x", "op": "Einsum"}]}, "weightsManifest": []}'
    )
    (tmp_path / "a.bin").write_bytes(b"")
    with pytest.raises(BadCard, match="'Einsum'"):
        convert(tmp_path / "a.json", tmp_path / "a.bin", start="in", image_size=8, outputs=["x"])
