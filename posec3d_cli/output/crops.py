"""Crops: a video of each person, cut out of the video around the person's boxes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from posec3d_cli.answers import people_of
from posec3d_cli.config import DEFAULT_READER
from posec3d_cli.errors import OutputError
from posec3d_cli.files.writing import check_free
from posec3d_cli.results import ClipResult
from posec3d_cli.types import Pixels
from posec3d_cli.video import VideoWriter, open_video

MARGIN = 1.25
"""The side of the square that is cut out, over the longer side of the person's boxes."""
SMOOTHED = 0.4  # seconds over which the way of the square is averaged
_LARGE = 95  # percentile of the boxes' sides that fits into the square


@dataclass(frozen=True, eq=False)
class _Way:
    """Where a person is: from the first frame to the last in sight, the middle `(T, 2)`, and the side of the square."""

    start: int
    middles: NDArray[np.float64]
    side: int


def save_crops(
    result: ClipResult,
    folder: str | Path,
    *,
    overwrite: bool = False,
    reader: str = DEFAULT_READER,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Path, ...]:
    """Write `person-0.mp4` and so on: a square around each person who has a segment, H.264 without sound.

    Each lasts from the first to the last frame in which the person is in sight; where the person is out of sight
    meanwhile, the square moves evenly on. What lies outside of the picture is black.

    Args:
        result: with the poses of every frame.
        folder: made if it is missing.
        overwrite: replace files that are there.
        reader: name of the video reader.
        progress: called with the number of frames done and of all.

    Returns:
        The files.

    Raises:
        OutputExists, OutputError: a file is there, or cannot be written.
    """
    folder = Path(folder)
    ways = _ways(result)
    targets = {person: folder / f"person-{person}.mp4" for person in ways}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made: {error.strerror}") from error
    for target in targets.values():
        check_free(target, overwrite=overwrite, source=result.path)
    info = result.video
    with ExitStack() as held:
        writers = {
            person: held.enter_context(VideoWriter(targets[person], fps=info.fps, size=(way.side, way.side)))
            for person, way in ways.items()
        }
        video = held.enter_context(open_video(result.path, reader=reader))
        for done, frame in enumerate(video.frames(), start=1):
            for person, way in ways.items():
                place = frame.index - way.start
                if 0 <= place < len(way.middles):
                    since = (
                        None
                        if info.boundaries is None
                        else float(info.boundaries[frame.index] - info.boundaries[way.start])
                    )
                    writers[person].write(_cut(frame.pixels, way.middles[place], way.side), since)
            if progress is not None:
                progress(done, max(done, info.frame_count))
    return tuple(targets.values())


def _ways(result: ClipResult) -> dict[int, _Way]:
    poses = result.video_poses
    in_segments = {person for one in result.segments for person in people_of(one.person)}
    wanted = in_segments or {one.id for one in result.people}
    seen: dict[int, list[tuple[int, NDArray[np.float64]]]] = {}
    for frame, ids, found in zip(poses.frame_indices.tolist(), poses.track_ids, poses.detections, strict=True):
        for row, person in enumerate(ids.tolist()):
            if person in wanted:
                seen.setdefault(person, []).append((frame, found.boxes[row].astype(np.float64)))
    return {person: _way(places, float(result.video.fps)) for person, places in sorted(seen.items())}


def _way(places: list[tuple[int, NDArray[np.float64]]], fps: float) -> _Way:
    frames = np.array([frame for frame, _ in places])
    boxes = np.stack([box for _, box in places])
    sides = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    side = max(16, 2 * round(MARGIN * float(np.percentile(sides, _LARGE)) / 2))  # even, as H.264 wants it
    every = np.arange(frames[0], frames[-1] + 1)
    number = max(1, round(SMOOTHED * fps)) | 1
    middles = []
    for axis in (0, 1):
        line = np.interp(every, frames, (boxes[:, axis] + boxes[:, axis + 2]) / 2)
        padded = np.pad(line, number // 2, "edge")
        middles.append(np.convolve(padded, np.ones(number) / number, "valid"))
    return _Way(int(frames[0]), np.stack(middles, axis=1), side)


def _cut(pixels: Pixels, middle: NDArray[np.float64], side: int) -> Pixels:
    left, top = (round(float(one) - side / 2) for one in middle)
    shift = np.array([[1, 0, -left], [0, 1, -top]], np.float64)
    return np.asarray(cv2.warpAffine(pixels, shift, (side, side), flags=cv2.INTER_NEAREST), np.uint8)
