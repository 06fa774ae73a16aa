"""A folder of videos with the table of a run over them, made without a model and without a process."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pose_file_factory
import video_factory
from clip_results import answered, failed

from posec3d_cli.batch.corrections import write_results
from posec3d_cli.batch.file_result import FileResult
from posec3d_cli.batch.lock import locked
from posec3d_cli.batch.state import Record
from posec3d_cli.files.digests import stamp
from posec3d_cli.output.poses import save_poses
from posec3d_cli.results import PersonInWindow, VideoPoses, WindowScores
from posec3d_cli.types import ActionScores, VideoInfo

FRAMES = 20
NAMES = ("bug.mp4", "empty.mp4", "walk/a b.avi", "walk/a b.mp4")
_CONTENTS: dict[str, bytes] = {}


def scores(*best):
    return ActionScores(np.array([score for _, score in best], np.float32), tuple(label for label, _ in best))


def result(folder, name, *windows, person=None):
    """The answer of a video: each window is (start, stop, best...)."""
    path = Path(folder) / name
    info = VideoInfo(path, 80, 48, Fraction(25), FRAMES, FRAMES / 25, "h264", 0, 0, False)
    made = []
    for start, stop, *best in windows:
        people = () if person is None or not best else (PersonInWindow(person, 1.0, scores(*best)),)
        made.append(WindowScores(start, stop, scores(*best) if best else None, people))
    first = replace(answered(name, *windows[0][2:]), windows=tuple(made)) if windows else answered(name)
    return replace(first, path=path, video_poses=VideoPoses.of_no_frame(info), seconds={"pose": 1.0, "decode": 0.5})


def clips(folder):
    """The videos, in `clips/` below the folder."""
    for name in NAMES:
        target = Path(folder) / "clips" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.suffix not in _CONTENTS:
            _CONTENTS[target.suffix] = video_factory.write(target, FRAMES).read_bytes()
        target.write_bytes(_CONTENTS[target.suffix])
    return Path(folder) / "clips"


def write(table, *, person=None, min_score=0.0, corrected=(), windows=None, poses=None):
    """Write a table of `label` with its state: two videos with answers, one with nobody, one that failed.

    Args:
        table: its path; the videos stand in `clips/` beside it.
        person: the track id of whose actions are read alone.
        corrected: corrections by name.
        windows: of each answered video.
        poses: a folder for pose files.
    """
    table = Path(table).absolute()
    folder = clips(table.parent)
    windows = windows or ((0, 12, ("run", 0.75), ("jump", 0.25)), (8, 20, ("run", 0.5), ("jump", 0.25)))
    results = [
        failed("bug.mp4", "ZeroDivisionError: one by nothing"),
        result(folder, "empty.mp4"),
        result(folder, "walk/a b.avi", *windows, person=person),
        result(folder, "walk/a b.mp4", *windows, person=person),
    ]
    with locked(table) as (state, _):
        for one in results:
            path = folder / one.name
            state.put(Record(path, stamp(path), "fingerprint", FileResult((one,), "ab" * 32, 2.0)))
        timed = [(one, 2.0) for one in results]
        if corrected:
            state.keep_corrections({(name, 0): label for name, label in dict(corrected).items()})
        write_results(table, timed, state, min_score=min_score)
    if poses is not None:
        for name in NAMES[2:]:
            target = Path(poses) / f"{name}.npz"
            target.parent.mkdir(parents=True, exist_ok=True)
            save_poses(pose_file_factory.video_poses(folder / name, FRAMES), target)
    return table
