"""The four stages of the pipeline: everything that a plugin has to offer, on one page.

A stage is a class with one verb, named by an entry point in one of the groups below. It is made from a model
card by its class method `from_card`, and works on batches: one result per input, in order.

    [project.entry-points."posec3d.detectors"]
    my-detector = "my_package:MyDetector"

`posec3d_cli.testing` holds the checks that every stage has to pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

if TYPE_CHECKING:
    from posec3d_cli.hub.cards import ModelCard
    from posec3d_cli.skeletons import Skeleton
    from posec3d_cli.types import ActionScores, ClassifierInput, Detections, Frame, Ints, Poses, PoseSequence


class Stage(Protocol):
    """How every stage is made.

    An attribute `device` says where it runs, as `from_card` was told. Without it a stage is taken to run on the
    processor, and another device that a user names is refused. None: it has no network, so every device will do.
    """

    @classmethod
    def from_card(cls, card: ModelCard, files: Mapping[str, Path], *, device: str = "cpu", **options: Any) -> Self:
        """Make the stage.

        Args:
            card: the model's card; `card.recipe` holds the stage's own settings.
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
    """Finds the people in each frame."""

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
class VolumeBuilder(Protocol):
    """Makes of pose sequences what a classifier reads: heatmap volumes, or clips of the joints themselves."""

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
    """Reads volumes, or clips of joints.

    A class attribute `builder` names the builder that makes what it reads; without one, that is "heatmap".
    """

    @property
    def labels(self) -> tuple[str, ...]:
        """The C actions that it tells apart."""
        ...

    def classify(self, volumes: Sequence[ClassifierInput]) -> list[ActionScores]:
        """One `ActionScores` per volume, or clip: the mean over its views of the softmax over classes."""
        ...
