"""A table to review, as `posec3d label` leaves it: videos, their results in the run state, and pose files."""

from __future__ import annotations

import csv
import tempfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pose_file_factory
import video_factory
from clip_results import answered, failed
from starlette.testclient import TestClient

from posec3d_cli.batch.corrections import write_results
from posec3d_cli.batch.file_result import FileResult
from posec3d_cli.batch.lock import state_of
from posec3d_cli.batch.state import Record, RunState
from posec3d_cli.output.tables import SEGMENT_COLUMNS
from posec3d_cli.pose_files import write_pose_file
from posec3d_cli.results import PersonInWindow, PersonScores, WindowScores
from posec3d_cli.review.proxies import Proxies
from posec3d_cli.review.retraining import Retraining
from posec3d_cli.review.server import make_app
from posec3d_cli.types import ActionScores, VideoInfo

FRAMES = 30
SIZE = (320, 240)
TOKEN, PORT = "secret", 8123
_MADE: dict[str, bytes] = {}


def scores(**best):
    return ActionScores(np.array(list(best.values()), np.float32), tuple(best))


def video(suffix: str, settings: dict) -> bytes:
    """A numbered video; one of the same settings is made once."""
    key = repr((suffix, sorted(settings.items())))
    if key not in _MADE:
        with tempfile.TemporaryDirectory() as folder:
            path = video_factory.write(Path(folder) / f"made{suffix}", FRAMES, **{"size": SIZE, **settings})
            _MADE[key] = path.read_bytes()
    return _MADE[key]


def table(folder: Path, *results, videos=True, poses=True, **video_settings) -> Path:
    """`labels.csv` in a folder, of these results: of videos below `clips/` where no other path is given.

    Args:
        results: of `clip_results`; their names are those of the videos. A failed one has a file that is no video.
        videos: whether to write the videos; one that is there stays.
        poses: whether to write pose files, into `poses/`.
        video_settings: of `video_factory.write`.
    """
    output = folder / "labels.csv"
    timed = []
    with RunState(state_of(output)) as run_state:
        for given in results:
            path = folder / "clips" / given.name
            path.parent.mkdir(parents=True, exist_ok=True)
            if given.error is not None:
                path.write_text("not a video")
            elif videos and not path.exists():
                path.write_bytes(video(path.suffix, video_settings))
            result = with_windows(replace(given, path=path))
            run_state.put(Record(path, None, "pipeline", FileResult((result,), "", 0.5)))
            timed.append((result, 0.5))
            if poses and given.error is None:
                target = folder / "poses" / Path(result.name).with_suffix(".npz")
                target.parent.mkdir(parents=True, exist_ok=True)
                write_pose_file(pose_file_factory.video_poses(path, FRAMES), target, ".npz")
                run_state.claim(target)
        write_results(output, timed, run_state)
    return output


SEGMENTS = (
    (0, 10, 0, "walk", 0.9, ""),
    (0, 15, 1, "sit", 0.6, ""),
    (10, 20, 0, "run", 0.8, ""),
    (15, 30, 1, "stand", 0.7, ""),
    (20, 28, 0, "unknown", 0.3, "jump"),
    (28, 30, 0, "no_person", None, ""),
)
"""Of `segments`: start, end, person, label, score and guess."""


def segments(folder: Path, rows=SEGMENTS) -> Path:
    """`labels.csv` with a row per segment of one video of two people, as `label --timeline` writes it."""
    path = folder / "clips" / "a.mp4"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(video(".mp4", {}))
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(SEGMENT_COLUMNS))
        writer.writeheader()
        for start, end, person, label, score, guess in rows:
            edges = {"start": start, "end": end}
            said = {"person": person, "label": label, "score": score, "guess": guess}
            writer.writerow({"video": "clips/a.mp4", "status": "ok"} | edges | said)
    return folder / "labels.csv"


def with_windows(result):
    """The result with two windows and one person, as a classifier that reads people alone gives them."""
    if result.error is not None or result.scores is None:
        return result
    info = VideoInfo(result.path, *SIZE, Fraction(25), FRAMES, FRAMES / 25, "h264", 0, 0, False)
    half = FRAMES // 2
    windows = tuple(
        WindowScores(start, start + half, result.scores, (PersonInWindow(0, 1.0, result.scores),))
        for start in (0, half)
    )
    people = (PersonScores(0, FRAMES, 0.75, 1.0, result.scores),)
    poses = replace(result.video_poses, video=info)
    return replace(result, windows=windows, people=people, video_poses=poses, frames_used=16)


def three(folder: Path, **settings) -> Path:
    """A table of three rows: sure, unsure, failed."""
    return table(
        folder,
        answered("sure.mp4", ("walk", 0.9), ("run", 0.1)),
        answered("unsure.mp4", ("run", 0.4), ("walk", 0.35), ("jump", 0.25)),
        failed("broken.mp4", "it is damaged"),
        **settings,
    )


def stranger(session, folder: Path) -> TestClient:
    """A browser that has not opened the address with the token; copies of videos are kept in the folder."""
    app = make_app(session, Proxies(folder / "proxies"), Retraining(session), TOKEN, PORT)
    return TestClient(app, base_url=f"http://127.0.0.1:{PORT}")


def entered(session, folder: Path) -> TestClient:
    """A browser that has."""
    client = stranger(session, folder)
    assert client.get("/", params={"token": TOKEN}).status_code == 200
    return client
