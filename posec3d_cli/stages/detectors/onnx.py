"""Detectors on ONNX Runtime, decoded as they were published.

The recipe of a card:

    output = "dets"               # what comes out; see `DECODERS`
    input_size = [320, 320]       # width and height that the model reads; the image is letterboxed top left, on 114
    channels = "bgr"              # the order in which it reads them
    mean = [103.53, 116.28, 123.675]        # in that order; 0 where it is left out
    std = [57.375, 57.12, 58.395]           # 1 where it is left out
    person_class = 0              # the class number that means person
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    open_session,
)
from posec3d_cli.runtime.threads import ThreadLanes
from posec3d_cli.schema import Count, read_settings
from posec3d_cli.stages.detectors.box_filter import BoxFilter
from posec3d_cli.stages.detectors.letterbox import fitted_size, letterbox
from posec3d_cli.types import Detections, Floats, Frame, Pixels

if TYPE_CHECKING:
    from posec3d_cli.hub.cards import ModelCard

_GREY = 114  # what RTMDet and YOLOX were trained to see around a image
_STRIDES = (8, 16, 32)  # of YOLOX's three grids, in pixels
Output = Literal["dets", "yolox"]
Decoder = Callable[[Sequence[Any], tuple[int, int], int], tuple[Floats, Floats]]


class OnnxDetector:
    """Boxes of people from a detector that was exported to ONNX.

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
            threads: images that are read side by side; None: see `posec3d_cli.runtime.threads.network_threads`.
        """

        output: Output
        input_size: ImageSize
        channels: Channels
        mean: Means = NO_MEANS
        std: Deviations = NO_DEVIATIONS
        person_class: int = 0
        threads: Count | None = None

    def __init__(self, model: Path, settings: Settings, *, device: str = "cpu") -> None:
        self._decode, outputs = DECODERS[settings.output]
        self._session = open_session(model, stage="onnx", device=device)
        self.device = device
        self._image_input = ImageInput(settings.input_size, settings.channels, settings.mean, settings.std)
        with naming(model):
            batch = self._image_input.check(self._session, outputs)
        if batch not in (None, 1):
            raise BadCard(f"{model} must read one image at a time, but reads {batch}")
        self._model = model
        self._input = self._session.get_inputs()[0].name
        self._person_class = settings.person_class
        self._filter = settings
        self._lanes = ThreadLanes(settings.threads, device=device)

    @classmethod
    def from_card(cls, card: ModelCard, files: Mapping[str, Path], *, device: str = "cpu", **options: Any) -> Self:
        """Make the stage; options: its `Settings`."""
        return cls(files["model"], read_settings(cls.Settings, card, options), device=device)

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """One `Detections` per frame, in pixels of that frame, best first."""
        return self._lanes.map(self._detect_one, [frame.pixels for frame in frames])

    def _detect_one(self, pixels: Pixels) -> Detections:
        frame_size, size = (pixels.shape[0], pixels.shape[1]), self._image_input.input_size
        seen = self._image_input.tensor(letterbox(pixels, size, fill=_GREY)[None])
        outputs = answer(self._session, {self._input: seen}, self._model)
        with naming(self._model):
            boxes, scores = self._decode(outputs, size, self._person_class)
        width, height = fitted_size(frame_size, size)
        to_frame = np.array([frame_size[1] / width, frame_size[0] / height] * 2, np.float32)
        return self._filter.apply(boxes * to_frame, scores, frame_size)


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
    cells = [(size[1] // stride, size[0] // stride, stride) for stride in _STRIDES]
    anchors = sum(rows * columns for rows, columns, _ in cells)
    raw = outputs[0]
    if raw.ndim != 3 or raw.shape[:2] != (1, anchors) or raw.shape[2] <= 5 + person_class:
        raise BadCard(
            f"the model returns {raw.shape} where (1, {anchors}, 5 + classes) was expected",
            hint='the card\'s output is "yolox"; is it of another kind?',
        )
    corners = np.concatenate(
        [np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), -1).reshape(-1, 2) for rows, columns, _ in cells]
    )
    strides = np.concatenate([np.full((rows * columns, 1), stride) for rows, columns, stride in cells])
    middle = (raw[0, :, :2] + corners) * strides
    half = np.exp(raw[0, :, 2:4]) * strides / 2
    boxes = np.concatenate([middle - half, middle + half], axis=1).astype(np.float32)
    return boxes, raw[0, :, 4] * raw[0, :, 5 + person_class]


DECODERS: dict[Output, tuple[Decoder, int]] = {"dets": (decode_dets, 2), "yolox": (decode_yolox, 1)}
"""By the card's `output`: its decoder, and the number of outputs that the model must have."""
