from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hrnet_factory import hrnet_card, sample_boxes, seeded_network, seeded_state
from safetensors.torch import save_file

from posec3d_cli import testing
from posec3d_cli.errors import BadCard, DeviceError, WeightsMismatch
from posec3d_cli.stages.create import create_stage
from posec3d_cli.stages.pose_estimators.hrnet import HRNetPose
from posec3d_cli.types import Detections, Poses

pytestmark = pytest.mark.usefixtures("one_thread")
GOLDEN = np.load(Path(__file__).parents[2] / "golden" / "hrnet.npz")
WIDTH, SIZE = 8, (64, 96)  # of the golden poses
CASES = {"flip": {}, "plain": {"flip_test": False}, "unshifted": {"shift_heatmap": False}}


def detections(boxes: np.ndarray) -> Detections:
    return Detections(boxes, np.linspace(0.9, 0.5, len(boxes), dtype=np.float32))


def golden_poses(**settings) -> Poses:
    settings = {"input_size": SIZE, "precision": "fp32", **settings}
    stage = HRNetPose(seeded_network(WIDTH), HRNetPose.Settings(WIDTH, **settings))
    [poses] = stage.estimate(testing.sample_frames(1), [detections(sample_boxes())])
    return poses


@pytest.mark.parametrize("decoding", ["quarter", "dark"])
@pytest.mark.parametrize(("convention", "case"), [*(("1.x", case) for case in CASES), ("0.x", "flip")])
def test_joints_are_those_of_mmpose(convention: str, decoding: str, case: str) -> None:
    poses = golden_poses(convention=convention, decode=decoding, **CASES[case])
    assert poses.scores == pytest.approx(GOLDEN[f"scores {convention} {decoding} {case}"], abs=1e-5)
    assert poses.keypoints == pytest.approx(GOLDEN[f"poses {convention} {decoding} {case}"], abs=0.02)


def test_heatmaps_are_those_of_mmpose_and_lie_on_the_joints() -> None:
    poses = golden_poses(convention="1.x", decode="quarter", heatmaps=True)
    assert poses.heatmaps is not None
    assert poses.heatmaps.values[:2] == pytest.approx(GOLDEN["heatmaps"].clip(0, 1), abs=1e-5)
    maps = poses.heatmaps.values
    y, x = np.divmod(maps.reshape(*maps.shape[:2], -1).argmax(2), maps.shape[3])
    peaks = np.stack([x, y, np.ones_like(x)], axis=-1)
    marked = np.einsum("nij,nkj->nki", poses.heatmaps.to_frame, peaks)
    a_quarter = poses.heatmaps.to_frame[:, None, [0, 1], [0, 1]] / 4
    assert (np.abs(marked - poses.keypoints) <= a_quarter + 1e-3).all()


def test_each_setting_matters() -> None:
    one = GOLDEN["poses 1.x quarter flip"]
    others = [name for name in GOLDEN.files if name.startswith("poses") and name != "poses 1.x quarter flip"]
    assert len(others) == 7
    assert all(np.abs(GOLDEN[name] - one).max() > 0.1 for name in others)


@pytest.mark.parametrize(
    "recipe", [{}, {"convention": "0.x"}, {"decode": "dark"}, {"flip_test": False, "batch": 1}, {"heatmaps": True}]
)
def test_it_keeps_the_contract(tmp_path: Path, recipe) -> None:
    card, files = hrnet_card(tmp_path, **recipe)
    testing.check_pose_estimator(HRNetPose.from_card(card, files, precision="fp32"))


def test_the_number_of_people_at_once_changes_nothing(tmp_path: Path) -> None:
    card, files = hrnet_card(tmp_path)
    frames = testing.sample_frames(3)
    found = [detections(sample_boxes()[: index + 1]) for index in range(3)]
    together, apart = (
        HRNetPose.from_card(card, files, precision="fp32", batch=batch).estimate(frames, found) for batch in (16, 4)
    )
    assert [len(poses) for poses in together] == [1, 2, 3]
    for one, other in zip(together, apart, strict=True):
        assert one.scores == pytest.approx(other.scores, abs=1e-5)
        assert one.keypoints == pytest.approx(other.keypoints, abs=0.01)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_finds_the_same_scores_roughly(precision: str) -> None:
    settings = HRNetPose.Settings(WIDTH, SIZE, "1.x", "quarter", precision=precision)
    stage = HRNetPose(seeded_network(WIDTH), settings)
    assert stage.precision == precision
    [poses] = stage.estimate(testing.sample_frames(1), [detections(sample_boxes())])
    difference = np.abs(poses.scores - GOLDEN["scores 1.x quarter flip"])
    assert 0 < difference.max() < 0.02


def test_a_checkpoint_of_the_older_names_loads_like_one_of_the_newer(tmp_path: Path) -> None:
    card, _ = hrnet_card(tmp_path, width=WIDTH)
    state = seeded_state(WIDTH)
    older = {name.replace("head.", "keypoint_head."): tensor for name, tensor in state.items()}
    assert "keypoint_head.final_layer.bias" in older
    file = tmp_path / "older.pth"
    torch.save({"state_dict": older, "meta": {"epoch": 210}}, file)
    [poses] = HRNetPose.from_card(card, {"weights": file}, precision="fp32").estimate(
        testing.sample_frames(1), [detections(sample_boxes())]
    )
    assert poses.keypoints == pytest.approx(GOLDEN["poses 1.x quarter flip"], abs=0.02)


def test_weights_of_another_network_are_refused_by_name(tmp_path: Path) -> None:
    card, files = hrnet_card(tmp_path)
    with pytest.raises(WeightsMismatch, match=r"of another shape: .* is .* instead of") as caught:
        HRNetPose.from_card(card, files, width=8)
    assert "width" in caught.value.hint
    state = dict(seeded_state(4))
    state["head.deconv_layers.0.weight"] = state.pop("head.final_layer.bias")
    save_file(state, tmp_path / "odd.safetensors")
    with pytest.raises(WeightsMismatch, match=r"1 missing: head\.final_layer\.bias; 1 unexpected: head\.deconv_layers"):
        HRNetPose.from_card(card, {"weights": tmp_path / "odd.safetensors"})


@pytest.mark.parametrize(
    ("recipe", "complaint"),
    [
        ({"width": "wide"}, "recipe.width must be a whole number of at least 1, got 'wide'"),
        ({"input_size": [192, 250]}, r"input_size must be \[width, height\], two multiples of 32, got \[192, 250\]"),
        ({"input_size": 256}, "input_size must be"),
        ({"convention": "2.x"}, "convention must be one of 0.x, 1.x, got '2.x'"),
        ({"decode": "udp"}, "decode must be one of dark, quarter, got 'udp'"),
        ({"batch": 0}, "batch must be a whole number of at least 1, got 0"),
        ({"crop_padding": "much"}, "crop_padding must be a number above 0, got 'much'"),
        ({"skeleton": "halpe-26"}, "skeleton must be coco-17, got 'halpe-26'"),
        ({"sharpness": 2}, "sharpness"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(tmp_path: Path, recipe, complaint: str) -> None:
    card, files = hrnet_card(tmp_path)
    changed = {**card.recipe, **recipe}
    with pytest.raises(BadCard, match=complaint):
        HRNetPose.from_card(type(card)(**{**vars(card), "recipe": changed}), files)


def test_a_card_without_weights_or_with_a_strange_precision_is_refused(tmp_path: Path) -> None:
    card, files = hrnet_card(tmp_path)
    with pytest.raises(BadCard, match="'weights'"):
        create_stage(replace(card, files=()))
    with pytest.raises(DeviceError, match="fp8"):
        HRNetPose.from_card(card, files, precision="fp8")
