"""RGBPose-Conv3D as it is published: thin networks with weights that a seed decides, and frames given by a formula."""

from __future__ import annotations

from dataclasses import dataclass, replace

import golden_people
import numpy as np
import torch
from published_checkpoints import save, weights_of

from posec3d_cli.config import PipelineConfig
from posec3d_cli.extraction.crops import crops_of
from posec3d_cli.files.digests import sha256_of
from posec3d_cli.hub.cards import WeightFile
from posec3d_cli.hub.catalog import load_card
from posec3d_cli.hub.resolve import resolve
from posec3d_cli.nets import build_network
from posec3d_cli.pose_files import read_pose_file
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.types import Frame

FULL, THIN = 64, 8
"""Channels of the stem of the RGB pathway: published, and of a network that an ordinary test has time for."""


@dataclass(frozen=True)
class Case:
    """One published model to be tried on the golden people.

    Attributes:
        card: its name.
        config: of MMAction2 1.2.0, below `configs/skeleton/posec3d/rgbpose_conv3d`.
        frames: of the clip.
        views: sampled independently.
        flip: read the mirror images too.
        small: one person whose box is too small to be cut out.
    """

    card: str = "rgbpose-ntu60-xsub"
    config: str = "rgbpose_conv3d"
    frames: int = 103
    views: int = 1
    flip: bool = False
    small: bool = False

    @property
    def people(self):
        """Options of `golden_people.annotation`."""
        return {"frame_count": self.frames, **({"people": 1, "scale": 0.02} if self.small else {})}


CASES = {
    "1 view": Case(),
    "10 views": Case(views=10),
    "1 view and its mirror image": Case(flip=True),
    "20 frames": Case(frames=20),
    "somebody small": Case(frames=60, small=True),
    "RGB alone": Case("rgbpose-ntu60-xsub-rgb", "rgb_only", views=3),
    "poses alone": Case("rgbpose-ntu60-xsub-pose", "pose_only", views=10),
}


def frame(number):
    """`(480, 854, 3)` uint8: a pattern that moves, and differs between the colours."""
    height, width = golden_people.FRAME_SIZE
    y, x = np.arange(height)[:, None], np.arange(width)
    waves = [
        np.sin(x / 37 + number / 5) * np.cos(y / 23),
        np.sin((x + y) / 51 - number / 7),
        np.cos(x / 91) * np.sin(y / 17 + number / 3),
    ]
    return np.asarray(127.5 + 127 * np.stack(waves, axis=-1), np.uint8)


class FormulaFrames:
    """The frames of the formula as the source of frames of a recognizer."""

    def __init__(self, count):
        self.count = count

    def crops(self, requests):
        wanted = np.unique(np.concatenate([one.clips.ravel() for one in requests])).tolist()
        frames = (Frame(frame(number), number, number / 30) for number in wanted)
        return crops_of(frames, requests, 0, self.count - 1, "golden")


def options_of(card, width):
    """Options of the network of a card whose RGB pathway is so wide; the pose pathway is half of it, as published."""
    architecture = card.recipe["architecture"]
    names = {"rgbpose": {"rgb_channels": width, "pose_channels": width // 2}, "rgb-only": {"base_channels": width}}
    return {**card.recipe.get("network", {}), **names.get(architecture, {"base_channels": width // 2})}


def card_of(case, folder, *, width=THIN):
    """The shipped card, but with a network of `width` and a checkpoint of its own in `folder`."""
    card = load_card(case.card)
    options = options_of(card, width)
    network = build_network(card.recipe["architecture"], len(card.labels), options)
    path = save(weights(network), folder / "best.pth")
    file = WeightFile("weights", sha256=sha256_of(path), size=path.stat().st_size, sources=("file:best.pth",))
    return replace(card, recipe={**card.recipe, "network": options}, folder=folder, files=(file,))


def weights(network):
    """Tensors of the shapes of a network, the same for the same names; logits are small enough to differ softly."""
    state = weights_of({name: value.shape for name, value in network.state_dict().items()})
    reads_frames = state.get("backbone.conv1.conv.weight", torch.empty(0, 0)).shape[1] == 3
    for name in state:
        if name.startswith("cls_head"):
            state[name] /= 200 if reads_frames or "rgb" in name else 4
    return state


def our_probabilities(case, card, dataset_pickle):
    """What our half of the pipeline says of the one clip of a dataset pickle, with the frames of the formula."""
    config = PipelineConfig(device="cpu", precision="fp32", offline=True, views=case.views, flip=case.flip)
    recognizer = ActionRecognizer.from_resolved(replace(resolve(config), classifiers=(card,)))
    [clip] = read_pose_file(dataset_pickle)
    result = recognizer.recognize(clip, frames=FormulaFrames(case.frames))
    return result.scores.probabilities
