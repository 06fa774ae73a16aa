"""Poses as numbers for spreadsheets: joints, or joint angles, one value per line."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from pathlib import Path

from posec3d_cli.files.writing import atomic_write, check_free
from posec3d_cli.results import VideoPoses
from posec3d_cli.transforms.angles import angles_of, joint_angles

JOINT_COLUMNS = ("frame", "time", "person", "joint", "x", "y", "score")
ANGLE_COLUMNS = ("frame", "time", "person", "angle", "degrees")
Cells = tuple[str | int | float, ...]


def joint_rows(video_poses: VideoPoses) -> Iterator[Cells]:
    """Frame, time in seconds, person, joint, x, y in pixels and score of each joint that was found."""
    joints = video_poses.skeleton.joints
    people = zip(video_poses.frame_indices.tolist(), video_poses.track_ids, video_poses.poses, strict=True)
    for frame, ids, poses in people:
        seconds = round(video_poses.video.seconds(frame), 4)
        for row, person in enumerate(ids.tolist()):
            for number, joint in enumerate(joints if person >= 0 else ()):
                score = float(poses.scores[row, number])
                if score > 0:
                    x, y = (round(float(one), 2) for one in poses.keypoints[row, number])
                    yield frame, seconds, person, joint, x, y, round(score, 4)


def angle_rows(video_poses: VideoPoses) -> Iterator[Cells]:
    """Frame, time in seconds, person, angle and degrees of each angle, empty where a joint is only guessed."""
    names = list(angles_of(video_poses.skeleton))
    people = zip(video_poses.frame_indices.tolist(), video_poses.track_ids, video_poses.poses, strict=True)
    for frame, ids, poses in people:
        seconds = round(video_poses.video.seconds(frame), 4)
        degrees = joint_angles(poses.keypoints, poses.scores, video_poses.skeleton)
        for row, person in enumerate(ids.tolist()):
            for name, value in zip(names if person >= 0 else (), degrees[row], strict=False):
                yield frame, seconds, person, name, "" if math.isnan(value) else round(float(value), 2)


def write_pose_table(video_poses: VideoPoses, path: Path, *, angles: bool = False, overwrite: bool = False) -> None:
    """Write the joints of everybody in a video as CSV, or their angles.

    People are called by their track ids; duplicates of others have none and are left out.

    Raises:
        OutputExists, OutputError: the file is there, or cannot be written.
    """
    check_free(path, overwrite=overwrite)
    rows = (angle_rows if angles else joint_rows)(video_poses)
    with atomic_write(path, overwrite=overwrite) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(ANGLE_COLUMNS if angles else JOINT_COLUMNS)
        writer.writerows(rows)
