"""Makes sequences of pictures whose frames carry their numbers, as `video_factory` does for videos."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import video_factory
from PIL import Image


def write(folder: Path, numbers: Iterable[int], name: str = "{:06d}.png", size: tuple[int, int] = (80, 48)) -> Path:
    """One picture per number, called by `name`; the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        Image.fromarray(video_factory.draw(number, size)).save(folder / name.format(number))
    return folder
