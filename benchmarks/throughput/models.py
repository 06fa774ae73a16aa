"""Write the published networks with random weights, for both sides to read: speed does not depend on the values.

    python benchmarks/throughput/models.py FOLDER

It runs in the environment of `make parity`. FOLDER then holds checkpoints for the published code and a card of each
network for ours: RTMDet-m for people as ONNX, HRNet-W32, RTMPose-m as ONNX, PoseC3D for NTU RGB+D 60. The weights are
scaled so that signals neither vanish nor explode: numbers near zero would slow every processor down.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import torch
from published import HRNET, RTMPOSE, make_detector, make_pose, make_recognizer, ready
from published_models import randomise

MOST_BOXES = 300
SURE_OF_NOBODY = -20.0  # bias of the scores: thousands of random boxes would take longer than the network
CARD = """kind = "{kind}"
stage = "{stage}"
summary = "random weights"
licence = "Apache-2.0"
data_terms = "none: random weights"
verified = false
{labels}
{recipe}

[[files]]
name = "{name}"
sha256 = "{sha256}"
size = {size}
sources = ["file:{file}"]
"""
IMAGE_INPUT = """channels = "{channels}"
mean = {mean}
std = {std}"""
BLUE_FIRST = IMAGE_INPUT.format(channels="bgr", mean=[103.53, 116.28, 123.675], std=[57.375, 57.12, 58.395])
RED_FIRST = IMAGE_INPUT.format(channels="rgb", mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])


class Part(torch.nn.Module):
    """A part of a model, to be exported by itself."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model


class Boxes(Part):
    """RTMDet up to the suppression of doubles: its best boxes in pixels of the input."""

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(1, 3, 640, 640) -> (1, N, 5), (1, N)."""
        scores, distances = self.model.bbox_head(self.model.extract_feat(images))
        found, sure = [], []
        for stride, score, distance in zip((8, 16, 32), scores, distances, strict=True):
            rows, columns = score.shape[2:]
            y, x = torch.meshgrid(torch.arange(rows) * stride, torch.arange(columns) * stride, indexing="ij")
            left, top, right, bottom = distance[0]
            found.append(torch.stack([x - left, y - top, x + right, y + bottom], -1).reshape(-1, 4))
            sure.append(score[0, 0].sigmoid().reshape(-1))
        best, which = torch.cat(sure).topk(MOST_BOXES)
        return torch.cat([torch.cat(found)[which], best[:, None]], 1)[None], torch.zeros_like(which)[None]


class Rows(Part):
    """RTMPose without its decoding, as its exports hold it."""

    def forward(self, crops: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(N, 3, 256, 192) -> the cells along x and along y."""
        along_x, along_y = self.model.head(self.model.extract_feat(crops))
        return along_x, along_y


def noise(*shape: int) -> torch.Tensor:
    """A batch of one, as bright and as varied as what the networks are shown."""
    return torch.randn(1, *shape)


def write_card(folder: Path, file: Path, name: str, *, kind: str, stage: str, recipe: str, labels: str = "") -> None:
    """A card beside the file that it names."""
    content = file.read_bytes()
    said = CARD.format(
        kind=kind,
        stage=stage,
        recipe=recipe,
        labels=labels,
        name=name,
        file=file.name,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )
    (folder / "model.toml").write_text(said, encoding="utf-8")


def export(network: torch.nn.Module, file: Path, size: tuple[int, int], names: tuple[str, str]) -> None:
    """As ONNX, for any number of images of `size` (w, h)."""
    varying = {name: {0: "batch"} for name in ("input", *names)} if isinstance(network, Rows) else {}
    torch.onnx.export(
        network.eval(),
        (torch.zeros(1, 3, size[1], size[0]),),
        str(file),
        input_names=["input"],
        output_names=list(names),
        dynamic_axes=varying,
        opset_version=17,
        dynamo=False,
    )


def main() -> None:
    """Write all four."""
    target = Path(sys.argv[1])
    folders = {name: target / name for name in ("rtmdet-m", "hrnet-w32", "rtmpose-m", "posec3d")}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    ready()

    detector = randomise(make_detector(None), lambda model: model.bbox_head(model.extract_feat(noise(3, 640, 640))))
    for name, tensor in detector.named_parameters():
        if "rtm_cls" in name or "rtm_reg" in name:
            torch.nn.init.constant_(tensor, SURE_OF_NOBODY if "rtm_cls" in name and name.endswith("bias") else 0)
    torch.save({"state_dict": detector.state_dict()}, target / "rtmdet-m.pth")
    file = folders["rtmdet-m"] / "model.onnx"
    export(Boxes(detector), file, (640, 640), ("dets", "labels"))
    recipe = f'[recipe]\noutput = "dets"\ninput_size = [640, 640]\n{BLUE_FIRST}'
    write_card(folders["rtmdet-m"], file, "model", kind="detector", stage="onnx", recipe=recipe)

    pose = randomise(make_pose(HRNET, None), lambda model: model.head(model.extract_feat(noise(3, 256, 192))))
    file = folders["hrnet-w32"] / "weights.pth"
    torch.save({"state_dict": pose.state_dict()}, file)
    recipe = '[recipe]\nwidth = 32\ninput_size = [192, 256]\nconvention = "1.x"\ndecode = "quarter"'
    write_card(folders["hrnet-w32"], file, "weights", kind="pose", stage="hrnet", recipe=recipe)

    pose = randomise(make_pose(RTMPOSE, None), lambda model: model.head(model.extract_feat(noise(3, 256, 192))))
    file = folders["rtmpose-m"] / "model.onnx"
    export(Rows(pose), file, (192, 256), ("simcc_x", "simcc_y"))
    recipe = f'[recipe]\noutput = "simcc"\ninput_size = [192, 256]\nskeleton = "coco-17"\n{RED_FIRST}'
    write_card(folders["rtmpose-m"], file, "model", kind="pose", stage="onnx", recipe=recipe)

    recognizer = randomise(make_recognizer(None), lambda model: model.backbone(noise(17, 48, 64, 64)))
    file = folders["posec3d"] / "weights.pth"
    torch.save({"state_dict": recognizer.state_dict()}, file)
    recipe = (
        '[recipe]\narchitecture = "slowonly"\npeople = "together"\n[recipe.network]\nstage_blocks = [4, 6, 3]\n'
        '[recipe.clip]\nframes = 48\nsampler = "mmaction2"\n[recipe.heatmaps]\nsize = [64, 64]\nchannels = "joints"\n'
        'skeleton = "coco-17"\nsigma = 0.6\nscore_threshold = 1e-4\nresize = "short-side-crop"\n'
        'absent = "zero-coordinate"'
    )
    labels = 'labels = "ntu60"'
    write_card(folders["posec3d"], file, "weights", kind="classifier", stage="posec3d", recipe=recipe, labels=labels)


if __name__ == "__main__":
    main()
