"""Results as files and documents: JSON, pose files, annotated video. A file appears whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from posec3d_cli.errors import OutputError, OutputExists, PoseC3DError
from posec3d_cli.pose_files.writing import SUFFIXES as POSE_SUFFIXES
from posec3d_cli.pose_files.writing import write_pose_file
from posec3d_cli.prediction import (
    NO_PERSON,
    UNKNOWN,
    PersonScores,
    PipelineUsed,
    PosedVideo,
    Prediction,
    WindowScores,
    is_named,
)
from posec3d_cli.types import ActionScores
from posec3d_cli.video import DEFAULT_READER, SoundOf, VideoWriter, open_video
from posec3d_cli.video.marks import MARK
from posec3d_cli.writable import remedy

SCHEMA = "posec3d/prediction"
VERSION = 2  # 1 called nobody "no person"; of rows of `label` in JSON lines too


def document(videos: Sequence[dict[str, Any]], pipeline: PipelineUsed) -> dict[str, Any]:
    """What was found in some videos, as plain values for JSON.

    Args:
        videos: one `entry` or `failure` each.
        pipeline: what made the predictions.
    """
    models = {
        kind: {"name": model.name, "stage": model.stage, "device": model.device, "sha256": dict(model.sha256)}
        for kind, model in pipeline.models.items()
    }
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "pipeline": {
            "name": pipeline.name,
            "models": models,
            "builder": pipeline.builder,
            "precision": pipeline.precision,
            "fusion": {name: round(share, 6) for name, share in pipeline.fusion.items()},
            "detect_every": pipeline.detect_every,
        },
        "videos": list(videos),
    }


def failure(path: str | Path, error: PoseC3DError) -> dict[str, Any]:
    """One video that could not be answered: its path and what went wrong."""
    return {"video": printable(path), "status": "failed", "error": reason(error)}


def reason(error: PoseC3DError) -> dict[str, str]:
    """What went wrong, as plain values."""
    return {"kind": type(error).__name__, "what": printable(error.what), "hint": printable(error.hint)}


def entry(prediction: Prediction, *, top: int = 5) -> dict[str, Any]:
    """One video that was answered; `top` labels per answer, best first."""
    video, score = prediction.video, prediction.mean_keypoint_score
    return {
        "video": printable(prediction.path),
        "status": "ok" if prediction.scores is not None else NO_PERSON,
        "labels": _labels(prediction.scores, top) or [],
        "frames_used": prediction.frames_used,
        "frames_with_person": prediction.frames_with_person,
        "people_found": len(prediction.people),
        "mean_keypoint_score": None if score is None else round(score, 4),
        "people": [_person(person, top) for person in prediction.people],
        "windows": [_window(window, float(video.fps), top) for window in prediction.windows],
        "cuts": cuts_of(prediction.posed),
        "source": {
            "width": video.width,
            "height": video.height,
            "fps": float(video.fps),
            "frame_count": video.frame_count,
            "duration_seconds": float(video.duration),
            "codec": video.codec,
            "lost_frames": video.lost_frames,
            "variable_rate": video.variable_rate,
        },
        "reading": asdict(prediction.reading),
        "seconds": {stage: round(seconds, 4) for stage, seconds in prediction.seconds.items()},
        "warnings": list(prediction.warnings),
    }


def cuts_of(posed: PosedVideo) -> list[dict[str, Any]]:
    """Where new shots begin, as plain values."""
    fps = float(posed.video.fps)
    return [{"frame": frame, "seconds": round(frame / fps, 4)} for frame in posed.cuts.tolist()]


def with_answers(found: dict[str, Any], min_score: float = 0.0) -> dict[str, Any]:
    """An `entry` that says what is done in words: of the video, and of each person and window, as its `answer`.

    Args:
        found: an `entry`, or a `failure`, which stays as it is.
        min_score: where the best action scores less, the answer is `UNKNOWN`; the scores stay.
    """
    if "labels" not in found:
        return found

    def answer(labels: list[dict[str, Any]] | None, otherwise: str | None = NO_PERSON) -> str | None:
        if not labels:
            return otherwise
        best = labels[0]
        return str(best["label"]) if is_named(best["probability"], min_score) else UNKNOWN

    def with_answer(parts: list[dict[str, Any]], otherwise: str | None = NO_PERSON) -> list[dict[str, Any]]:
        return [{**part, "answer": answer(part["labels"], otherwise)} for part in parts]

    return {
        "video": found["video"],
        "status": found["status"],
        "answer": answer(found["labels"]),
        "min_score": min_score,
        **found,
        "people": with_answer(found["people"], None),
        "windows": [
            # A state that was written before windows had people is still read.
            {**window, "people": with_answer(window.get("people", []), None)}
            for window in with_answer(found["windows"])
        ],
    }


def _labels(scores: ActionScores | None, top: int) -> list[dict[str, Any]] | None:
    if scores is None:
        return None
    return [{"label": label, "probability": round(probability, 6)} for label, probability in scores.top(top)]


def _person(person: PersonScores, top: int) -> dict[str, Any]:
    return {
        "id": person.id,
        "frames": person.frames,
        "mean_keypoint_score": round(person.mean_keypoint_score, 4),
        "weight": round(person.weight, 4),
        "labels": _labels(person.scores, top),
    }


def _window(window: WindowScores, fps: float, top: int) -> dict[str, Any]:
    return {
        "start_frame": window.start,
        "stop_frame": window.stop,
        "start_seconds": round(window.start / fps, 4),
        "stop_seconds": round(window.stop / fps, 4),
        "labels": _labels(window.scores, top),
        "people": [
            {"id": person.id, "weight": round(person.weight, 4), "labels": _labels(person.scores, top)}
            for person in window.people
        ],
    }


def printable(text: object) -> str:
    """A text that can be encoded: bytes of a file name that are not UTF-8 are spelled out."""
    return str(text).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def check_free(path: Path, *, overwrite: bool = False, source: Path | None = None) -> None:
    """Refuse an output that cannot or must not be written; nothing is written.

    Raises:
        OutputExists: something is there and `overwrite` was not said, or it is the input itself.
        OutputError: there is no folder to write into, or `path` is one itself.
    """
    if path.is_dir():
        raise OutputError(f"{path} is a folder", hint="name a file in it")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: there is no folder {path.parent}", hint="make it first")
    if path.exists():
        if source is not None and source.exists() and path.samefile(source):
            raise OutputExists(f"{path} is the input itself", hint="choose another name")
        if not overwrite:
            raise OutputExists(f"{path} is already there", hint="choose another name, or say --overwrite")


@contextmanager
def replacing(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Hand out a temporary name beside `path`, renamed to `path` when the block ends without an error.

    Raises:
        OutputExists, OutputError: as `check_free`; also where writing fails.
    """
    check_free(path, overwrite=overwrite)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.stem[:64]}-", suffix=path.suffix, dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise _unwritable(path, error) from error
    part = Path(name)
    try:
        yield part
        mask = os.umask(0)
        os.umask(mask)
        part.chmod(0o666 & ~mask)  # temporary files are private; the result is an ordinary file
        part.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        with suppress(OSError):  # it has its name by now; or nothing can be changed there, and the first error counts
            part.unlink()


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"{path} cannot be written: {error.strerror or error}",
        hint=remedy(error, "free some space, or choose another place", "choose a place that can be written"),
    )


def save_poses(prediction: Prediction, path: Path, *, overwrite: bool = False) -> None:
    """Write the people of the frames that were looked at, as `.npz`, `.json` or `.pkl` by the suffix of `path`.

    What each form holds: `posec3d_cli.pose_files.writing`. `read_pose_file` reads all of them back.

    Raises:
        OutputExists: `path` is already there and `overwrite` was not said.
        OutputError: it cannot be written, or has another suffix.
    """
    suffix = path.suffix.lower()
    if suffix not in POSE_SUFFIXES:
        raise OutputError(f"{path} has no suffix of a pose file", hint=f"one of {', '.join(POSE_SUFFIXES)}")
    with replacing(path, overwrite=overwrite) as part:
        write_pose_file(prediction.posed, part, suffix)


def save_video(
    prediction: Prediction,
    path: Path,
    *,
    min_score: float = 0.0,
    overwrite: bool = False,
    reader: str = DEFAULT_READER,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[str, ...]:
    """Write the video with everybody's skeleton and box and the label drawn, with its sound, as H.264.

    Rate and size are those in which it is shown. The sound is copied where MP4 can hold it, and becomes AAC elsewhere.

    What each frame says and whom it shows: `posec3d_cli.annotation`. The video is decoded once more; frames that were
    not posed show the label only. Letters that OpenCV cannot draw are replaced, see `posec3d_cli.draw.plain`.

    Returns:
        Sentences about what could not be kept.

    Raises:
        OutputExists: `path` is already there and `overwrite` was not said.
        OutputError: it cannot be written.
    """
    from posec3d_cli.annotation import figures_at, headline
    from posec3d_cli.draw import annotate

    posed, info = prediction.posed, prediction.video
    check_free(path, overwrite=overwrite, source=prediction.path)
    column_of = {int(index): column for column, index in enumerate(posed.frame_indices)}
    size = (info.width, info.height)
    uneven = info.variable_rate or info.lost_frames > 0 or len(posed.lost) > 0
    with (
        open_video(prediction.path, reader=reader) as video,
        VideoWriter(path, fps=info.fps, size=size, sound=SoundOf(prediction.path, info.start), comment=MARK) as writer,
    ):
        for done, frame in enumerate(video.frames(), start=1):
            figures = figures_at(prediction, frame.index, column_of.get(frame.index), min_score)
            text = headline(prediction, frame.index, min_score)
            pixels = annotate(frame.pixels, figures, posed.skeleton.limbs, text)
            writer.write(pixels, frame.seconds if uneven else None)
            if progress is not None:
                progress(done, max(done, info.frame_count))
    return (writer.lost_sound,) if writer.lost_sound else ()
