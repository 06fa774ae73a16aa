"""Save the poses of a video as a pose file."""

from __future__ import annotations

from pathlib import Path

from posec3d_cli.errors import OutputError
from posec3d_cli.files.writing import atomic_write
from posec3d_cli.pose_files import write_pose_file, written_suffixes
from posec3d_cli.results import VideoPoses


def save_poses(poses: VideoPoses, path: str | Path, *, overwrite: bool = False) -> None:
    """Write the poses of a video to a file: `.npz`, `.json`, `.pkl` or what a plugin adds, by the suffix of `path`.

    What each form holds: docs/pose-files.md. `read_pose_file` reads all of them back.

    Raises:
        OutputExists: `path` is already there and `overwrite` was not said.
        OutputError: it cannot be written, or has another suffix.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    suffixes = written_suffixes()
    if suffix not in suffixes:
        raise OutputError(f"{path} has no suffix of a pose file", hint=f"one of {', '.join(suffixes)}")
    with atomic_write(path, overwrite=overwrite) as part:
        write_pose_file(poses, part, suffix)
