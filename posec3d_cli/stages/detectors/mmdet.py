"""Any mmdet detector, from its config and checkpoint. The names of its classes are those of its data set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from msgspec import field

from posec3d_cli.errors import BadCard
from posec3d_cli.schema import Count, Text, read_settings
from posec3d_cli.stages.detectors.box_filter import BoxFilter
from posec3d_cli.stages.detectors.object_classes import ObjectClasses
from posec3d_cli.stages.openmmlab.models import ConfigAndCheckpoint, PublishedModel
from posec3d_cli.types import Detections, Frame

if TYPE_CHECKING:
    from posec3d_cli.hub.cards import ModelCard


class MMDet:
    """Boxes of people and objects from a model of mmdet.

    Args:
        config_and_checkpoint: config and checkpoint.
        settings: how it runs, and which boxes count, after the model's own non-maximum suppression.
        device: "cpu", "cuda", "cuda:N" or "mps".
    """

    class Settings(BoxFilter, frozen=True):
        """Settings of its cards, besides those of the box filter.

        Attributes:
            config, weights, cfg_options: see `ConfigAndCheckpoint`.
            person_class: the class number that means person; None: that of the class called "person".
            batch: frames of one size that pass the network together; more of them change no box beyond rounding.
        """

        config: Text | None = None
        weights: Text | None = None
        cfg_options: dict[str, Any] = field(default_factory=dict)
        person_class: int | None = None
        batch: Count = 4

    def __init__(
        self, config_and_checkpoint: ConfigAndCheckpoint, settings: Settings | None = None, *, device: str = "cpu"
    ) -> None:
        settings = settings or self.Settings()
        self._model = PublishedModel("mmdet", config_and_checkpoint, device)
        self.device = device
        steps = list(self._model.data_set().pipeline)
        self._prepare = self._model.transforms([{"type": "mmdet.LoadImageFromNDArray"}, *steps[1:]])
        person = settings.person_class
        self._person = _person_class(self._model) if person is None else person
        self._known = ObjectClasses(_class_names(self._model), self._person)
        self._batch = settings.batch
        self._filter = settings

    @classmethod
    def from_card(cls, card: ModelCard, files: Mapping[str, Path], *, device: str = "cpu", **options: Any) -> Self:
        """Make the stage; options: its `Settings`."""
        settings = read_settings(cls.Settings, card, options)
        model = ConfigAndCheckpoint.of(card, files, settings.config, settings.weights, settings.cfg_options)
        return cls(model, settings, device=device)

    @property
    def object_classes(self) -> tuple[str, ...]:
        """The classes that it knows beside people."""
        return self._known.names

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """One `Detections` per frame, in pixels of that frame, best first."""
        return [detections for batch in self._batches(frames) for detections in self._detect(batch)]

    def _batches(self, frames: Sequence[Frame]) -> Iterator[list[Frame]]:
        """Batches of consecutive frames of equal size: beside a larger image, a smaller one would be padded."""
        for _, group in groupby(frames, key=lambda frame: frame.pixels.shape):
            alike = list(group)
            yield from (alike[start : start + self._batch] for start in range(0, len(alike), self._batch))

    def _detect(self, frames: Sequence[Frame]) -> Iterator[Detections]:
        # The packages read images with OpenCV: blue first. Their configs turn that round where the network wants it.
        blue_first = (np.ascontiguousarray(frame.pixels[..., ::-1]) for frame in frames)
        answers = self._model.predict([self._prepare({"img": pixels, "img_id": 0}) for pixels in blue_first])
        for frame, answer in zip(frames, answers, strict=True):
            detections = answer.pred_instances.cpu()
            boxes, scores = (np.asarray(one.numpy(), np.float32) for one in (detections.bboxes, detections.scores))
            numbers, size = np.asarray(detections.labels.numpy(), np.int64), frame.pixels.shape[:2]
            people = numbers == self._person
            found = self._filter.apply(boxes[people], scores[people], size)
            if self._known:
                objects = self._filter.apply_to_objects(boxes, scores, numbers, self._known, size)
                found = replace(found, objects=objects)
            yield found


def _class_names(model: PublishedModel) -> tuple[str, ...]:
    """The names of its classes by number; empty where its heads tell apart another number of them.

    A model of people alone often carries the config of a data set of many classes.
    """
    names = tuple(map(str, model.description().get("classes", ())))
    told_apart = [getattr(part, "num_classes", None) for part in model.model.modules()]
    return names if len(names) in told_apart and len(names) > 1 else ()


def _person_class(model: PublishedModel) -> int:
    classes = model.description().get("classes", ())
    if "person" in classes:
        return tuple(classes).index("person")
    if len(classes) > 1:
        raise BadCard(
            f"the detector tells apart {len(classes)} classes, none of which is called 'person': "
            + ", ".join(map(str, classes[:5])),
            hint="say which one it is: --set detector.person_class=NUMBER, from 0",
        )
    return 0
