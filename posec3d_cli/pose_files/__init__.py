"""Poses that are known already: pose files of ours and of other tools, read as if the video had been posed.

    for clip in read_pose_file("walk.npz"):
        actions.read(clip)

What each format holds, which joints it has and what is decided where it does not say: docs/pose-files.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from posec3d_cli.errors import BadPoseFile
from posec3d_cli.pose_files import coco, mediapipe, mmpose, openpose, ours
from posec3d_cli.pose_files.checks import entries, read_json
from posec3d_cli.pose_files.packs import read_pack_clips
from posec3d_cli.prediction import PosedVideo

__all__ = ["PACK_SUFFIXES", "is_pose_file", "read_pose_file"]

PACK_SUFFIXES = frozenset({".pkl", ".pickle"})
_SUFFIXES = PACK_SUFFIXES | {".npz", ".json"}
_HINT = "the formats that are read: docs/pose-files.md"


def is_pose_file(path: str | Path) -> bool:
    """Whether this names a pose file: by its suffix, or a folder by the names of the files in it."""
    path = Path(path)
    return path.suffix.lower() in _SUFFIXES or openpose.is_openpose_folder(path)


def read_pose_file(path: str | Path) -> list[PosedVideo]:
    """The clips of a pose file: a pack may hold many, every other format holds one. Joints become COCO-17.

    Raises:
        BadPoseFile: it cannot be read, is of no known format, or does not hold what its format promises.
    """
    path = Path(path)
    if path.suffix.lower() in PACK_SUFFIXES:
        return read_pack_clips(path)
    try:
        if path.is_dir():
            return [openpose.read_folder(path)]
        return [ours.read_npz(path) if path.suffix.lower() == ".npz" else _read_json(path)]
    except BadPoseFile as error:
        raise BadPoseFile(f"{path}: {error.what}", hint=error.hint or _HINT) from error


def _read_json(path: Path) -> PosedVideo:
    """The clip of a JSON file, whose format shows in its outermost names."""
    content = read_json(path)
    if isinstance(content, dict):
        if "schema" in content:
            return ours.read_document(path, content)
        if "instance_info" in content:
            frames = entries(content["instance_info"], "instance_info")
            return mmpose.read_frames(path, frames, content.get("meta_info"))
        if "annotations" in content:
            return coco.read_annotations(path, content)
        if "frames" in content:
            return mediapipe.read_frames(path, entries(content["frames"], "frames"), content)
        if any(isinstance(one, dict) and ("bodies" in one or "people" in one) for one in content.values()):
            return coco.read_by_picture(path, content)
        if "people" in content:
            raise BadPoseFile("it is one frame of OpenPose's", hint="name the folder that holds all frames")
    elif isinstance(content, list):
        first: Any = content[0] if content else None
        if isinstance(first, dict) and "instances" in first:
            return mmpose.read_frames(path, content)
        if isinstance(first, dict) and "image_id" in first:
            return coco.read_results(path, content)
        if content and mediapipe.is_mediapipe_frame(first):
            return mediapipe.read_frames(path, content, {})
        if not content:
            raise BadPoseFile("it holds no frame", hint="without a frame nothing says how long the video was")
    raise BadPoseFile("it is JSON of no known pose format")
