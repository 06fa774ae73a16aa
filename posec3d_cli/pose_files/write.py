"""Write native pose files, in three formats.

All hold the people of the frames that were looked at, in pixels of the video:

`.npz`, a NumPy archive, one row per person and frame, for R rows in order of time:
    schema, version: "posec3d/poses" and 1.
    sources: a JSON text: the name and size in bytes of the video, in a list of such pairs.
    frame: `(R,)` int64 frame number.
    person: `(R,)` int64 track id; -1 marks a duplicate of another person in the frame.
    box, box_score: `(R, 4)` x1, y1, x2, y2 and `(R,)` float32.
    keypoints, scores: `(R, K, 2)` x, y and `(R, K)` float32.
    frame_indices: `(T,)` int64, the frames looked at, also those that show nobody.
    frame_count: of the video.
    cuts: `(C,)` int64, the frames that begin a new shot.
    start: seconds on the video's own clock at which frame 0 is shown; where it is missing, 0.
    boundaries: `(frame_count + 1,)` float64, when each frame is shown and the last one ends, in seconds from frame 0;
        where it is missing, frame N is shown at N / fps.
    joints: `(K,)` names; skeleton: the name of the joint set.
    frame_size: (H, W); fps: (numerator, denominator).

and, where objects were looked for, Q of them in order of time:
    object_count: `(T,)` int64, the objects in each of the frames looked at; -1 where only people were looked for.
    object_box, object_score: `(Q, 4)` x1, y1, x2, y2 and `(Q,)` float32.
    object_class: `(Q,)` int64, which of the names; object_names: the classes that were looked for, found or not.

`.json`, a document with the same names, its rows under `frames[].people[]`: person, box, box_score, and keypoints as
K times x, y, score; and under `frames[].objects[]`: class, box, score.

`.pkl`, a dataset pickle of one annotation as pyskl and mmaction2 read it: M people over the T frames looked at.
`total_frames` is T; `schema`, `version`, `sources`, `frame_indices`, `frame_count`, `cuts`, `start`, `boundaries`,
`fps`, `person`, `box`, `box_score` and those that begin with `object_` are additions of posec3d, which the other two
ignore. The pickle has no room for duplicates: they are left out.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posec3d_cli.pose_files.objects import NAMES, object_arrays, object_entries
from posec3d_cli.results import VideoPoses
from posec3d_cli.types import VideoInfo

SCHEMA = "posec3d/poses"
VERSION = 1
UNLABELED = -1
"""The label number of a clip without a label."""


def write_archive(video_poses: VideoPoses, path: Path) -> None:
    """Write an archive to `path`, whatever its suffix is."""
    with path.open("wb") as file:
        np.savez_compressed(file, **archive_content(video_poses))


def write_document(video_poses: VideoPoses, path: Path) -> None:
    """Write a JSON document to `path`, whatever its suffix is."""
    path.write_text(json.dumps(document_content(video_poses), allow_nan=False), encoding="utf-8")


def write_pickle(video_poses: VideoPoses, path: Path) -> None:
    """Write a dataset pickle of one clip to `path`, whatever its suffix is."""
    path.write_bytes(pickle.dumps(pickle_content(video_poses), protocol=4))


def archive_content(video_poses: VideoPoses) -> dict[str, Any]:
    """The arrays of an archive."""
    rows = [len(detections) for detections in video_poses.detections]
    joints = video_poses.skeleton.joints
    nobody = np.zeros(0, np.float32)
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "sources": json.dumps(sources([video_poses.video.path])),
        "frame": np.repeat(video_poses.frame_indices, rows),
        "person": np.concatenate([np.zeros(0, np.int64), *video_poses.track_ids]),
        "box": np.concatenate([nobody.reshape(0, 4), *(detections.boxes for detections in video_poses.detections)]),
        "box_score": np.concatenate([nobody, *(detections.scores for detections in video_poses.detections)]),
        "keypoints": np.concatenate(
            [nobody.reshape(0, len(joints), 2), *(poses.keypoints for poses in video_poses.poses)]
        ),
        "scores": np.concatenate([nobody.reshape(0, len(joints)), *(poses.scores for poses in video_poses.poses)]),
        "frame_indices": video_poses.frame_indices,
        "joints": np.array(joints),
        "skeleton": video_poses.skeleton.name,
        "frame_size": np.array([video_poses.video.height, video_poses.video.width]),
        "fps": np.array([video_poses.video.fps.numerator, video_poses.video.fps.denominator]),
        "frame_count": video_poses.video.frame_count,
        "cuts": video_poses.cuts,
        **_clock(video_poses.video),
        **object_arrays(video_poses),
    }


def document_content(video_poses: VideoPoses) -> dict[str, Any]:
    """The values of a JSON document."""
    frames = []
    columns = zip(
        video_poses.frame_indices.tolist(),
        video_poses.track_ids,
        video_poses.detections,
        video_poses.poses,
        object_entries(video_poses, _plain),
        strict=True,
    )
    for frame, track_ids, detections, poses, objects in columns:
        joints = np.concatenate([poses.keypoints, poses.scores[..., None]], axis=-1)
        people = [
            {"person": person, "box": box, "box_score": box_score, "keypoints": keypoints}
            for person, box, box_score, keypoints in zip(
                track_ids.tolist(), _plain(detections.boxes), _plain(detections.scores), _plain(joints), strict=True
            )
        ]
        frames.append({"frame": frame, "people": people, **objects})
    named = {name: value for name, value in object_arrays(video_poses).items() if name == NAMES}
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "sources": sources([video_poses.video.path]),
        "skeleton": video_poses.skeleton.name,
        "joints": list(video_poses.skeleton.joints),
        "frame_size": [video_poses.video.height, video_poses.video.width],
        "fps": [video_poses.video.fps.numerator, video_poses.video.fps.denominator],
        "frame_count": video_poses.video.frame_count,
        "cuts": video_poses.cuts.tolist(),
        **{name: np.asarray(value).tolist() for name, value in _clock(video_poses.video).items()},
        **named,
        "frames": frames,
    }


def pickle_content(video_poses: VideoPoses) -> dict[str, Any]:
    """The content of a dataset pickle of one clip."""
    people = sorted({person for track_ids in video_poses.track_ids for person in track_ids.tolist() if person >= 0})
    slot = {person: number for number, person in enumerate(people)}
    shape = (len(people), len(video_poses), len(video_poses.skeleton.joints))
    keypoints, scores = np.zeros((*shape, 2), np.float32), np.zeros(shape, np.float32)
    boxes, box_scores = np.full((*shape[:2], 4), np.nan, np.float32), np.full(shape[:2], np.nan, np.float32)
    columns = zip(video_poses.track_ids, video_poses.detections, video_poses.poses, strict=True)
    for column, (track_ids, detections, poses) in enumerate(columns):
        for row, person in enumerate(track_ids.tolist()):
            if person >= 0:
                place = (slot[person], column)
                keypoints[place], scores[place] = poses.keypoints[row], poses.scores[row]
                boxes[place], box_scores[place] = detections.boxes[row], detections.scores[row]
    name = Path(video_poses.video.path).stem
    size = (video_poses.video.height, video_poses.video.width)
    annotation = {
        "frame_dir": name,
        "label": UNLABELED,
        "total_frames": len(video_poses),
        "img_shape": size,
        "original_shape": size,
        "keypoint": keypoints,
        "keypoint_score": scores,
        "frame_indices": video_poses.frame_indices,
        "frame_count": video_poses.video.frame_count,
        "cuts": video_poses.cuts,
        "fps": (video_poses.video.fps.numerator, video_poses.video.fps.denominator),
        "person": np.array(people, np.int64),
        "box": boxes,
        "box_score": box_scores,
        **_clock(video_poses.video),
        **object_arrays(video_poses),
    }
    return {**pickle_header([video_poses.video.path]), "split": {"all": [name]}, "annotations": [annotation]}


def _clock(video: VideoInfo) -> dict[str, Any]:
    """When the frames are shown, where their rate does not say it."""
    start = {"start": float(video.start)} if video.start else {}
    return start if video.boundaries is None else {**start, "boundaries": video.boundaries}


def pickle_header(paths: Iterable[Path]) -> dict[str, Any]:
    """The entries of a dataset pickle that name its schema and its source files."""
    return {"schema": SCHEMA, "version": VERSION, "sources": sources(paths)}


def sources(paths: Iterable[Path]) -> list[list[Any]]:
    """The names and sizes in bytes of files; those that are not there are left out."""
    return [
        [path.name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"), path.stat().st_size]
        for path in paths
        if path.is_file()
    ]


def _plain(array: NDArray[np.float32]) -> list[Any]:
    """Nested lists of an array; what is no number becomes None, which JSON has a word for."""
    values = array.astype(object)
    values[~np.isfinite(array)] = None
    plain: list[Any] = values.tolist()
    return plain
