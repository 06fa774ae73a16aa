"""The poses of a row, for drawing: from its pose file, which is found by its name and checked against the video."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from posec3d_cli.batch.lock import state_of
from posec3d_cli.batch.state import RunState
from posec3d_cli.errors import BadPoseFile
from posec3d_cli.pose_files import is_pose_file, read_pose_file
from posec3d_cli.pose_files.origin import sources_of
from posec3d_cli.results import VideoPoses
from posec3d_cli.review.rows import ReviewRow
from posec3d_cli.video import FrameTimes

MOST_FRAMES = 500
"""Of one answer; a page asks for more as it plays."""
_SUFFIX = ".npz"


class PoseFolder:
    """Finds the pose files of rows: those that the run made which wrote the table, and those of a folder.

    Args:
        source: the table or folder under review.
        folder: of pose files whose names are those of the rows; None: only those of the run.
    """

    def __init__(self, source: Path, folder: Path | None = None) -> None:
        self.folder = folder
        self._made: list[Path] = []
        state = state_of(source)
        if source.is_file() and state.exists():
            with RunState(state) as run_state:
                self._made = sorted({path for path in run_state.outputs() if path.suffix == _SUFFIX})

    def find(self, row: ReviewRow) -> Path | None:
        """The pose file of a row; None where there is none."""
        if row.path is not None and is_pose_file(row.path):
            return row.path
        names = [f"{row.name}{_SUFFIX}", str(PurePosixPath(row.name).with_suffix(_SUFFIX))]
        if self.folder is not None:
            return next((path for name in names if (path := self.folder / name).is_file()), None)
        for name in names:
            ends = [path for path in self._made if path.as_posix().endswith(f"/{name}") and path.is_file()]
            if len(ends) == 1:
                return ends[0]
        return None


def read_poses(row: ReviewRow, file: Path) -> VideoPoses:
    """The poses of a row.

    Raises:
        BadPoseFile: the file cannot be read, or holds no clip of this name.
    """
    clips = read_pose_file(file)
    if len(clips) == 1:
        return clips[0]
    for clip in sorted(clips, key=lambda one: -len(str(one.video.path))):
        if row.name.endswith(str(clip.video.path).removeprefix(str(file))):
            return clip
    raise BadPoseFile(f"{file} holds {len(clips)} clips, and none of them is {row.name}")


def misfit(row: ReviewRow, file: Path, poses: VideoPoses, times: FrameTimes) -> str:
    """Why poses must not be drawn over a video: they are of another video; empty if nothing speaks against it."""
    size = (poses.video.width, poses.video.height)
    if size != (times.width, times.height):
        return f"its poses are of frames of {size[0]}x{size[1]} pixels, and the video has {times.width}x{times.height}"
    if poses.video.frame_count > len(times):
        return f"its poses are of a video of {poses.video.frame_count} frames, and this one has {len(times)}"
    if row.path is not None and row.path != file:
        sizes = {bytes_ for _, bytes_ in sources_of(file)}
        if sizes and row.path.stat().st_size not in sizes:
            return "the video was changed since its poses were estimated"
    return ""


def poses_for_page(poses: VideoPoses, start: int, stop: int) -> dict[str, Any]:
    """The people of the frames from `start` up to `stop`, at most `MOST_FRAMES` frames.

    Each person is a list: track id, box, and x, y, score of every joint.
    """
    stop = min(stop, start + MOST_FRAMES)
    first, last = np.searchsorted(poses.frame_indices, (start, stop))
    frames = {}
    for column in range(int(first), int(last)):
        found = poses.poses[column]
        joints = np.concatenate([found.keypoints, found.scores[..., None]], axis=-1)
        rows = zip(poses.track_ids[column].tolist(), poses.detections[column].boxes, joints, strict=True)
        frames[int(poses.frame_indices[column])] = [
            [track, [_round(value) for value in box], [_round(value) for value in person.ravel()]]
            for track, box, person in rows
        ]
    return {"start": start, "stop": stop, "frames": frames}


def outline(poses: VideoPoses) -> dict[str, Any]:
    """What a page has to know before it draws: limbs, the share of frames with poses, track ids."""
    ids = sorted({int(track) for tracks in poses.track_ids for track in tracks if track >= 0})
    step = int(np.median(np.diff(poses.frame_indices))) if len(poses) > 1 else 1
    return {"limbs": [list(limb) for limb in poses.skeleton.limbs], "step": step, "people": ids, "frames": len(poses)}


def box_of(poses: VideoPoses, people: Sequence[int], start: int, stop: int) -> str:
    """Where people are: the frame in the middle of those with all of them, and their boxes in pixels.

    Empty where there is no such frame.
    """
    columns = [
        column
        for column in range(*np.searchsorted(poses.frame_indices, (start, stop)))
        if {*people} <= {*poses.track_ids[column].tolist()}
    ]
    if not columns:
        return ""
    column = columns[len(columns) // 2]
    ids = poses.track_ids[column].tolist()
    boxes = poses.detections[column].boxes[[ids.index(person) for person in people]]
    return f"{poses.frame_indices[column]} {' '.join(f'{value:.1f}' for value in boxes.ravel())}"


def _round(value: Any) -> float | None:
    return round(float(value), 2) if np.isfinite(value) else None
