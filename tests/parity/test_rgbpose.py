"""Our RGBPose-Conv3D and its halves beside mmaction2's, on the same weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from published_models import randomise

from posec3d_cli.nets import build_network

FOLDER = ".mim/configs/skeleton/posec3d/rgbpose_conv3d"
CLASSES = 60
CASES = {
    "both directions": ("rgbpose_conv3d", "rgbpose", {}),
    "pose to RGB": ("rgbpose_conv3d", "rgbpose", {"lateral": "pose-to-rgb"}),
    "RGB to pose": ("rgbpose_conv3d", "rgbpose", {"lateral": "rgb-to-pose"}),
    "no lateral connection": ("rgbpose_conv3d", "rgbpose", {"lateral": "none"}),
    "RGB alone": ("rgb_only", "rgb-only", {}),
    "poses alone": ("pose_only", "slowonly", {"temporal_strides": [1, 1, 1]}),
}


@pytest.fixture(scope="module")
def inputs():
    """Two frames' worth of noise and bright spots: `(2, 3, 8, 64, 64)` and `(2, 17, 32, 16, 16)`."""
    chance = torch.Generator().manual_seed(5)
    frames = torch.randn(2, 3, 8, 64, 64, generator=chance)
    return {"rgb": frames, "pose": torch.rand(2, 17, 32, 16, 16, generator=chance) ** 12}


def published_network(published, config, options, look):
    """The published network with random weights, its pathways joined as `options` say."""
    load = published("mmengine.config").Config.fromfile
    model = load(Path(published("mmaction").__file__).parent / FOLDER / f"{config}.py").model
    model.pop("data_preprocessor", None)
    if "lateral" in options:
        model.backbone.rgb_pathway.lateral = options["lateral"] == "pose-to-rgb"
        model.backbone.pose_pathway.lateral = options["lateral"] == "rgb-to-pose"
    scope = published("mmengine.registry").DefaultScope
    with torch.random.fork_rng(), scope.overwrite_default_scope("mmaction"):
        network = published("mmaction.models").MODELS.build(model).eval()
    with torch.inference_mode():
        return randomise(network, look)


@pytest.mark.parametrize("case", CASES)
@torch.inference_mode()
def test_logits_are_those_of_mmaction2(case, published, inputs, record_difference):
    config, architecture, options = CASES[case]
    given = [inputs["rgb"], inputs["pose"]]
    if architecture != "rgbpose":
        given = [inputs["rgb" if architecture == "rgb-only" else "pose"]]
    theirs = published_network(published, config, options, lambda one: one.backbone(*given))
    logits = theirs.cls_head(theirs.backbone(*given))
    wanted = torch.stack([logits["rgb"], logits["pose"]], dim=1) if architecture == "rgbpose" else logits
    ours = build_network(architecture, CLASSES, options).eval()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert sum(map(torch.numel, ours.parameters())) == sum(map(torch.numel, theirs.parameters()))
    ours.load_state_dict(theirs.state_dict(), strict=True)
    difference, spread = float((ours(*given) - wanted).abs().max()), float(wanted.std())
    record_difference(f"RGBPose-Conv3D, {case}, logits of a spread of {spread:.2g}", difference)
    assert spread > 0.1
    assert difference < 1e-4 * spread
