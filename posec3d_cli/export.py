"""Export a classifier to one ONNX file, and compare that file with torch.

The file holds all networks of a model. Its input `views` is a batch of what they read, (B, K, T, H, W) heatmaps or
(B, M, T, 17, C) joints; only K, or 17 and C, are fixed. Its output `logits` is (B, networks, O). The answer of the
model is the mean over networks and views of softmax(logits / temperature), where the probabilities of outputs with one
label are summed. Labels, temperature and what else is needed for that stand in the file's metadata.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from posec3d_cli import __version__
from posec3d_cli.config import PipelineConfig
from posec3d_cli.errors import StageMismatch, StageUnavailable, counted
from posec3d_cli.extraction.extractor import PoseExtractor
from posec3d_cli.files.digests import sha256_of
from posec3d_cli.files.writing import atomic_write, check_free
from posec3d_cli.hub.cards import ONNX, ModelCard, network_files
from posec3d_cli.pose_files import is_pose_file, read_pose_file
from posec3d_cli.recognition.ensemble import Member
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.registry import load_stage
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.stages.classifiers.base import NetworkClassifier
from posec3d_cli.stages.protocols import HasLogits
from posec3d_cli.types import ActionScores, ClassifierInput

if TYPE_CHECKING:
    from torch import nn

OPSET = 18  # what torch's exporter writes by itself; it makes every lower one of this
INPUT, OUTPUT = "views", "logits"
TOLERANCE = 1e-4
"""The largest difference of two logits that counts as none."""
FREE_AXES = {
    "heatmaps": {0: "batch", 2: "frames", 3: "height", 4: "width"},
    "joints": {0: "batch", 1: "people", 2: "frames"},
}
EXAMPLES = {"heatmaps": (2, 0, 16, 32, 32), "joints": (2, 2, 32, 17, 0)}
"""Shapes of the batch that the networks are traced with, without the channels. An axis of 1 would stay 1."""


def check_exportable(card: ModelCard) -> type[NetworkClassifier]:
    """The stage of a model that can be exported.

    Raises:
        StageMismatch: its networks do not run on torch, or read frames.
    """
    stage = load_stage(card.kind, card.stage)
    exportable = isinstance(stage, type) and issubclass(stage, NetworkClassifier) and stage.network_reads in FREE_AXES
    if not exportable:
        raise StageMismatch(
            f"{card.name} cannot be exported: it is a {card.kind} of the stage {card.stage!r}",
            hint="classifiers of the stages posec3d and stgcn can be exported",
        )
    return stage


def export_onnx(card: ModelCard, files: Mapping[str, Path], target: Path, *, overwrite: bool = False) -> None:
    """Write the networks of a classifier to one ONNX file.

    Args:
        card: the model.
        files: its files, by name.
        target: the file.
        overwrite: it may exist, and is replaced.

    Raises:
        StageMismatch: the model is no classifier of networks on torch, or torch cannot export its networks.
        StageUnavailable: the package onnxscript is not installed.
        BadCard, WeightsMismatch: the weights cannot be loaded.
        OutputError: the file cannot be written.
    """
    stage = check_exportable(card)
    check_free(target, overwrite=overwrite)
    weights = network_files(files)
    classifier = stage.from_card(card, weights, device="cpu", precision="fp32")
    told = {
        "labels": list(classifier.outputs),
        "temperature": classifier.temperature,
        "reads": stage.network_reads,
        "recipe": card.recipe,
        "sha256": {name: sha256_of(path) for name, path in weights.items()},
    }
    content = _onnx_of(card, classifier, {key: json.dumps(value, default=str) for key, value in told.items()})
    with atomic_write(target, overwrite=overwrite) as part:
        part.write_bytes(content)


def _onnx_of(card: ModelCard, classifier: NetworkClassifier, metadata: Mapping[str, str]) -> bytes:
    try:
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise StageUnavailable(
            f"the export needs the package onnxscript, which does not import: {error}",
            hint="pip install 'posec3d-cli[export]'",
        ) from error
    import onnx
    import torch

    networks: Any = classifier.networks
    reads, channels = classifier.network_reads, networks.in_channels
    shape = [size or channels for size in EXAMPLES[reads]]
    example = torch.from_numpy(np.random.default_rng(0).random(shape, np.float32))
    free = {axis: torch.export.Dim(name) for axis, name in FREE_AXES[reads].items()}
    try:
        with _quiet():
            program = torch.onnx.export(
                _side_by_side(networks.modules),
                (example,),
                dynamo=True,
                opset_version=OPSET,
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_shapes=(free,),
                external_data=False,
                verbose=False,
            )
    except Exception as error:  # it raises errors of many kinds
        raise StageMismatch(
            f"torch cannot export the network of {card.name}: {str(error).splitlines()[0]}",
            hint="a network must be traceable with free sizes of batch and time, and of the image or the people",
        ) from error
    assert program is not None
    model = program.model_proto
    model.producer_name, model.producer_version = "posec3d", __version__
    onnx.helper.set_model_props(model, dict(metadata))
    return bytes(model.SerializeToString())


def _side_by_side(modules: Sequence[nn.Module]) -> nn.Module:
    import torch
    from torch import Tensor, nn

    class SideBySide(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.networks = nn.ModuleList(modules)

        def forward(self, views: Tensor) -> Tensor:
            return torch.stack([network(views) for network in self.networks], dim=1)

    return SideBySide().eval()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter says of packages that are not installed, and of its own future."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logger.setLevel(before)


@dataclass
class Comparison:
    """How the answers of two runtimes differ on the same views.

    Attributes:
        views: the number of views.
        difference: the largest difference of two logits.
        other_answers: the number of views whose best label differs.
    """

    views: int = 0
    difference: float = 0.0
    other_answers: int = 0

    @property
    def equal(self) -> bool:
        """Whether they agree: no logit differs by more than `TOLERANCE`, and no best label differs."""
        return self.views > 0 and self.difference <= TOLERANCE and self.other_answers == 0


class ComparingClassifier:
    """Classifies as one classifier, and compares its logits with those of another on every view.

    Args:
        first: whose answers are given.
        second: which it is compared with.
    """

    def __init__(self, first: HasLogits, second: HasLogits) -> None:
        self.first, self.second = first, second
        self.found = Comparison()

    @property
    def labels(self) -> tuple[str, ...]:
        """The C action labels."""
        return self.first.labels

    def classify(self, volumes: Sequence[ClassifierInput]) -> list[ActionScores]:
        """The answers of the first."""
        for one, other in zip(self.first.logits(volumes), self.second.logits(volumes), strict=True):
            self.found = replace(
                self.found,
                views=self.found.views + one.shape[1],
                difference=max(self.found.difference, float(np.abs(one - other).max())),
                other_answers=self.found.other_answers + int((one.argmax(-1) != other.argmax(-1)).any(axis=0).sum()),
            )
        return self.first.classify(volumes)  # type: ignore[attr-defined,no-any-return]


def check_export(
    card: ModelCard,
    files: Mapping[str, Path],
    exported: Path,
    clip: Path,
    *,
    offline: bool | None = None,
    weights_dir: Path | None = None,
) -> Comparison:
    """Compare an exported file with torch on what the people in a clip do.

    Args:
        card: the exported model.
        files: its files, by name.
        exported: the file.
        clip: a video, whose poses are estimated, or a pose file.
        offline: never use the network for the models that estimate poses.
        weights_dir: where these may lie.

    Returns:
        What was compared, all of it equal.

    Raises:
        StageMismatch: the answers differ, or there is nobody in the clip.
        InputError: the clip cannot be read.
    """
    stage = check_exportable(card)
    on_torch = stage.from_card(card, network_files(files), device="cpu", precision="fp32")
    comparing = ComparingClassifier(on_torch, stage.from_card(card, {ONNX: exported}, device="cpu"))
    builder = load_stage("builder", stage.builder).from_card(card, {})
    recognizer = ActionRecognizer([Member(builder, comparing, ClipSampling.from_recipe(card.recipe, where=card.name))])
    if is_pose_file(clip):
        for poses in read_pose_file(clip):
            recognizer.recognize_file(poses)
    else:
        extractor = PoseExtractor.from_config(PipelineConfig(device="cpu", offline=offline, weights_dir=weights_dir))
        with extractor.open(clip) as video:
            frames = recognizer.frames_needed(recognizer.sampling, *video.info.timing)
            recognizer.recognize(extractor.poses_of(video, frames))
    found = comparing.found
    if found.views == 0:
        raise StageMismatch(f"nothing could be compared: there is nobody in {clip}", hint="name another clip")
    if not found.equal:
        raise StageMismatch(
            f"{exported} is not what torch computes: on {counted(found.views, 'view')}, logits differ by up to "
            f"{found.difference:.1e} and {counted(found.other_answers, 'best label')} differ",
            hint=f"do not use it; at most {TOLERANCE:g} and none is expected",
        )
    return found
