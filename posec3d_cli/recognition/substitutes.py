"""Substitute frames: where a pose file lacks a frame that is needed, use the nearest frame that it has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from posec3d_cli.errors import BadPoseFile, are, counted
from posec3d_cli.results import VideoPoses
from posec3d_cli.sampling.clips import Window, used_frames

SUBSTITUTE = 0.5  # seconds between a missing frame and its substitute, at most


def with_substitutes(
    plans: Sequence[Sequence[Window]], video_poses: VideoPoses
) -> tuple[list[list[Window]], tuple[str, ...]]:
    """Replace frames without poses in the plans by the nearest frames with poses.

    Returns:
        The plans, and a note on the number of replaced frames.

    Raises:
        BadPoseFile: a frame has no substitute within `SUBSTITUTE` seconds.
    """
    needed = used_frames([window for plan in plans for window in plan])
    absent = np.setdiff1d(needed, video_poses.frame_indices)
    if not len(absent):
        return [list(plan) for plan in plans], ()
    substituted = [[window.without(absent, video_poses.frame_indices) for window in plan] for plan in plans]
    shown, moved = (np.concatenate([w.clips.ravel() for plan in every for w in plan]) for every in (plans, substituted))
    moves = np.abs(video_poses.video.elapsed(moved) - video_poses.video.elapsed(shown))
    if moves.max() > SUBSTITUTE:
        raise BadPoseFile(
            f"{video_poses.video.path}: frame {shown[moves.argmax()]} is needed, and the file has no frame "
            f"within {SUBSTITUTE:g} s of it",
            hint="use the clip sampling of the run that wrote the file, or write a file with every frame",
        )
    frames = f"{len(absent)} of {counted(len(needed), 'frame')} needed {are(len(absent))} not in the file"
    return substituted, (f"{frames}: the nearest {'stands' if len(absent) == 1 else 'stand'} in",)
