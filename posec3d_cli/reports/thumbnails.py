"""Thumbnails of clips: one frame with the skeletons of the people in it, as a data URI."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from posec3d_cli.batch.saved_results import SavedResult
from posec3d_cli.errors import InputError, PoseC3DError
from posec3d_cli.output.draw import Figure, annotate
from posec3d_cli.pose_files import is_pose_file, read_pose_file
from posec3d_cli.results import VideoPoses
from posec3d_cli.types import Pixels
from posec3d_cli.video import open_video

WIDTH = 240  # pixels of a thumbnail
_TALLEST = 320
_QUALITY = 80
_PAPER = 40  # the grey behind the skeletons of a pose file


class PoseFolder:
    """Finds the pose file of a clip: in a folder, or among the files that a run made.

    Args:
        made: pose files of the run.
        folder: of pose files whose names are those of the clips; None: only those of the run.
    """

    def __init__(self, made: Sequence[Path], folder: Path | None = None) -> None:
        self._made = {path.as_posix(): path for path in made}
        self.folder = folder

    def find(self, one: SavedResult) -> Path | None:
        """The pose file; None if there is none."""
        names = [f"{one.name}.npz", PurePosixPath(one.name).with_suffix(".npz").as_posix()]
        if self.folder is not None:
            return next((path for name in names if (path := self.folder / name).is_file()), None)
        for name in names:
            ends = [path for place, path in self._made.items() if place.endswith(f"/{name}") and path.is_file()]
            if len(ends) == 1:
                return ends[0]
        return None


def thumbnail(one: SavedResult, poses: Path | None) -> str:
    """A frame of a clip as the data URI of a JPEG; with skeletons where the poses of that frame are known.

    Raises:
        PoseC3DError: the clip or its poses cannot be read.
    """
    if one.path is None:
        raise InputError(f"there is no file {one.name}")
    if is_pose_file(one.path):
        known = _clip_of(one, one.path)
        size = (known.video.height, known.video.width)
        return _encoded(_drawn(np.full((*size, 3), _PAPER, np.uint8), known, _column(known, one)))
    known_here = None if poses is None else _clip_of(one, poses)
    with open_video(one.path) as video:
        column = None if known_here is None else _column(known_here, one)
        middle = _middle(one, video.info.frame_count)
        frame = middle if known_here is None or column is None else int(known_here.frame_indices[column])
        if frame >= video.info.frame_count:
            raise InputError(f"its poses are of another video: they have frame {frame}")
        pixels = next((found.pixels for found in video.read([frame])), None)
    if pixels is None:
        raise InputError(f"frame {frame} cannot be decoded")
    return _encoded(_drawn(pixels, known_here, column))


def _clip_of(one: SavedResult, file: Path) -> VideoPoses:
    clips = read_pose_file(file)
    ends = [clip for clip in clips if one.name.endswith(str(clip.video.path).removeprefix(str(file)))]
    if len(clips) > 1 and len(ends) != 1:
        raise InputError(f"{file} holds {len(clips)} clips, and which one is {one.name} is not known")
    return clips[0] if len(clips) == 1 else ends[0]


def _middle(one: SavedResult, frames: int) -> int:
    """The middle of the most certain window that has the answer, or of the video."""
    windows = [answer for answer in one.answers if answer.label == one.label]
    if not windows:
        return frames // 2
    best = max(windows, key=lambda answer: answer.score)
    return min((best.start + best.stop) // 2, frames - 1)


def _column(known: VideoPoses, one: SavedResult) -> int | None:
    """The frame with poses to show: the nearest to the middle that shows somebody."""
    peopled = [column for column, poses in enumerate(known.poses) if len(poses)]
    middle = _middle(one, known.video.frame_count)
    return min(peopled, key=lambda column: abs(int(known.frame_indices[column]) - middle), default=None)


def _drawn(pixels: Pixels, known: VideoPoses | None, column: int | None) -> Pixels:
    """The image, small, with the people of a frame."""
    scale = min(WIDTH / pixels.shape[1], _TALLEST / pixels.shape[0])
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    if known is None or column is None:
        return small
    found, poses = known.detections[column], known.poses[column]
    figures = [
        Figure(track, found.boxes[row] * scale, poses.keypoints[row] * scale, poses.scores[row])
        for row, track in enumerate(known.track_ids[column].tolist())
        if track >= 0
    ]
    return annotate(small, figures, known.skeleton.limbs)


def _encoded(pixels: Pixels) -> str:
    done, content = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not done:
        raise PoseC3DError("the image cannot be encoded")
    return f"data:image/jpeg;base64,{base64.b64encode(content.tobytes()).decode()}"
