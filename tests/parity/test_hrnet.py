"""The stage 'hrnet' beside MMPose 1.x: the same weights, pictures and boxes through `inference_topdown`."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from clear_peaks import ROUNDING, clear_peaks
from hrnet_factory import seeded_network

from posec3d_cli.nets.hrnet import HRNet
from posec3d_cli.stages.pose_estimators.hrnet import HRNetPose
from posec3d_cli.types import Detections, Frame

CONFIGS = ".mim/configs/body_2d_keypoint/topdown_heatmap/coco"
PEOPLE = "reference/pairs/coco_people"
BOXES = np.array([[280.3, 44.2, 498.7, 346.1], [60.5, 90, 310, 400], [-10, 200, 90.7, 390], [300, 200, 312, 207]])


@pytest.fixture(scope="module")
def photograph(shared: Path) -> np.ndarray:
    return cv2.imread(str(shared / PEOPLE / "000000000785.jpg"))


def made_by_mmpose(published, config: str, network: HRNet, **test_cfg: bool):
    package = Path(published("mmpose").__file__).parent
    model = published("mmpose.apis").init_model(str(package / CONFIGS / f"td-hm_{config}.py"), device="cpu")
    model.load_state_dict(network.state_dict(), strict=True)
    model.test_cfg = {**model.test_cfg, "output_heatmaps": True, **test_cfg}
    model.head.test_cfg = model.test_cfg
    return model


@pytest.mark.parametrize(
    ("config", "width", "decoding", "options"),
    [
        ("hrnet-w32_8xb64-210e_coco-256x192", 32, "quarter", {}),
        ("hrnet-w32_8xb64-210e_coco-256x192", 32, "quarter", {"flip_test": False}),
        ("hrnet-w32_8xb64-210e_coco-256x192", 32, "quarter", {"shift_heatmap": False}),
        ("hrnet-w32_8xb64-210e_coco-384x288", 32, "quarter", {}),
        ("hrnet-w32_dark-8xb64-210e_coco-256x192", 32, "dark", {}),
        ("hrnet-w32_dark-8xb64-210e_coco-384x288", 32, "dark", {}),
        ("hrnet-w48_8xb32-210e_coco-256x192", 48, "quarter", {}),
        ("hrnet-w48_8xb32-210e_coco-384x288", 48, "quarter", {}),
        ("hrnet-w48_dark-8xb32-210e_coco-256x192", 48, "dark", {}),
        ("hrnet-w48_dark-8xb32-210e_coco-384x288", 48, "dark", {}),
    ],
)
def test_heatmaps_and_joints_are_those_of_mmpose(
    published, photograph, record_difference, config, width, decoding, options
) -> None:
    """Joints where the peak is clear; a place beyond the image, where all is black and the heatmap level, is not."""
    model = made_by_mmpose(published, config, seeded_network(width), **options)
    boxes = BOXES.astype(np.float32)
    results = published("mmpose.apis").inference_topdown(model, photograph, boxes)
    size = tuple(model.head.decoder.input_size)
    settings = HRNetPose.Settings(width, size, "1.x", decoding, heatmaps=True, **options)
    stage = HRNetPose(seeded_network(width), settings)
    frame = Frame(np.ascontiguousarray(photograph[..., ::-1]), 0, 0.0)
    [poses] = stage.estimate([frame], [Detections(boxes, np.ones(len(boxes), np.float32))])
    gaps = []
    for person, result in enumerate(results):
        theirs = result.pred_fields.heatmaps.numpy()
        assert theirs.std() > 0.01, "flat heatmaps would prove nothing"
        assert poses.heatmaps.values[person] == pytest.approx(theirs.clip(0, 1), abs=ROUNDING)
        assert poses.scores[person] == pytest.approx(result.pred_instances.keypoint_scores[0], abs=ROUNDING)
        joints = result.pred_instances.keypoints[0]
        clear = clear_peaks(theirs) & ((joints >= 0) & (joints < photograph.shape[1::-1])).all(axis=1)
        gaps.extend(np.abs(poses.keypoints[person] - joints).max(axis=1)[clear])
    assert len(gaps) > poses.scores.size / 2
    record_difference(f"{config} {options or ''}, {len(gaps)} joints", max(gaps), "px")
    assert max(gaps) <= 0.05


@pytest.mark.parametrize("width", [32, 48])
def test_names_and_shapes_are_those_of_mmpose(published, width) -> None:
    configs = {32: "hrnet-w32_8xb64-210e_coco-256x192", 48: "hrnet-w48_8xb32-210e_coco-256x192"}
    with torch.device("meta"):
        ours = HRNet(width, 17).state_dict()
    theirs = made_by_mmpose(published, configs[width], seeded_network(width)).state_dict()
    assert {name: tensor.shape for name, tensor in ours.items()} == {name: t.shape for name, t in theirs.items()}
