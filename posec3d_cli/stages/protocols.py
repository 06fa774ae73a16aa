"""The protocols of the four pipeline stages: everything that a plugin has to offer.

A stage is a class with one verb, named by an entry point in one of the groups below. It is made from a model
card by its class method `from_card`, and works on batches: one result per input, in order.

What a stage may have besides stands at the end: `HasDevice`, `PrefersProcessor`, `KnowsObjects`, `NeedsHeatmaps`,
`NeedsFrames`, `NamesBuilder`, `NamesBuilderOfCard`, `HasPrecision` and `HasLogits`. Whoever lacks one of these members
is taken as its docstring says.

    [project.entry-points."posec3d.detectors"]
    my-detector = "my_package:MyDetector"

`posec3d_cli.testing` holds the checks that every stage has to pass. Step by step: docs/plugins.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

if TYPE_CHECKING:
    from posec3d_cli.hub.cards import ModelCard
    from posec3d_cli.skeletons import Skeleton
    from posec3d_cli.transforms.heatmaps import Crop
    from posec3d_cli.types import (
        ActionScores,
        ClassifierInput,
        Detections,
        Floats,
        Frame,
        Ints,
        Pixels,
        Poses,
        PoseSequence,
    )


class Stage(Protocol):
    """The constructor of every stage."""

    @classmethod
    def from_card(cls, card: ModelCard, files: Mapping[str, Path], *, device: str = "cpu", **options: Any) -> Self:
        """Make the stage.

        Args:
            card: the model's card; `card.recipe` holds the stage's own settings, which
                `posec3d_cli.schema.read_settings` checks against a struct that the stage declares.
            files: the verified weights files, by the name that the card gives them.
            device: "cpu", "cuda", "cuda:N" or "mps", already checked to exist.
            options: settings that replace those of `card.recipe`.

        Raises:
            StageUnavailable: a package that the stage needs is not installed, or it cannot run on the device.
            BadCard: the recipe lacks a setting or holds an unknown one.
        """
        ...


@runtime_checkable
class Detector(Protocol):
    """Finds the people in each frame, and perhaps the objects, see `KnowsObjects`."""

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """One `Detections` per frame, in pixels of that frame; frames may differ in size."""
        ...


@runtime_checkable
class PoseEstimator(Protocol):
    """Estimates the pose of each detected person (top-down)."""

    @property
    def skeleton(self) -> Skeleton:
        """The joint set of the poses."""
        ...

    def estimate(self, frames: Sequence[Frame], detections: Sequence[Detections]) -> list[Poses]:
        """One `Poses` per frame, row n for box n of that frame's detections."""
        ...


@runtime_checkable
class InputBuilder(Protocol):
    """Turns pose sequences into classifier input: heatmap volumes, clips of joints, or of frames, see `NeedsFrames`."""

    def build(self, sequence: PoseSequence, clips: Ints, *, flip: bool = False) -> ClassifierInput:
        """Make the views of one sequence.

        Args:
            sequence: the poses of (at least) the frames that `clips` names.
            clips: `(V, T)` video frame numbers, one row per view; each must be in `sequence.frame_indices`.
            flip: append each view's mirror image, so that the result holds 2V views.
        """
        ...


@runtime_checkable
class ActionClassifier(Protocol):
    """Classifies heatmap volumes, clips of joints or of frames, or frames beside heatmaps."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The C action labels."""
        ...

    def classify(self, volumes: Sequence[ClassifierInput]) -> list[ActionScores]:
        """One `ActionScores` per volume, or clip: the mean over its views of the softmax over classes."""
        ...


@runtime_checkable
class HasDevice(Protocol):
    """Any stage with a device. A stage without one runs on the processor, and other devices are refused."""

    @property
    def device(self) -> str | None:
        """The device that `from_card` was given; None: the stage has no network and accepts every device."""
        ...


@runtime_checkable
class PrefersProcessor(Protocol):
    """A stage class that runs some models on the processor where the device is "auto".

    For other classes, "auto" is the best device that torch finds, and finding it imports torch, which takes seconds.
    """

    @classmethod
    def prefers_processor(cls, card: ModelCard) -> bool:
        """Whether it does so for the model of `card`, whose recipe has the user's settings too."""
        ...


@runtime_checkable
class KnowsObjects(Protocol):
    """A detector that also finds objects, in the same run of its network. Other detectors know people only.

    Where it knows any class, the `Detections` of every frame have `objects`, whose `names` are `object_classes`.
    """

    @property
    def object_classes(self) -> tuple[str, ...]:
        """The names of the classes that it knows beside people, each once; empty: it knows people only."""
        ...


@runtime_checkable
class NeedsHeatmaps(Protocol):
    """An input builder that may read the pose network's own heatmaps. For other builders, only joints are estimated."""

    @property
    def needs_heatmaps(self) -> bool:
        """Whether it reads them: the pose estimator is then made with the option `heatmaps`."""
        ...


@runtime_checkable
class NeedsFrames(Protocol):
    """An input builder that reads the pixels of a video beside the poses: of each frame, the crop that it asks for.

    The card's `recipe.clip.rgb_frames` says how many frames of each view these are. Without `frames`, `build` refuses
    with StageMismatch: a pose file has none.
    """

    @property
    def frame_size(self) -> tuple[int, int]:
        """(H, W) that the crops are scaled to."""
        ...

    def crop(self, sequence: PoseSequence, clips: Ints) -> Crop:
        """The rectangle of the frames that the views show, in whole pixels; it may reach beyond the frame."""
        ...

    def build(
        self, sequence: PoseSequence, clips: Ints, *, flip: bool = False, frames: Pixels | None = None
    ) -> ClassifierInput:
        """As `InputBuilder.build`, with `frames`: `(V, T', H, W, 3)` uint8 RGB, the crop of the frames of each view."""
        ...


@runtime_checkable
class NamesBuilder(Protocol):
    """A classifier class that names its input builder. For other classes, that is "heatmap"."""

    builder: str


@runtime_checkable
class NamesBuilderOfCard(Protocol):
    """A classifier class whose models read different inputs."""

    @classmethod
    def builder_of(cls, card: ModelCard) -> str:
        """The name of the builder that makes what the model of `card` reads."""
        ...


@runtime_checkable
class HasPrecision(Protocol):
    """A classifier that takes the option `precision`, "auto", "fp32" or "bf16". Without it, results name none."""

    @property
    def precision(self) -> str:
        """The number format of its computations: "fp32" or "bf16"."""
        ...


@runtime_checkable
class HasLogits(Protocol):
    """A classifier whose probabilities are the mean of softmax(logits / temperature) over networks and views.

    The softmax is over the outputs; the probabilities of outputs with the same label are summed. Without it, a
    classifier cannot be calibrated.
    """

    @property
    def labels(self) -> tuple[str, ...]:
        """The C action labels."""
        ...

    @property
    def outputs(self) -> tuple[str, ...]:
        """The label of each of the O outputs; the same as `labels` where each label has one output."""
        ...

    @property
    def temperature(self) -> float:
        """The present temperature."""
        ...

    def logits(self, volumes: Sequence[ClassifierInput]) -> list[Floats]:
        """The logits of each volume, `(networks, V, O)` float32, not divided by the temperature."""
        ...
