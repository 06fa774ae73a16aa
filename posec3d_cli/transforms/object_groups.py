"""Kinds of objects: COCO's classes beside people in ten groups.

Most single classes are too rare for a channel or a row of their own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from posec3d_cli.types import Ints

OTHER = "else"
GROUPS = {
    "ball": ("sports ball",),
    "racket, bat": ("tennis racket", "baseball bat"),
    "bottle, cup": ("bottle", "wine glass", "cup", "bowl"),
    "phone, book": ("cell phone", "remote", "book"),
    "seat": ("bench", "chair", "couch"),
    "bicycle": ("bicycle", "motorcycle"),
    "board": ("skateboard", "skis", "snowboard", "surfboard"),
    "car": ("car", "bus", "truck"),
    "animal": ("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"),
    OTHER: (),
}
"""The classes of each group; OTHER holds those of no group."""


def group_numbers(names: Sequence[str]) -> Ints:
    """`(C,)` int64, the position in GROUPS of the group of each class."""
    group_of = {name: number for number, names in enumerate(GROUPS.values()) for name in names}
    return np.array([group_of.get(name, len(GROUPS) - 1) for name in names], np.int64)
