"""Our PoseC3D beside mmaction2's, on the same weights and volumes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from published_models import randomise, save_as_published

from posec3d_cli.hub.cards import ModelCard
from posec3d_cli.nets import build_network
from posec3d_cli.nets.checkpoints import load_state_dict
from posec3d_cli.stages.classifiers.posec3d import PoseC3D
from posec3d_cli.types import HeatmapVolume

FOLDER = ".mim/configs/skeleton/posec3d"
LAYOUTS = {
    "stages of 4, 6 and 3 blocks": ("slowonly_r50_8xb16-u48-240e_ntu60-xsub-keypoint.py", [4, 6, 3], 60),
    "stages of 3, 4 and 6 blocks": (
        "slowonly_kinetics400-pretrained-r50_8xb16-u48-120e_ucf101-split1-keypoint.py",
        [3, 4, 6],
        101,
    ),
}


@pytest.fixture(scope="module")
def volumes():
    """Two views with a few bright spots each, as heatmaps are."""
    chance = np.random.default_rng(5)
    return (chance.uniform(0, 1, (2, 17, 48, 56, 56)) ** 12).astype(np.float32)


@pytest.fixture(scope="module", params=LAYOUTS)
def theirs(request, published, volumes):
    """The published network: its name, options of ours, number of classes, and itself."""
    name, blocks, classes = LAYOUTS[request.param]
    models = published("mmaction.models")
    config = published("mmengine.config").Config.fromfile(Path(published("mmaction").__file__).parent / FOLDER / name)
    scope = published("mmengine.registry").DefaultScope
    with torch.random.fork_rng(), scope.overwrite_default_scope("mmaction"):
        network = models.MODELS.build(config.model).eval()
    return request.param, blocks, classes, randomise(network, lambda one: one.backbone(torch.tensor(volumes)))


@torch.inference_mode()
def test_logits_are_those_of_mmaction2(theirs, volumes, tmp_path, record_difference):
    name, blocks, classes, network = theirs
    weights = save_as_published(network, tmp_path / "weights.pth", epoch=24)
    wanted = network.cls_head(network.backbone(torch.tensor(volumes)))
    options = {"in_channels": 17, "base_channels": 32, "stage_blocks": blocks}
    ours = build_network("slowonly", classes, options).eval()
    ours.load_state_dict(load_state_dict(weights), strict=True)
    logits = ours.cls_head(ours.backbone(torch.tensor(volumes)))
    difference = float((logits - wanted).abs().max())
    spread = float(wanted.std())
    record_difference(f"PoseC3D, {name}, logits of a spread of {spread:.2g}", difference)
    assert spread > 0.1
    assert difference < 1e-4 * spread

    recipe = {"architecture": "slowonly", "network": options}
    labels = tuple(map(str, range(classes)))
    card = ModelCard("published", "classifier", "posec3d", "s", "l", "d", (), recipe, labels, tmp_path, True)
    [scores] = PoseC3D.from_card(card, {"weights": weights}, precision="fp32").classify([HeatmapVolume(volumes)])
    probabilities = wanted.softmax(1).mean(0).numpy()
    difference = float(np.abs(scores.probabilities - probabilities).max())
    record_difference(f"PoseC3D, {name}, probabilities of the stage", difference)
    assert difference < 1e-5
