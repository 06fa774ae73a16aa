"""From a video to actions with HRNet, on weights made from a seed: the joints mean nothing, but everything runs."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import video_factory
from hrnet_factory import hrnet_card

CARD = """
kind = "pose"
stage = "hrnet"
summary = "a narrow HRNet on seeded weights"
licence = "none"
data_terms = "none"

[recipe]
width = 4
input_size = [64, 96]
convention = "0.x"
decode = "quarter"
batch = 8

[[files]]
name = "weights"
sha256 = "{sha256}"
size = {size}
sources = ["file:weights.safetensors"]
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "narrow-hrnet"
    folder.mkdir()
    hrnet_card(folder)
    content = (folder / "weights.safetensors").read_bytes()
    card = CARD.format(sha256=hashlib.sha256(content).hexdigest(), size=len(content))
    (folder / "model.toml").write_text(card)
    return folder


@pytest.mark.parametrize("builder", ["heatmap", "estimator-heatmap"])
def test_a_video_is_answered(posec3d, tmp_path: Path, model: Path, builder: str) -> None:
    clip = video_factory.write(tmp_path / "clip.mp4", 12)
    parts = ("--detector", "whole-frame", "--pose", model, "--classifier", "posec3d-daily33", "--builder", builder)
    ran = posec3d("predict", clip, *parts, "--device", "cpu", "--json")
    assert ran.code == 0, ran.err
    [answer] = json.loads(ran.out)["videos"]
    assert answer["status"] == "ok"
    assert len(answer["labels"]) == 5
