"""The stage 'onnx' beside MMPose 1.x: a network exported to ONNX against itself through `inference_topdown`."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from clear_peaks import ROUNDING, ROUNDING_OF_BINS, clear_bins, clear_peaks
from hrnet_factory import seeded_network
from msgspec import structs

from posec3d_cli.runtime.onnx import ImageInput
from posec3d_cli.stages.pose_estimators.onnx import OnnxPose
from posec3d_cli.stages.pose_estimators.person_crop import crop_image, person_crops, to_input
from posec3d_cli.types import Detections, Frame

CONFIGS = ".mim/configs/body_2d_keypoint"
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
BOXES = np.array(
    [[0, 44, 88, 275], [166, 60, 364.5, 350], [373.3, 155.7, 637.2, 399.1], [538, 50, 640, 290], [300, 200, 312, 207]],
    np.float32,
)


@pytest.fixture(scope="module")
def photograph(shared: Path) -> np.ndarray:
    return cv2.imread(str(shared / "reference/pairs/coco_people/000000197388.jpg"))


def made_by_mmpose(published, config: str):
    package = Path(published("mmpose").__file__).parent
    options = {"model": {"test_cfg": {"flip_test": False}, "backbone": {"init_cfg": None}}}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return published("mmpose.apis").init_model(str(package / CONFIGS / config), device="cpu", cfg_options=options)


@torch.no_grad()
def settle(model: torch.nn.Module, photograph: np.ndarray, size: tuple[int, int]) -> None:
    """Make a network of random weights answer to what it sees, with scores between 0 and 1.

    As drawn, its batch norms let so little through that every picture gets the same answer.
    """
    width, height = size
    places = np.random.default_rng(0).integers(0, np.array(photograph.shape[:2]) - (min(height, 390), width), (24, 2))
    crops = [cv2.resize(photograph[y : y + height, x : x + width, ::-1], size) for y, x in places]
    seen = torch.from_numpy(ImageInput(size, "rgb", MEAN, STD).tensor(np.stack(crops)))
    for module in model.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.reset_running_stats()
            module.momentum = None  # the plain mean over what follows
    model.train()
    model.extract_feat(seen)
    model.eval()
    for layer, rows in zip((model.head.cls_x, model.head.cls_y), model.head(model.extract_feat(seen)), strict=True):
        layer.weight.mul_(0.5 / float(rows.amax(2).mean()))


class WithoutDecoding(torch.nn.Module):
    """The network alone, as OpenMMLab's exports hold it."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: torch.Tensor):
        return self.model.head(self.model.extract_feat(images))


def export(model: torch.nn.Module, size: tuple[int, int], names: list[str], path: Path) -> Path:
    torch.onnx.export(
        WithoutDecoding(model).eval(),
        (torch.zeros(1, 3, size[1], size[0]),),
        str(path),
        input_names=["input"],
        output_names=names,
        dynamic_axes={name: {0: "batch"} for name in ("input", *names)},
        opset_version=17,
        dynamo=False,
    )
    return path


@torch.no_grad()
def clear_joints(model: torch.nn.Module, photograph: np.ndarray, image: ImageInput) -> np.ndarray:
    """`(N, K)`: whose peaks are clear in what the network says about the boxes."""
    transforms = to_input(person_crops(BOXES, image.input_size, padding=1.25, convention="1.x"), image.input_size)
    crops = np.stack([crop_image(photograph[..., ::-1], transform, image.input_size) for transform in transforms])
    said = WithoutDecoding(model).eval()(torch.from_numpy(image.tensor(crops)))
    if isinstance(said, torch.Tensor):
        return clear_peaks(said.numpy())
    return np.logical_and(*(clear_bins(rows.numpy()) for rows in said))


def compare(
    published, model, photograph: np.ndarray, stage: OnnxPose, clear: np.ndarray, rounding: float
) -> np.ndarray:
    """The joints of the stage; where their peaks are clear, they are those of mmpose."""
    results = published("mmpose.apis").inference_topdown(model, photograph, BOXES)
    frame = Frame(np.ascontiguousarray(photograph[..., ::-1]), 0, 0.0)
    [poses] = stage.estimate([frame], [Detections(BOXES, np.ones(len(BOXES), np.float32))])
    scores = np.concatenate([one.pred_instances.keypoint_scores for one in results])
    assert poses.scores == pytest.approx(scores, abs=rounding)
    assert (scores > 0).all()
    assert (scores < 1).all()
    keypoints = np.concatenate([one.pred_instances.keypoints for one in results])
    assert clear.mean() > 0.5
    assert poses.keypoints[clear] == pytest.approx(keypoints[clear], abs=0.05)
    return poses.keypoints


@pytest.mark.shared
@pytest.mark.parametrize("size", [(192, 256), (288, 384)])
def test_crops_are_those_of_mmpose_to_the_last_grey_value(published, photograph, size) -> None:
    transforms = published("mmpose.datasets.transforms")
    published_steps = [transforms.GetBBoxCenterScale(padding=1.25), transforms.TopdownAffine(size)]
    generator = np.random.default_rng(0)
    corners = generator.uniform(-20, 500, (200, 2))
    boxes = np.concatenate([corners, corners + generator.uniform(5, 300, (200, 2))], axis=1).astype(np.float32)
    ours = to_input(person_crops(boxes, size, padding=1.25, convention="1.x"), size)
    for box, transform in zip(boxes, ours, strict=True):
        person = {"img": photograph, "bbox": box[None].copy()}
        for step in published_steps:
            person = step.transform(person)
        assert np.array_equal(crop_image(photograph, transform, size), person["img"])


@pytest.mark.shared
@pytest.mark.parametrize(
    ("config", "size"),
    [
        ("rtmpose/coco/rtmpose-t_8xb256-420e_coco-256x192.py", (192, 256)),
        ("rtmpose/body8/rtmpose-m_8xb256-420e_body8-256x192.py", (192, 256)),
        ("rtmpose/body8/rtmpose-m_8xb256-420e_body8-384x288.py", (288, 384)),
    ],
)
def test_rtmpose_as_an_export_gives_what_mmpose_gives(published, photograph, tmp_path, config, size) -> None:
    model = made_by_mmpose(published, config)
    settle(model, photograph, size)
    file = export(model, size, ["simcc_x", "simcc_y"], tmp_path / "model.onnx")
    image = ImageInput(size, "rgb", MEAN, STD)
    clear = clear_joints(model, photograph, image)
    settings = OnnxPose.Settings(size, "rgb", MEAN, STD, output="simcc")
    stage = OnnxPose(file, settings)
    keypoints = compare(published, model, photograph, stage, clear, ROUNDING_OF_BINS)
    assert len(np.unique(keypoints.reshape(-1, 2), axis=0)) > 60, "equal answers would prove nothing"
    seen = Frame(np.ascontiguousarray(photograph[..., ::-1]), 0, 0.0)
    wrong = OnnxPose(file, structs.replace(settings, channels="bgr"))
    [other] = wrong.estimate([seen], [Detections(BOXES, np.ones(len(BOXES), np.float32))])
    assert np.mean(np.abs(other.keypoints - keypoints).max(2) > 0.05) > 0.5, "the order of channels must matter"


@pytest.mark.shared
def test_hrnet_as_an_export_gives_what_mmpose_gives(published, photograph, tmp_path) -> None:
    size = (192, 256)
    model = made_by_mmpose(published, "topdown_heatmap/coco/td-hm_hrnet-w32_8xb64-210e_coco-256x192.py")
    model.load_state_dict(seeded_network(32).state_dict(), strict=True)
    file = export(model, size, ["heatmaps"], tmp_path / "model.onnx")
    image = ImageInput(size, "rgb", MEAN, STD)
    clear = clear_joints(model, photograph, image)
    stage = OnnxPose(file, OnnxPose.Settings(size, "rgb", MEAN, STD, output="heatmap"))
    compare(published, model, photograph, stage, clear, ROUNDING)
