"""Results as JSON documents: one entry per clip, with labels, people, windows and the pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import structs

from posec3d_cli.errors import PoseC3DError
from posec3d_cli.files.writing import printable
from posec3d_cli.results import (
    NO_PERSON,
    UNKNOWN,
    ClipResult,
    PersonScores,
    PipelineInfo,
    VideoPoses,
    WindowScores,
    is_named,
)
from posec3d_cli.types import ActionScores

SCHEMA = "posec3d/prediction"
VERSION = 2  # 1 called nobody "no person"; of rows of `label` in JSON lines too


def document(videos: Sequence[dict[str, Any]], pipeline: PipelineInfo) -> dict[str, Any]:
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
            "ensemble": {name: round(share, 6) for name, share in pipeline.ensemble.items()},
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


def entry(result: ClipResult, *, top: int = 5) -> dict[str, Any]:
    """One video that was answered; `top` labels per answer, best first."""
    video, score = result.video, result.mean_keypoint_score
    return {
        "video": printable(result.path),
        "status": "ok" if result.scores is not None else NO_PERSON,
        "labels": _labels(result.scores, top) or [],
        "frames_used": result.frames_used,
        "frames_with_person": result.frames_with_person,
        "people_found": len(result.people),
        "mean_keypoint_score": None if score is None else round(score, 4),
        "people": [_person(person, top) for person in result.people],
        "windows": [_window(window, float(video.fps), top) for window in result.windows],
        "cuts": cuts_of(result.video_poses),
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
        "clip_sampling": structs.asdict(result.sampling),
        "seconds": {stage: round(seconds, 4) for stage, seconds in result.seconds.items()},
        "warnings": list(result.warnings),
    }


def cuts_of(video_poses: VideoPoses) -> list[dict[str, Any]]:
    """Where new shots begin, as plain values."""
    fps = float(video_poses.video.fps)
    return [{"frame": frame, "seconds": round(frame / fps, 4)} for frame in video_poses.cuts.tolist()]


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
