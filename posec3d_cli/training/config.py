"""TrainingConfig: every setting of a training, kept with the model."""

from __future__ import annotations

from dataclasses import dataclass, field

from posec3d_cli.datasets.clips import ANNOTATED, ESTIMATED, RECORDED
from posec3d_cli.nets import network_class
from posec3d_cli.skeletons import COCO_17, POSEC3D_LIMBS, Limbs
from posec3d_cli.training.augment import Augmentation

BODY = tuple(joint for joint in COCO_17.joints if joint[-3:] not in ("eye", "ear"))


@dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained.

    The schedule is the published one of PoseC3D and PYSKL (SGD with momentum 0.9, a learning rate of 0.2 for 128
    samples a step, weight decay 3e-4, gradients cut at a norm of 40, one cosine over all steps), with a short warm-up.
    It is scaled to the data: the rate to the batch, the repetitions to the number of clips, see `samples`.

    Attributes:
        architecture: as `posec3d_cli.nets.build_network` calls it.
        input: "joint" or "limb" volumes; of ST-GCN++ its joints or its bones.
        epochs: passes of `samples` samples.
        size: height and width of the volumes in pixels.
        frames: T, frames of a sample.
        joints: the COCO-17 joints that become channels, by name; limbs are those between them. ST-GCN++ reads all 17.
        sigma: of the Gaussians, in volume pixels.
        score_threshold: joints that score less are not drawn.
        padding: the crop's side as a multiple of the people's extent, at validation.
        batch_size: samples per step.
        rate: the highest learning rate; None is 0.2 for 128 samples a step, as published.
        weight_decay: of kernels; biases and normalisations have none.
        warm_up: the part of the steps over which the rate rises.
        label_smoothing: the probability that is spread over all actions.
        averaging: how much of the average each step keeps; less where that spans over an eighth of the training.
        balance: 0 draws every clip alike, 1 every action alike; between them, rare actions are drawn more often.
        importance: how often an example is drawn in relation to others, by origin.
        augmentation: how strongly samples are varied.
        seed: of samples, first weights and dropout.
    """

    architecture: str = "c3d-light"
    input: str = "joint"
    epochs: int = 24
    size: int = 28
    frames: int = 16
    joints: tuple[str, ...] = BODY
    sigma: float = 0.6
    score_threshold: float = 0.1
    padding: float = 1.25
    batch_size: int = 16
    rate: float | None = None
    weight_decay: float = 3e-4
    warm_up: float = 0.05
    label_smoothing: float = 0.1
    averaging: float = 0.998
    balance: float = 0.5
    importance: dict[str, float] = field(default_factory=lambda: {ESTIMATED: 3.0, ANNOTATED: 1.2, RECORDED: 1.0})
    augmentation: Augmentation = field(default_factory=Augmentation)
    seed: int = 0

    def samples(self, clips: int) -> int:
        """Samples of an epoch: 10 per clip as published, fewer of each where there are over 400, whole steps.

        So 24 epochs show a clip of a small set 240 times, as the published schedule does, and one of 5,000 clips
        24 times.
        """
        wanted = min(10 * clips, max(clips, 4000))
        return -(-wanted // self.batch_size) * self.batch_size

    @property
    def peak_rate(self) -> float:
        """The highest learning rate."""
        return 0.2 * self.batch_size / 128 if self.rate is None else self.rate

    @property
    def graph(self) -> bool:
        """Whether the network reads the joints themselves."""
        return network_class(self.architecture).reads == "joints"

    @property
    def channels(self) -> list[int]:
        """The COCO-17 numbers of the joints that are looked at: for limbs all, as the volume builder does."""
        if self.input == "limb" or self.graph:
            return list(range(len(COCO_17.joints)))
        return [COCO_17.joints.index(joint) for joint in self.joints]

    @property
    def limbs(self) -> Limbs:
        """The limbs between `joints`, in the order of the published limb models."""
        known = {COCO_17.joints.index(joint) for joint in self.joints}
        return tuple((a, b) for a, b in POSEC3D_LIMBS if a in known and b in known)

    @property
    def in_channels(self) -> int:
        """What the network's first layer reads: K joints or limbs; of a graph x, y and score."""
        if self.graph:
            return 3
        return len(self.limbs) if self.input == "limb" else len(self.joints)
