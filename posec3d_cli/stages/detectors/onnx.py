"""Detectors on ONNX Runtime, decoded as they were published.

The recipe of a card:

    output = "dets"               # what comes out; see `DECODERS`
    input_size = [320, 320]       # width and height that the model reads; the image is letterboxed top left, on 114
    channels = "bgr"              # the order in which it reads them
    mean = [103.53, 116.28, 123.675]        # in that order; 0 where it is left out
    std = [57.375, 57.12, 58.395]           # 1 where it is left out
    person_class = 0              # the class number that means person
    classes = "coco-80"           # the names of its classes; people only where it is left out
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from posec3d_cli.errors import BadCard
from posec3d_cli.runtime.onnx import (
    NO_DEVIATIONS,
    NO_MEANS,
    Channels,
    Deviations,
    ImageInput,
    ImageSize,
    Means,
    answer,
    naming,
    only_processor,
    open_session,
)
from posec3d_cli.runtime.threads import ThreadLanes
from posec3d_cli.schema import Count, read_settings
from posec3d_cli.stages.detectors.box_filter import BoxFilter
from posec3d_cli.stages.detectors.letterbox import fitted_size, letterbox
from posec3d_cli.stages.detectors.object_classes import ClassList, ObjectClasses
from posec3d_cli.types import Detections, Floats, Frame, Ints, Pixels

if TYPE_CHECKING:
    from posec3d_cli.hub.cards import ModelCard

_GREY = 114  # what RTMDet and YOLOX were trained to see around a image
_STRIDES = (8, 16, 32)  # of YOLOX's three grids, in pixels
Output = Literal["dets", "yolox"]


class OnnxDetector:
    """Boxes of people and objects from a detector that was exported to ONNX.

    One image at a time: non-maximum suppression is a part of the graph in some exports.

    Args:
        model: a `.onnx` file, or a `.zip` with one `end2end.onnx` in it.
        settings: what it reads and returns, and which boxes count.
        device: "cpu" or "cuda[:N]".
    """

    class Settings(BoxFilter, frozen=True, kw_only=True):
        """Settings of its cards, besides those of the box filter.

        Attributes:
            output: which of `DECODERS` reads what comes out.
            input_size, channels, mean, std: those of `ImageInput`.
            person_class: the class number that means person.
            classes: the names of the classes; none where the network knows people only.
            threads: images that are read side by side; None: see `posec3d_cli.runtime.threads.network_threads`.
        """

        output: Output
        input_size: ImageSize
        channels: Channels
        mean: Means = NO_MEANS
        std: Deviations = NO_DEVIATIONS
        person_class: int = 0
        classes: ClassList = ()
        threads: Count | None = None

    def __init__(self, model: Path, settings: Settings, *, device: str = "cpu") -> None:
        self._decoder = DECODERS[settings.output]
        self._session = open_session(model, stage="onnx", device=device)
        self.device = device
        self._image_input = ImageInput(settings.input_size, settings.channels, settings.mean, settings.std)
        with naming(model):
            batch = self._image_input.check(self._session, self._decoder.outputs)
        if batch not in (None, 1):
            raise BadCard(f"{model} must read one image at a time, but reads {batch}")
        self._model = model
        self._input = self._session.get_inputs()[0].name
        self._person_class = settings.person_class
        self._known = ObjectClasses.of_list(settings.classes, settings.person_class)
        self._filter = settings
        self._lanes = ThreadLanes(settings.threads, device=device)

    @classmethod
    def prefers_processor(cls, card: ModelCard) -> bool:
        """Where ONNX Runtime runs nowhere else."""
        return only_processor()

    @classmethod
    def from_card(cls, card: ModelCard, files: Mapping[str, Path], *, device: str = "cpu", **options: Any) -> Self:
        """Make the stage; options: its `Settings`."""
        return cls(files["model"], read_settings(cls.Settings, card, options), device=device)

    @property
    def object_classes(self) -> tuple[str, ...]:
        """The classes that it knows beside people."""
        return self._known.names

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """One `Detections` per frame, in pixels of that frame, best first."""
        return self._lanes.map(self._detect_one, [frame.pixels for frame in frames])

    def _detect_one(self, pixels: Pixels) -> Detections:
        frame_size, size = (pixels.shape[0], pixels.shape[1]), self._image_input.input_size
        seen = self._image_input.tensor(letterbox(pixels, size, fill=_GREY)[None])
        outputs = answer(self._session, {self._input: seen}, self._model)
        width, height = fitted_size(frame_size, size)
        to_frame = np.array([frame_size[1] / width, frame_size[0] / height] * 2, np.float32)
        with naming(self._model):
            boxes, scores = self._decoder.people(outputs, size, self._person_class)
            found = self._filter.apply(boxes * to_frame, scores, frame_size)
            if not self._known:
                return found
            boxes, scores, numbers = self._decoder.classes(outputs, size)
            objects = self._filter.apply_to_objects(boxes * to_frame, scores, numbers, self._known, frame_size)
        return replace(found, objects=objects)


def decode_dets(outputs: Sequence[Any], size: tuple[int, int], person_class: int) -> tuple[Floats, Floats]:
    """The people in what OpenMMLab's deployed detectors return: decoded boxes after non-maximum suppression.

    Args:
        outputs: `(1, N, 5)` x1, y1, x2, y2 in pixels of the input and score; `(1, N)` class numbers.
        size: (w, h) of the input.
        person_class: the class number that means person.

    Returns:
        `(n, 4)` x1, y1, x2, y2 in pixels of the input, and `(n,)` scores.

    Raises:
        BadCard: the outputs have other shapes.
    """
    dets, labels = outputs[:2]
    if dets.ndim != 3 or dets.shape[0] != 1 or dets.shape[2] != 5 or labels.shape != dets.shape[:2]:
        raise BadCard(
            f"the model returns {dets.shape} and {labels.shape} where (1, N, 5) boxes and (1, N) classes were expected",
            hint='the card\'s output is "dets"; is it of another kind?',
        )
    people = labels[0] == person_class
    return dets[0, people, :4], dets[0, people, 4]


def decode_classes_of_dets(outputs: Sequence[Any], size: tuple[int, int]) -> tuple[Floats, Floats, Ints]:
    """The boxes of all classes in what OpenMMLab's deployed detectors return; `decode_dets` checks the shapes.

    Args:
        outputs, size: as of `decode_dets`.

    Returns:
        `(N, 4)` x1, y1, x2, y2 in pixels of the input, `(N,)` scores and `(N,)` class numbers.
    """
    dets, labels = outputs[:2]
    return dets[0, :, :4], dets[0, :, 4], labels[0].astype(np.int64)


def decode_yolox(outputs: Sequence[Any], size: tuple[int, int], person_class: int) -> tuple[Floats, Floats]:
    """The boxes in the undecoded head of YOLOX, as its authors export it: one per cell of three grids.

    Args:
        outputs: `(1, A, 5 + C)`: the middle of the box relative to the cell, in cells; the logarithm of its width and
            height in cells; the probability of an object; that of each class.
        size: (w, h) of the input.
        person_class: the class number that means person.

    Returns:
        `(A, 4)` x1, y1, x2, y2 in pixels of the input, and `(A,)` scores: object times class.

    Raises:
        BadCard: the output has another shape.
    """
    raw = outputs[0]
    anchors = sum(rows * columns for rows, columns, _ in _cells(size))
    if raw.ndim != 3 or raw.shape[:2] != (1, anchors) or raw.shape[2] <= 5 + person_class:
        raise BadCard(
            f"the model returns {raw.shape} where (1, {anchors}, 5 + classes) was expected",
            hint='the card\'s output is "yolox"; is it of another kind?',
        )
    return _boxes_of_yolox(raw, size), raw[0, :, 4] * raw[0, :, 5 + person_class]


def decode_classes_of_yolox(outputs: Sequence[Any], size: tuple[int, int]) -> tuple[Floats, Floats, Ints]:
    """The boxes of all classes in the undecoded head of YOLOX, each of its most probable class; see `decode_yolox`.

    Args:
        outputs, size: as of `decode_yolox`, which checks the shapes.

    Returns:
        `(A, 4)` x1, y1, x2, y2 in pixels of the input, `(A,)` scores and `(A,)` class numbers.
    """
    raw = outputs[0]
    numbers = raw[0, :, 5:].argmax(axis=1)
    return _boxes_of_yolox(raw, size), raw[0, :, 4] * raw[0, np.arange(len(numbers)), 5 + numbers], numbers


def _cells(size: tuple[int, int]) -> list[tuple[int, int, int]]:
    """The rows, columns and stride of YOLOX's grids over an input of (w, h)."""
    return [(size[1] // stride, size[0] // stride, stride) for stride in _STRIDES]


def _boxes_of_yolox(raw: Floats, size: tuple[int, int]) -> Floats:
    cells = _cells(size)
    corners = np.concatenate(
        [np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), -1).reshape(-1, 2) for rows, columns, _ in cells]
    )
    strides = np.concatenate([np.full((rows * columns, 1), stride) for rows, columns, stride in cells])
    middle = (raw[0, :, :2] + corners) * strides
    half = np.exp(raw[0, :, 2:4]) * strides / 2
    return np.concatenate([middle - half, middle + half], axis=1).astype(np.float32)


@dataclass(frozen=True)
class Decoder:
    """How the outputs of one kind of export become boxes.

    Attributes:
        people: the boxes and scores of people; it checks the shapes.
        classes: the boxes, scores and class numbers of everything.
        outputs: the number of outputs that the model must have.
    """

    people: Callable[[Sequence[Any], tuple[int, int], int], tuple[Floats, Floats]]
    classes: Callable[[Sequence[Any], tuple[int, int]], tuple[Floats, Floats, Ints]]
    outputs: int


DECODERS: dict[Output, Decoder] = {
    "dets": Decoder(decode_dets, decode_classes_of_dets, 2),
    "yolox": Decoder(decode_yolox, decode_classes_of_yolox, 1),
}
"""By the card's `output`."""
