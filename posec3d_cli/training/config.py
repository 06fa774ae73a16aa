"""TrainingConfig: every setting of a training, stored with the model."""

from __future__ import annotations

from dataclasses import dataclass, field

from posec3d_cli.datasets.clips import ANNOTATED, ESTIMATED, RECORDED
from posec3d_cli.nets import network_class
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.skeletons import COCO_17, POSEC3D_LIMBS
from posec3d_cli.stages.builders.heatmap import HeatmapBuilder
from posec3d_cli.stages.builders.joints import JointBuilder
from posec3d_cli.stages.builders.rgb import RGBBuilder, RGBPoseBuilder
from posec3d_cli.training.augment import Augmentation
from posec3d_cli.transforms.heatmaps import HeatmapSpec
from posec3d_cli.transforms.joint_features import JointSpec
from posec3d_cli.transforms.pixels import RGBSpec

Builder = HeatmapBuilder | JointBuilder | RGBBuilder | RGBPoseBuilder

BODY = tuple(joint for joint in COCO_17.joints if joint[-3:] not in ("eye", "ear"))
JOINT, LIMB = "joint", "limb"
AUTO, NONE = "auto", "none"
SCORE_THRESHOLD = 0.1
POSE_PHASES = 2
"""Views of a window of which the poses and frames are known in a training; the first is what a prediction reads."""


def heatmap_spec(stream: str = JOINT, size: int = 28) -> HeatmapSpec:
    """The heatmap volumes of trained models: the 13 joints that all data have, or the limbs between them."""
    known = {COCO_17.joints.index(joint) for joint in BODY}
    limbs = tuple((a, b) for a, b in POSEC3D_LIMBS if a in known and b in known)
    return HeatmapSpec(
        size=(size, size),
        channels="limbs" if stream == LIMB else "joints",
        joints=() if stream == LIMB else BODY,
        limbs=limbs,
        score_threshold=SCORE_THRESHOLD,
        crop_min_size=4,
        crop_exact=True,
    )


def joint_spec(stream: str = JOINT) -> JointSpec:
    """The joint features of trained graph networks: all 17 joints of one person, or the bones."""
    return JointSpec(stream="bone" if stream == LIMB else "joint", score_threshold=SCORE_THRESHOLD)


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of a training.

    The schedule is the published one of PoseC3D and PYSKL (SGD with momentum 0.9, a learning rate of 0.2 for 128
    samples a step, weight decay 3e-4, gradients cut at a norm of 40, one cosine over all steps), with a short warm-up.
    It is scaled to the data: the rate to the batch, the repetitions to the number of clips, see `samples`.

    Attributes:
        architecture: as `posec3d_cli.nets.build_network` calls it.
        spec: the heatmap volumes or joint features that the network reads; stored in the model's card.
        sampling: windows and frames of a clip, and whether each person is read alone; stored in the card.
        epochs: passes of `samples` samples, at most.
        repeats: how often an epoch shows a clip, where the clips are not many.
        patience: the training ends after so many epochs in a row without a better validation; 0: after all epochs.
        batch_size: samples per step.
        learning_rate: the highest; None is 0.2 for 128 samples a step, as published.
        weight_decay: of kernels; biases and normalisations have none.
        warmup: the share of the steps over which the learning rate rises.
        label_smoothing: the probability that is spread over all actions.
        ema_decay: decay of the moving average per step; lowered so that it spans at most an eighth of the training.
        class_balance: 0 samples every clip alike, 1 every action of every source alike; between them, rare actions
            are sampled more often.
        origin_weights: relative sampling weight of a clip, by origin.
        augmentation: the strength of the augmentation.
        frozen_statistics: whether batch normalisation keeps the statistics of the pretrained model.
        objects: AUTO: the model reads objects beside the poses where that helps on the validation clips; NONE: never.
        seed: seed of samples, initial weights and dropout.
        rgb: how the frames are made that the network reads, alone or beside heatmaps; None: it reads poses alone.
        joint_loss: whether the heads of a network of two have one loss, of the mean of their logits, and not one each.
        interactions: the labels of what two people do together: their samples show two people, those of other labels
            one, and some of these two who do something each alone.
    """

    architecture: str = "c3d-light"
    spec: HeatmapSpec | JointSpec = field(default_factory=heatmap_spec)
    sampling: ClipSampling = field(
        default_factory=lambda: ClipSampling(frames=16, people="each", window_seconds=2.0, stride_seconds=1.0)
    )
    epochs: int = 24
    repeats: int = 10
    patience: int = 0
    batch_size: int = 16
    learning_rate: float | None = None
    weight_decay: float = 3e-4
    warmup: float = 0.05
    label_smoothing: float = 0.1
    ema_decay: float = 0.998
    class_balance: float = 0.5
    origin_weights: dict[str, float] = field(default_factory=lambda: {ESTIMATED: 3.0, ANNOTATED: 1.2, RECORDED: 0.2})
    augmentation: Augmentation = field(default_factory=Augmentation)
    frozen_statistics: bool = False
    objects: str = AUTO
    seed: int = 0
    rgb: RGBSpec | None = None
    joint_loss: bool = False
    interactions: tuple[str, ...] = ()

    def samples(self, clips: int) -> int:
        """Samples of an epoch: `repeats` per clip, fewer of each where they would be over 4,000, whole steps.

        So 24 epochs of 10 repeats show a clip of a small set 240 times, as the published schedule does, and one of
        5,000 clips 24 times.
        """
        wanted = min(self.repeats * clips, max(clips, 4000))
        return -(-wanted // self.batch_size) * self.batch_size

    @property
    def peak_learning_rate(self) -> float:
        """The highest learning rate."""
        return 0.2 * self.batch_size / 128 if self.learning_rate is None else self.learning_rate

    @property
    def builder(self) -> Builder:
        """The input builder of the network, in training as in every prediction."""
        if isinstance(self.spec, JointSpec):
            return JointBuilder(self.spec)
        if self.rgb is not None:
            return RGBBuilder(self.spec, self.rgb) if self.reads == "rgb" else RGBPoseBuilder(self.spec, self.rgb)
        return HeatmapBuilder(self.spec)

    @property
    def reads(self) -> str:
        """What the network reads."""
        return network_class(self.architecture).reads

    @property
    def in_channels(self) -> int:
        """Input channels of the network: K joints or limbs; for a graph network x, y and score.

        Of a network of frames alone, their colours.
        """
        if isinstance(self.spec, JointSpec) or (self.rgb is not None and self.reads == "rgb"):
            return 3
        return len(self.spec.mirror)

    @property
    def stream(self) -> str:
        """ "joint" or "limb"; the bones of a graph network are its limbs."""
        limbs = self.spec.stream == "bone" if isinstance(self.spec, JointSpec) else self.spec.channels == "limbs"
        return LIMB if limbs else JOINT
