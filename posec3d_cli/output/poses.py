"""posec3d_cli.output.poses."""

from __future__ import annotations

from pathlib import Path

from posec3d_cli.errors import OutputError
from posec3d_cli.files.writing import replacing
from posec3d_cli.pose_files.write import SUFFIXES as POSE_SUFFIXES
from posec3d_cli.pose_files.write import write_pose_file
from posec3d_cli.results import (
    ClipResult,
)


def save_poses(prediction: ClipResult, path: Path, *, overwrite: bool = False) -> None:
    """Write the people of the frames that were looked at, as `.npz`, `.json` or `.pkl` by the suffix of `path`.

    What each form holds: `posec3d_cli.pose_files.write`. `read_pose_file` reads all of them back.

    Raises:
        OutputExists: `path` is already there and `overwrite` was not said.
        OutputError: it cannot be written, or has another suffix.
    """
    suffix = path.suffix.lower()
    if suffix not in POSE_SUFFIXES:
        raise OutputError(f"{path} has no suffix of a pose file", hint=f"one of {', '.join(POSE_SUFFIXES)}")
    with replacing(path, overwrite=overwrite) as part:
        write_pose_file(prediction.posed, part, suffix)
