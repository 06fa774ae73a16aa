"""RGBPose-Conv3D and its RGB half as classifiers: heads, precision, and weights that do not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import random_cards
import torch

from posec3d_cli import testing
from posec3d_cli.errors import BadCard, StageMismatch, WeightsMismatch
from posec3d_cli.hub.catalog import load_card
from posec3d_cli.nets import build_network
from posec3d_cli.nets.checkpoints import load_state_dict
from posec3d_cli.stages.classifiers.rgb import RGBClassifier, RGBPoseClassifier
from posec3d_cli.types import HeatmapVolume

pytestmark = pytest.mark.usefixtures("calm_torch")
CLIPS = testing.sample_rgb_clips(17)


@pytest.fixture
def folder(tmp_path):
    return random_cards.write_rgbpose_card(tmp_path / "both", seed=1)


def load(folder: Path, stage=RGBPoseClassifier, **options):
    options = {"precision": "fp32", **options}
    return stage.from_card(load_card(str(folder), "classifier"), {"weights": folder / "weights.safetensors"}, **options)


def network_of(folder: Path) -> torch.nn.Module:
    card = load_card(str(folder), "classifier")
    network = build_network(card.recipe["architecture"], len(card.labels), card.recipe["network"]).eval()
    network.load_state_dict(load_state_dict(folder / "weights.safetensors"))
    return network


@torch.inference_mode()
def test_the_answer_is_the_mean_over_heads_and_views(folder):
    logits = network_of(folder)(torch.from_numpy(CLIPS[1].rgb), torch.from_numpy(CLIPS[1].heatmaps))
    [scores] = load(folder).classify(CLIPS[1:2])
    assert scores.probabilities == pytest.approx(logits.softmax(-1).mean((0, 1)).numpy(), abs=1e-5)
    [pose] = load(folder, heads=["pose"]).classify(CLIPS[1:2])
    assert pose.probabilities == pytest.approx(logits[:, 1].softmax(-1).mean(0).numpy(), abs=1e-5)


def test_each_head_counts_as_a_network_of_its_own_for_calibration(folder):
    [logits] = load(folder).logits(CLIPS[1:2])
    assert logits.shape == (2, 2, 3)
    [thrice] = load(folder, heads=["rgb", "pose", "pose"]).logits(CLIPS[1:2])
    assert np.array_equal(thrice, logits[[0, 1, 1]])


@torch.inference_mode()
def test_frames_alone(tmp_path):
    folder = random_cards.write_rgb_card(tmp_path / "rgb", seed=2)
    clips = testing.sample_rgb_clips()
    [scores] = load(folder, RGBClassifier).classify(clips[1:2])
    expected = network_of(folder)(torch.from_numpy(clips[1].values)).softmax(-1).mean(0)
    assert scores.probabilities == pytest.approx(expected.numpy(), abs=1e-5)


def test_bf16_agrees_with_fp32(folder):
    exact, rounded = load(folder).classify(CLIPS), load(folder, precision="bf16").classify(CLIPS)
    for one, other in zip(exact, rounded, strict=True):
        assert other.probabilities == pytest.approx(one.probabilities, abs=0.05)


@pytest.mark.parametrize("heads", [[], ["depth"], "rgb"])
def test_heads_that_the_network_does_not_have_are_refused(folder, heads):
    with pytest.raises(BadCard, match="heads"):
        load(folder, heads=heads)


def test_other_inputs_are_refused(folder):
    with pytest.raises(StageMismatch, match="reads a RGBPoseClips, got a HeatmapVolume"):
        load(folder).classify([HeatmapVolume(CLIPS[0].heatmaps)])
    with pytest.raises(StageMismatch, match="reads volumes of 17 channels, got 3"):
        load(folder).classify(testing.sample_rgb_clips(3)[:1])


def test_too_few_labels_are_named_as_the_cause(folder):
    (folder / "labels.txt").write_text("one\ntwo\n")
    with pytest.raises(WeightsMismatch, match="the card lists 2 labels, the weights have 3"):
        load(folder)


def test_a_network_of_heatmaps_does_not_run_here(tmp_path):
    poses = random_cards.write_card(tmp_path / "poses", seed=2)
    text = (poses / "model.toml").read_text().replace('stage = "posec3d"', 'stage = "rgbpose"')
    (poses / "model.toml").write_text(text)
    with pytest.raises(BadCard, match=r"networks of rgb\+heatmaps, and 'slowonly' reads heatmaps"):
        load(poses)
