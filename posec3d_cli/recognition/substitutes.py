"""Substitute frames: where a pose file lacks a frame that is needed, use the nearest frame that it has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from posec3d_cli.errors import BadPoseFile, are, counted
from posec3d_cli.results import VideoPoses
from posec3d_cli.sampling.clips import Window, used_frames

SUBSTITUTE = 0.5  # seconds within which one frame of a pose file may stand for another


def with_substitutes(
    plans: Sequence[Sequence[Window]], video_poses: VideoPoses
) -> tuple[list[list[Window]], tuple[str, ...]]:
    """Show the nearest frames that were looked at in place of those that were not, and say so.

    Raises:
        BadPoseFile: a frame is needed and none within `SUBSTITUTE` seconds was looked at.
    """
    needed = used_frames([window for plan in plans for window in plan])
    absent = np.setdiff1d(needed, video_poses.frame_indices)
    if not len(absent):
        return [list(plan) for plan in plans], ()
    stood_in = [[window.without(absent, video_poses.frame_indices) for window in plan] for plan in plans]
    shown, moved = (np.concatenate([w.clips.ravel() for plan in every for w in plan]) for every in (plans, stood_in))
    moves = np.abs(moved - shown)
    if moves.max() > SUBSTITUTE * video_poses.video.fps:
        raise BadPoseFile(
            f"{video_poses.video.path}: frame {shown[moves.argmax()]} is needed and no frame within {SUBSTITUTE:g} s "
            "of it was looked at",
            hint="read the file as the video was read when it was written, or write one with every frame",
        )
    frames = f"{len(absent)} of {counted(len(needed), 'frame')} needed {are(len(absent))} not in the file"
    return stood_in, (f"{frames}: the nearest {'stands' if len(absent) == 1 else 'stand'} in",)
