"""The classes of objects that a detector knows beside people, by the numbers that its network gives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from msgspec import Meta

from posec3d_cli.errors import BadCard
from posec3d_cli.types import Ints

COCO_80 = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light",
    "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow", "elephant",
    "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard",
    "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle",
    "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange", "broccoli",
    "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant", "bed", "dining table", "toilet",
    "tv", "laptop", "mouse", "remote", "keyboard", "cell phone", "microwave", "oven", "toaster", "sink",
    "refrigerator", "book", "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush",
)  # fmt: skip
"""The classes of COCO's annotations, numbered without gaps as most networks do."""
_NEVER_ANNOTATED = (11, 25, 28, 29, 44, 65, 67, 68, 70, 82)  # category ids of COCO's first plan, less 1


def _with_gaps(names: Sequence[str], gaps: Sequence[int]) -> tuple[str, ...]:
    found = iter(names)
    return tuple("" if number in gaps else next(found) for number in range(len(names) + len(gaps)))


COCO_90 = _with_gaps(COCO_80, _NEVER_ANNOTATED)
"""The same by COCO's own category ids less 1, as TensorFlow's networks number them: ten numbers stand for no class."""
LISTS = {"coco-80": COCO_80, "coco-90": COCO_90}
ClassList = Annotated[
    tuple[str, ...] | Literal["coco-80", "coco-90"],
    Meta(description="coco-80, coco-90 or a list of names, an empty one for a number without a class"),
]
"""A card's setting `classes`: the class names of the network, by number. Empty: it knows people only."""


class ObjectClasses:
    """Which class numbers of a network stand for objects.

    Args:
        names: of all classes by number, people among them; empty for a network that knows people only. An empty name
            stands for no class.
        person: the number that means person.
    """

    def __init__(self, names: Sequence[str], person: int) -> None:
        objects = [name if number != person else "" for number, name in enumerate(names)]
        self.names = tuple(dict.fromkeys(name for name in objects if name))
        """Of the objects, each once."""
        self._positions = np.array([self.names.index(name) if name else -1 for name in objects], np.int64)

    @classmethod
    def of_list(cls, classes: ClassList, person: int) -> ObjectClasses:
        """The classes of a card's setting."""
        return cls(LISTS[classes] if isinstance(classes, str) else classes, person)

    def __bool__(self) -> bool:
        """Whether there is an object that it knows."""
        return bool(self.names)

    def positions(self, numbers: Ints) -> Ints:
        """`(N,)` the positions in `names` of class numbers `(N,)`; -1 where a number stands for no object.

        Raises:
            BadCard: a number is above those of all classes, or below 0.
        """
        wrong = numbers[(numbers < 0) | (numbers >= len(self._positions))]
        if len(wrong):
            raise BadCard(
                f"the network names a class {wrong[0]}, and the card's classes have the numbers 0 to "
                f"{len(self._positions) - 1}",
                hint="is the setting `classes` of the card the list that the network was trained with?",
            )
        found: Ints = self._positions[numbers]
        return found
