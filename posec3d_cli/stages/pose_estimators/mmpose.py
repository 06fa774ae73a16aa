"""Any top-down pose model of mmpose with the joints of COCO, from its config and checkpoint."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from msgspec import field

from posec3d_cli.errors import BadCard, StageMismatch
from posec3d_cli.schema import Checked, Count, Text, read_settings
from posec3d_cli.skeletons import COCO_17, Skeleton
from posec3d_cli.stages.openmmlab.models import ConfigAndCheckpoint, PublishedModel
from posec3d_cli.types import Detections, Floats, Frame, Poses

if TYPE_CHECKING:
    from posec3d_cli.hub.cards import ModelCard


class MMPose:
    """Seventeen COCO joints of the person in each box, from a model of mmpose.

    Positions are the model's own; scores too, but cut to [0, 1].

    Args:
        config_and_checkpoint: config and checkpoint.
        settings: how it runs.
        device: "cpu", "cuda", "cuda:N" or "mps".

    Raises:
        BadCard: the model is not a top-down one.
        StageMismatch: its joints are not those of COCO.
    """

    class Settings(Checked, frozen=True):
        """Settings of its cards.

        Attributes:
            config, weights, cfg_options: see `ConfigAndCheckpoint`.
            flip_test: also look at the mirror image of each person; None: what the config says.
            batch: people who pass the network together; more of them change nothing beyond rounding.
            heatmaps: refused where it is true, because the network's heatmaps are not handed on.
        """

        config: Text | None = None
        weights: Text | None = None
        cfg_options: dict[str, Any] = field(default_factory=dict)
        flip_test: bool | None = None
        batch: Count = 16
        heatmaps: bool = False

    skeleton: Skeleton = COCO_17

    def __init__(
        self, config_and_checkpoint: ConfigAndCheckpoint, settings: Settings | None = None, *, device: str = "cpu"
    ) -> None:
        settings = settings or self.Settings()
        self._model = PublishedModel("mmpose", config_and_checkpoint, device)
        self.device = device
        _check_top_down(self._model)
        self._joints = _joints(self._model)
        self._prepare = self._model.transforms(self._model.data_set().pipeline)
        if settings.flip_test is not None:
            self._model.model.test_cfg["flip_test"] = settings.flip_test
        self._batch = settings.batch

    @classmethod
    def from_card(cls, card: ModelCard, files: Mapping[str, Path], *, device: str = "cpu", **options: Any) -> Self:
        """Make the stage; options: its `Settings`."""
        settings = read_settings(cls.Settings, card, options)
        if settings.heatmaps:
            raise StageMismatch(
                f"{card.name}: the stage 'mmpose' does not hand on its network's heatmaps", hint="use --builder heatmap"
            )
        model = ConfigAndCheckpoint.of(card, files, settings.config, settings.weights, settings.cfg_options)
        return cls(model, settings, device=device)

    def estimate(self, frames: Sequence[Frame], detections: Sequence[Detections]) -> list[Poses]:
        """One `Poses` per frame, row n for box n; keypoints in pixels of the frame. No box, no network."""
        people = [
            (frame, box)
            for frame, frame_detections in zip(frames, detections, strict=True)
            for box in frame_detections.boxes
        ]
        parts = [self._run(people[start : start + self._batch]) for start in range(0, len(people), self._batch)]
        empty = Poses.none(len(self.skeleton.joints))
        keypoints = np.concatenate([empty.keypoints, *(keypoints for keypoints, _ in parts)])
        scores = np.concatenate([empty.scores, *(scores for _, scores in parts)])
        bounds = np.cumsum([0, *(len(frame_detections) for frame_detections in detections)])
        return [Poses(keypoints[a:b], scores[a:b]) for a, b in itertools.pairwise(bounds)]

    def _run(self, people: Sequence[tuple[Frame, Floats]]) -> tuple[Floats, Floats]:
        """`(N, K, 2)` positions in pixels of the frame and `(N, K)` scores of these people."""
        prepared = []
        for _, group in itertools.groupby(people, key=lambda person: id(person[0])):
            alike = list(group)
            # The packages read images with OpenCV: blue first. Their configs turn that round.
            pixels = np.ascontiguousarray(alike[0][0].pixels[..., ::-1])
            for _, box in alike:
                one = {"img": pixels, "bbox": box[None].copy(), "bbox_score": np.ones(1, np.float32)}
                prepared.append(self._prepare({**one, **self._joints}))
        answers = [answer.pred_instances for answer in self._model.predict(prepared)]
        keypoints = np.concatenate([answer.keypoints for answer in answers]).astype(np.float32)
        scores = np.concatenate([answer.keypoint_scores for answer in answers]).astype(np.float32)
        return keypoints, np.clip(scores, 0, 1)


def _check_top_down(model: PublishedModel) -> None:
    from mmpose.models import TopdownPoseEstimator

    if not isinstance(model.model, TopdownPoseEstimator):
        raise BadCard(
            f"the config describes a {type(model.model).__name__}, not a top-down pose estimator",
            hint="take one of mmpose's configs whose names begin with td-hm, td-reg or rtmpose",
        )


def _joints(model: PublishedModel) -> Mapping[str, Any]:
    """The metadata of the joints that mmpose needs with each image: names, limbs and sides."""
    from mmpose.datasets.datasets.utils import parse_pose_metainfo

    with model.scope():
        described: dict[str, Any] = parse_pose_metainfo(dict(model.description()))
    names = tuple(described["keypoint_id2name"][number] for number in sorted(described["keypoint_id2name"]))
    if names != COCO_17.joints:
        raise StageMismatch(
            f"the pose model gives {len(names)} joints of {described.get('dataset_name', 'its data set')}, "
            f"not the {len(COCO_17.joints)} of COCO that PoseC3D reads",
            hint="take a config of mmpose's body_2d_keypoint/.../coco",
        )
    return described
