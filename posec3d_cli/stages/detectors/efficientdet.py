"""EfficientDet-Lite on LiteRT; the published models include non-maximum suppression."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Self

import cv2
import numpy as np

from posec3d_cli.errors import BadCard, StageUnavailable
from posec3d_cli.runtime.device import USE_AUTO
from posec3d_cli.runtime.native_stderr import without_lines
from posec3d_cli.runtime.threads import ThreadLanes
from posec3d_cli.schema import Count, read_settings
from posec3d_cli.stages.detectors.box_filter import BoxFilter
from posec3d_cli.stages.detectors.letterbox import letterbox
from posec3d_cli.stages.detectors.object_classes import ClassList, ObjectClasses
from posec3d_cli.types import Detections, Frame, Pixels

if TYPE_CHECKING:
    from posec3d_cli.hub.cards import ModelCard


class EfficientDet:
    """Boxes of people and objects from an EfficientDet-Lite `.tflite` with post-processing inside.

    The network reads one image at a time: its non-maximum suppression is part of the graph and takes no batch.

    Args:
        model: the `.tflite` file; input uint8 RGB `(1, S, S, 3)`, 25 boxes out.
        settings: how it runs, and which boxes count.
    """

    class Settings(BoxFilter, frozen=True):
        """Settings of its cards, besides those of the box filter.

        Attributes:
            person_class: the class number that means person.
            classes: the names of the classes; none where only people are to be found.
            input_size: for readers of the card; the model file says it.
            threads: images that are read side by side; None: see `posec3d_cli.runtime.threads.network_threads`.
        """

        person_class: int = 0
        classes: ClassList = ()
        input_size: int | None = None
        threads: Count | None = None

    device = "cpu"

    def __init__(self, model: Path, settings: Settings | None = None) -> None:
        settings = settings or self.Settings()
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise StageUnavailable(
                f"the stage 'efficientdet' needs the package ai-edge-litert, which does not import: {error}",
                hint="pip install ai-edge-litert",
            ) from error

        def make() -> Any:
            interpreter = Interpreter(model_path=str(model), num_threads=1)
            interpreter.allocate_tensors()
            return interpreter

        self._make = make
        try:
            with without_lines("Created TensorFlow Lite XNNPACK delegate"):  # said once per process
                first = make()
        except ValueError as error:
            raise BadCard(f"{model} is no TensorFlow Lite model: {error}") from error
        self._person_class = settings.person_class
        self._known = ObjectClasses.of_list(settings.classes, settings.person_class)
        self._filter = settings
        inputs = first.get_input_details()
        outputs = {detail["name"].rpartition(":")[2]: detail["index"] for detail in first.get_output_details()}
        shapes = [(detail["dtype"].__name__, detail["shape"].tolist()) for detail in inputs]
        side = shapes[0][1][1] if len(shapes) == 1 and len(shapes[0][1]) == 4 else 0
        if shapes != [("uint8", [1, side, side, 3])] or not outputs.keys() >= {"1", "2", "3"}:
            reads = " and ".join(f"{kind} {shape}" for kind, shape in shapes) or "nothing"
            raise BadCard(
                f"{model} is no EfficientDet-Lite: it must read uint8 [1, S, S, 3] and return boxes, classes and "
                f"scores, but reads {reads} and returns {', '.join(outputs) or 'nothing'}"
            )
        self._input = inputs[0]["index"]
        self.input_size = side
        self._boxes, self._classes, self._scores = outputs["3"], outputs["2"], outputs["1"]
        self._lanes = ThreadLanes(settings.threads)
        self._idle = SimpleQueue[Any]()  # an interpreter reads one image at a time: each thread borrows one
        self._idle.put(first)

    @classmethod
    def from_card(cls, card: ModelCard, files: Mapping[str, Path], *, device: str = "cpu", **options: Any) -> Self:
        """Make the stage; options: its `Settings`.

        Raises:
            StageUnavailable: `device` is not "cpu", or the package that the stage needs does not import.
            BadCard: a setting is unknown, or the file is no model.
        """
        if device != "cpu":
            raise StageUnavailable(
                f"the stage 'efficientdet' cannot run on {device!r}: LiteRT runs on the processor only",
                hint=f"{USE_AUTO}, or name another --detector",
            )
        settings = read_settings(cls.Settings, card, options)
        return cls(files["model"], settings)

    @classmethod
    def prefers_processor(cls, card: ModelCard) -> bool:
        """LiteRT runs nowhere else."""
        return True

    @property
    def object_classes(self) -> tuple[str, ...]:
        """The classes that it knows beside people."""
        return self._known.names

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """One `Detections` per frame, in pixels of that frame, best first."""
        return self._lanes.map(self._detect_one, [frame.pixels for frame in frames])

    def _detect_one(self, pixels: Pixels) -> Detections:
        height, width = pixels.shape[:2]
        side = max(height, width)
        seen = letterbox(pixels, (self.input_size, self.input_size), fill=0, shrink=cv2.INTER_AREA)
        with self._interpreter() as interpreter:
            interpreter.set_tensor(self._input, seen[None])
            interpreter.invoke()
            y1, x1, y2, x2 = interpreter.get_tensor(self._boxes)[0].T * side
            classes = interpreter.get_tensor(self._classes)[0]
            scores = interpreter.get_tensor(self._scores)[0]
        numbers = np.round(classes).astype(np.int64)
        people = numbers == self._person_class
        boxes = np.stack([x1, y1, x2, y2], axis=1)
        found = self._filter.apply(boxes[people], scores[people], (height, width))
        if not self._known:
            return found
        objects = self._filter.apply_to_objects(boxes, scores, numbers, self._known, (height, width))
        return replace(found, objects=objects)

    @contextmanager
    def _interpreter(self) -> Iterator[Any]:
        """An idle interpreter; a new one where none is idle."""
        try:
            interpreter = self._idle.get_nowait()
        except Empty:
            interpreter = self._make()
        try:
            yield interpreter
        finally:
            self._idle.put(interpreter)
