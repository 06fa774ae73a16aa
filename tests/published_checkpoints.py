"""Checkpoints as PoseC3D's are published, with weights that a seed decides, and the cards that read them."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from posec3d_cli.config import PipelineConfig
from posec3d_cli.files.digests import sha256_of
from posec3d_cli.hub.cards import WeightFile
from posec3d_cli.hub.catalog import load_card
from posec3d_cli.hub.resolve import resolve
from posec3d_cli.nets import build_network
from posec3d_cli.pose_files import read_pose_file
from posec3d_cli.recognition.recognizer import ActionRecognizer

THIN = 4
"""Channels of the stem of a network that an ordinary test has time for; the published ones have 32."""


@dataclass(frozen=True)
class Case:
    """One published model to be tried on the golden people.

    Attributes:
        card: its name.
        config: of MMAction2 1.2.0, below `configs/skeleton/posec3d`.
        people: options of `golden_people.annotation`.
        redrawn: mirror images are drawn anew, as MMAction2 0.x does, whose transforms 1.x has in another order.
    """

    card: str
    config: str
    people: dict = field(default_factory=lambda: {"frame_count": 103})
    redrawn: bool = False


_NTU60 = "slowonly_r50_8xb16-u48-240e_ntu60-xsub"
_UCF101 = "slowonly_kinetics400-pretrained-r50_8xb16-u48-120e_ucf101-split1"
CASES = {
    "ntu60 joint": Case("posec3d-ntu60-joint", f"{_NTU60}-keypoint"),
    "ntu60 limb": Case("posec3d-ntu60-limb", f"{_NTU60}-limb"),
    "ntu60 joint, 20 frames": Case("posec3d-ntu60-joint", f"{_NTU60}-keypoint", {"frame_count": 20}),
    "ntu60 joint, somebody small": Case(
        "posec3d-ntu60-joint", f"{_NTU60}-keypoint", {"frame_count": 60, "people": 1, "scale": 0.02}
    ),
    "k400 joint": Case("posec3d-k400-joint", "slowonly_r50_8xb32-u48-240e_k400-keypoint"),
    "ucf101 joint": Case("posec3d-ucf101-joint", f"{_UCF101}-keypoint"),
    "0.x ntu60 joint": Case("posec3d-0x-ntu60-joint", f"{_NTU60}-keypoint", redrawn=True),
    "0.x ntu60 limb": Case("posec3d-0x-ntu60-limb", f"{_NTU60}-limb", redrawn=True),
}


def weights_of(shapes, seed=0):
    """Tensors of these shapes by name: every layer matters, and the classes differ. The same for the same seed."""
    chance = np.random.RandomState(seed)
    state = OrderedDict()
    for name in sorted(shapes):
        shape = tuple(shapes[name])
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(1000)
            continue
        if name.endswith("fc_cls.weight"):
            values = chance.normal(0, 24 / shape[1] ** 0.5, shape)
        elif len(shape) > 1:
            values = chance.normal(0, (2 / np.prod(shape[1:])) ** 0.5, shape)
        elif name.endswith(("running_var", "weight")):
            values = chance.uniform(0.5, 1.5, shape) * (0.5 if ".conv3.bn.weight" in name else 1)
        else:
            values = chance.normal(0, 0.003, shape)
        state[name] = torch.from_numpy(np.asarray(values, np.float32))
    return state


def save(state, path):
    """Write a checkpoint as training leaves it and as it is published."""
    meta = {"epoch": 24, "iter": 37_400, "mmaction2_version": "1.0.0", "CLASSES": None, "config": "model = dict()\n"}
    torch.save({"meta": {**meta, "hook_msgs": {"best_score": np.float64(0.9)}}, "state_dict": state}, path)
    return path


def card_of(case, folder, *, width=THIN):
    """The shipped card, but with a network of `width` and a checkpoint of its own in `folder`."""
    card = load_card(case.card)
    options = {**card.recipe["network"], "base_channels": width}
    network = build_network(card.recipe["architecture"], len(card.labels), options)
    path = save(weights_of({name: value.shape for name, value in network.state_dict().items()}), folder / "best.pth")
    file = WeightFile("weights", sha256=sha256_of(path), size=path.stat().st_size, sources=("file:best.pth",))
    return replace(card, recipe={**card.recipe, "network": options}, folder=folder, files=(file,))


def our_probabilities(card, dataset_pickle):
    """What our half of the pipeline says of the one clip of a dataset pickle, by the published protocol."""
    config = PipelineConfig(device="cpu", precision="fp32", offline=True, views=10, flip=True)
    recognizer = ActionRecognizer.from_resolved(replace(resolve(config), classifiers=(card,)))
    [clip] = read_pose_file(dataset_pickle)
    result = recognizer.recognize_file(clip)
    return result.scores.probabilities
