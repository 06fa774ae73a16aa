"""Makes videos of shots: pictures that differ between shots and hardly within one."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from video_factory import Picture


def scene(number: int, size: tuple[int, int] = (160, 96)) -> Picture:
    """A place as a camera sees it, `(H, W, 3)`: soft spots of colour; `size` is (W, H)."""
    spots = np.random.default_rng(number).integers(0, 256, (5, 8, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(spots, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def write(path: Path, images: Iterable[Picture], *, rate: Fraction = Fraction(25), codec: str = "libx264") -> Path:
    """Write these images, all of one size."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.pix_fmt = "yuv420p"
        for number, image in enumerate(images):
            if not number:
                stream.height, stream.width = image.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")))
        container.mux(stream.encode())
    return path


def write_still(path: Path, count: int, *, size: tuple[int, int] = (96, 48)) -> Path:
    """Write one image `count` times."""
    return write(path, [scene(0, size)] * count)


def write_shots(path: Path, *counts: int, size: tuple[int, int] = (96, 48)) -> Path:
    """Write shots of so many frames, each of another place."""
    return write(path, [scene(number, size) for number, count in enumerate(counts) for _ in range(count)])
