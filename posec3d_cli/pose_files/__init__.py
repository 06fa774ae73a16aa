"""Pose files, native ones and those of other tools: read them as `VideoPoses`, and write native ones.

    for clip in read_pose_file("walk.npz"):
        actions.recognize(clip)

What each format holds, which joints it has and what is decided where it does not say: docs/pose-files.md.
"""

from __future__ import annotations

from pathlib import Path

from posec3d_cli.errors import BadPoseFile
from posec3d_cli.pose_files import openpose
from posec3d_cli.pose_files.formats import PoseFormat, PoseSource
from posec3d_cli.pose_files.installed import installed_formats, installed_suffixes, written_formats
from posec3d_cli.pose_files.pyskl import SUFFIXES as PICKLE_SUFFIXES
from posec3d_cli.results import VideoPoses

__all__ = [
    "PICKLE_SUFFIXES",
    "PoseFormat",
    "PoseSource",
    "is_pose_file",
    "read_pose_file",
    "write_pose_file",
    "written_suffixes",
]


def is_pose_file(path: str | Path) -> bool:
    """Whether a path is a pose file: by its suffix, or for a folder by the names and first bytes of its files."""
    path = Path(path)
    if path.suffix.lower() in installed_suffixes():
        return True
    source = PoseSource(path)
    return source.is_folder and any(one.matches(source) for one in installed_formats())


def read_pose_file(path: str | Path) -> list[VideoPoses]:
    """Read the clips of a pose file; joints become COCO-17. A dataset pickle may hold many clips, other formats one.

    Raises:
        BadPoseFile: the file cannot be read, has no known format, or violates its format.
    """
    source = PoseSource(Path(path))
    try:
        found = next((one for one in installed_formats() if one.matches(source)), None)
        if found is None:
            raise _unknown(source)
        return found.read(source)
    except BadPoseFile as error:
        what = error.what if error.what.startswith(str(path)) else f"{path}: {error.what}"
        raise BadPoseFile(what, hint=error.hint) from error


def written_suffixes() -> tuple[str, ...]:
    """The suffixes of pose files that can be written, `.npz` first."""
    return tuple(written_formats())


def write_pose_file(video_poses: VideoPoses, path: Path, suffix: str) -> None:
    """Write a pose file of one of `written_suffixes()` to `path`, whatever the path's own suffix is.

    Raises:
        OSError, OutputError: it cannot be written.
    """
    written_formats()[suffix].write(video_poses, path)


def _unknown(source: PoseSource) -> BadPoseFile:
    """The error for a file that no format matches."""
    if source.suffix == ".json" and source.content == []:
        return BadPoseFile("it holds no frame", hint="without a frame nothing says how long the video was")
    if source.suffix == ".json" and openpose.is_one_frame(source.content):
        return BadPoseFile("it is one frame of OpenPose's", hint="name the folder that holds all frames")
    kind = "JSON" if source.suffix == ".json" else "a folder" if source.is_folder else "a file"
    formats = [one.format for one in installed_formats()]
    tried = [one.name for one in formats if source.suffix in one.suffixes or (source.is_folder and not one.suffixes)]
    return BadPoseFile(
        f"it is {kind} of no known pose format",
        hint=f"tried: {', '.join(tried)}" if tried else f"pose files end in {', '.join(sorted(installed_suffixes()))}",
    )
