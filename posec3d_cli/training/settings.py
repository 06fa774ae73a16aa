"""Training: one training run, and the settings that it must share with the checkpoint that it resumes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from posec3d_cli.datasets.clips import LabeledClip, LabeledVideo
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.tracking.object_rows import ObjectRows
from posec3d_cli.training.config import POSE_PHASES, TrainingConfig
from posec3d_cli.training.finetune import Pretrained
from posec3d_cli.transforms.joint_features import JointSpec


def settings_of(
    training: Training,
    training_clips: Sequence[LabeledClip],
    validation_clips: Sequence[LabeledClip],
    classes: Sequence[str],
    precision: str,
) -> dict[str, Any]:
    """All settings that decide the result of a training, as plain values to compare with those of a checkpoint."""
    return {
        **settings_before_poses(training, precision),
        "list of actions": list(classes),
        "clips to train on": _digest(training_clips),
        "clips to validate on": _digest(validation_clips),
    }


def settings_before_poses(training: Training, precision: str) -> dict[str, Any]:
    """Those of `settings_of` that are known before any pose is."""
    pretrained = training.pretrained
    settings = {
        **msgspec.to_builtins(training.config),
        "options of the network": training.network,
        "number of networks": training.networks,
        "precision": precision,
        "pretrained model": pretrained.card.name if pretrained else "",
        "weights of the pretrained model": pretrained.digests if pretrained else [],
        "use of the pretrained labels": "kept" if training.extends else "replaced",
        "weights of the halves": [half.digests for half in training.halves or ()],
        "list of clips": training.dataset,
    }
    plain: dict[str, Any] = json.loads(json.dumps(settings))
    return plain


def digest_of(clips: Iterable[LabeledVideo | LabeledClip]) -> str:
    """The number of clips and a digest of their names, labels and parts, for `Training.dataset`."""
    hasher, given = hashlib.sha256(), list(clips)
    for clip in given:
        hasher.update(f"{clip.name}\0{clip.label}\0{clip.part}\0".encode("utf-8", "surrogateescape"))
    return f"{len(given)} clips, {hasher.hexdigest()[:16]}"


def _digest(clips: Sequence[LabeledClip]) -> str:
    """The number of clips and a digest of their names, labels, poses and objects."""
    hasher = hashlib.sha256()
    for clip in clips:
        hasher.update(f"{clip.name}\0{clip.label}\0".encode("utf-8", "surrogateescape"))
        hasher.update(clip.keypoints.tobytes())
        hasher.update(clip.scores.tobytes())
        rows = ObjectRows.of(clip.objects)
        hasher.update("\0".join(rows.names).encode("utf-8", "surrogateescape"))
        for array in (rows.counts, rows.boxes, rows.scores, rows.classes):
            hasher.update(array.tobytes())
    return f"{len(clips)} clips, {hasher.hexdigest()[:16]}"


@dataclass(frozen=True)
class Training:
    """One training run.

    Attributes:
        config: the settings of the loop, the architecture and its input.
        network: options of the network.
        networks: number of networks, trained from different initial weights; the model averages their predictions.
        held_out: the share of the clips without a split to validate on, chosen by `split`.
        command: the command line.
        pretrained: a model to fine-tune; None: random initial weights.
        extends: whether the model keeps the labels of the pretrained model; its backbone then stays frozen.
        dataset: `digest_of` all clips that were given; empty where nothing compares it.
        halves: a model of frames and one of heatmaps that an RGBPose-Conv3D starts as; None: it does not.
    """

    config: TrainingConfig
    network: dict[str, Any]
    networks: int = 1
    held_out: float = 0.1
    command: str = ""
    pretrained: Pretrained | None = None
    extends: bool = False
    dataset: str = ""
    halves: tuple[Pretrained, Pretrained] | None = None

    @property
    def options(self) -> dict[str, Any]:
        """The options of the network, the number of its input channels among them."""
        if isinstance(self.config.spec, JointSpec):
            return dict(self.network)
        return {"in_channels": self.config.in_channels, **self.network}

    @property
    def frames_read(self) -> ClipSampling:
        """The sampling of the frames whose poses the training reads: several phases of each window.

        The first phase is what a prediction reads. Between these frames, augmentation reads interpolated poses.
        """
        return self.config.sampling.changed(views=POSE_PHASES)

    @property
    def starts_from_features(self) -> bool:
        """Whether the pretrained model reads the same input, so that its features mean something for a new head."""
        return self.pretrained is not None and self.config.stream == self.pretrained.config.stream
