"""EfficientDet-Lite on LiteRT; the published models include post-processing."""

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
from posec3d_cli.stages.detectors.tflite_graph import without_postprocessing
from posec3d_cli.types import Detections, Floats, Frame, Ints, Pixels

if TYPE_CHECKING:
    from posec3d_cli.hub.cards import ModelCard


class EfficientDet:
    """Boxes of people and objects from an EfficientDet-Lite `.tflite` with post-processing inside.

    The post-processing is taken out of the graph, and what counts of it is done by `tflite_postprocess`, with the same
    result in less time. The network reads one image at a time.

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

        network, self._postprocess = without_postprocessing(model.read_bytes())

        def make() -> Any:
            interpreter = Interpreter(model_content=network, num_threads=1)
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
        whole = outputs.keys() >= {"1", "2", "3"}
        if shapes != [("uint8", [1, side, side, 3])] or not (whole or self._postprocess):
            reads = " and ".join(f"{kind} {shape}" for kind, shape in shapes) or "nothing"
            raise BadCard(
                f"{model} is no EfficientDet-Lite: it must read uint8 [1, S, S, 3] and return boxes, classes and "
                f"scores, but reads {reads} and returns {', '.join(outputs) or 'nothing'}"
            )
        self._input = inputs[0]["index"]
        self.input_size = side
        # Of the whole graph boxes, classes and scores; without post-processing encoded boxes and scores.
        self._outputs = list(outputs.values()) if self._postprocess else [outputs[name] for name in "321"]
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
            corners, numbers, scores = self._boxes_of(interpreter)
        y1, x1, y2, x2 = corners.T * side
        people = numbers == self._person_class
        boxes = np.stack([x1, y1, x2, y2], axis=1)
        found = self._filter.apply(boxes[people], scores[people], (height, width))
        if not self._known:
            return found
        objects = self._filter.apply_to_objects(boxes, scores, numbers, self._known, (height, width))
        return replace(found, objects=objects)

    def _boxes_of(self, interpreter: Any) -> tuple[Floats, Ints, Floats]:
        """The boxes as shares of the input, their classes and scores, best first."""
        if self._postprocess is None:
            corners, classes, scores = (interpreter.get_tensor(index)[0] for index in self._outputs)
            return corners, np.round(classes).astype(np.int64), scores
        encoded, scores = (interpreter.tensor(index)()[0] for index in self._outputs)
        counts = self._filter.score_threshold
        return self._postprocess.apply(
            encoded, scores, min(counts, self._filter.object_threshold) if self._known else counts
        )

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
