"""Results as JSON, and back: one entry per clip, with labels, people, windows and, in a document, the pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import structs

from posec3d_cli.extraction.result import PosesResult
from posec3d_cli.files.writing import printable
from posec3d_cli.results import (
    NO_PERSON,
    ClipResult,
    Failure,
    PersonInWindow,
    PersonScores,
    PipelineInfo,
    VideoPoses,
    WindowScores,
    answer_of,
    min_score_of,
    unless_named,
)
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.types import ActionScores, VideoInfo

SCHEMA = "posec3d/prediction"
VERSION = 2  # 1 called nobody "no person"; of rows of `label` in JSON lines too
TOP = 5  # labels per answer that are kept


def document(
    results: Iterable[ClipResult], pipeline: PipelineInfo, *, top: int = TOP, min_score: float | None = None
) -> dict[str, Any]:
    """What was found in some videos, as plain values for JSON.

    Args:
        results: of the videos.
        pipeline: what made the predictions.
        top: labels per answer.
        min_score: where the best action scores less, the answer is `unknown`; None for that of each result's pipeline.
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
        "videos": [entry(result, top=top, min_score=min_score) for result in results],
    }


def entry(result: ClipResult, *, top: int = TOP, min_score: float | None = None) -> dict[str, Any]:
    """One clip: what is done in it, or why that cannot be said.

    Args:
        result: of the clip.
        top: labels per answer, best first.
        min_score: where the best action of the clip, a person or a window scores less, the answer is `unknown`, and
            `guess` what it would have been; the scores stay. None for that of the result's pipeline.
    """
    name = printable(result.name or result.path)
    if result.error is not None:
        return {"video": name, "status": result.status, "error": _failure(result.error)}
    video, score, least = result.video, result.mean_keypoint_score, min_score_of(result, min_score)
    found = {
        "video": name,
        "status": result.status,
        "answer": result.answer(least),
        "guess": _guess(result.scores, least),
        "min_score": least,
        "labels": _labels(result.scores, top) or [],
        "frames_used": result.frames_used,
        "frames_with_person": result.frames_with_person,
        "people_found": len(result.people),
        "mean_keypoint_score": None if score is None else round(score, 4),
        "people": [_person(person, top, least) for person in result.people],
        "windows": [_window(window, float(video.fps), top, least) for window in result.windows],
        "cuts": [
            {"frame": frame, "seconds": round(frame / float(video.fps), 4)}
            for frame in result.video_poses.cuts.tolist()
        ],
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
        "seconds": _seconds(result.seconds),
        "warnings": list(result.warnings),
    }
    if result.output_errors:
        found["output_errors"] = [_failure(error) for error in result.output_errors]
    return found


def poses_entry(result: PosesResult) -> dict[str, Any]:
    """The poses of one video: how many frames and people they have, or why there are none."""
    poses = {"frames": result.frames, "people": result.people, "lost_frames": result.lost_frames}
    found = {"video": printable(result.name), "status": result.status, "poses": poses}
    if result.error is not None:
        return {**found, "error": _failure(result.error)}
    return {**found, "seconds": _seconds(result.seconds)}


def stored(result: ClipResult | PosesResult) -> dict[str, Any]:
    """The entry that `read_stored` makes a result of again."""
    return entry(result, min_score=0.0) if isinstance(result, ClipResult) else poses_entry(result)


def read_stored(found: Mapping[str, Any], path: Path) -> ClipResult | PosesResult:
    """The result of an entry, with what the entry holds: rounded scores of the best labels, and no poses.

    Args:
        found: the entry.
        path: of the file that it is about.
    """
    error = Failure(**found["error"]) if "error" in found else None
    if "poses" in found:
        return PosesResult(path, found["video"], **found["poses"], seconds=found.get("seconds", {}), error=error)
    if error is not None:
        return ClipResult.failed(path, error, name=found["video"])
    source = found["source"]
    video = VideoInfo(
        path,
        source["width"],
        source["height"],
        Fraction(source["fps"]),
        source["frame_count"],
        source["duration_seconds"],
        source["codec"],
        0,
        source["lost_frames"],
        source["variable_rate"],
    )
    cuts = np.array([cut["frame"] for cut in found["cuts"]], np.int64)
    return ClipResult(
        path=path,
        scores=_read_labels(found["labels"]),
        people=tuple(_read_person(person) for person in found["people"]),
        windows=tuple(_read_window(window) for window in found["windows"]),
        frames_used=found["frames_used"],
        frames_with_person=found["frames_with_person"],
        mean_keypoint_score=found["mean_keypoint_score"],
        sampling=ClipSampling(**found["clip_sampling"]),
        pipeline=PipelineInfo(),
        seconds=found["seconds"],
        warnings=tuple(found["warnings"]),
        video_poses=VideoPoses.of_no_frame(video, cuts=cuts),
        name=found["video"],
    )


def _failure(error: Failure) -> dict[str, str]:
    return {"kind": error.kind, "what": printable(error.what), "hint": printable(error.hint)}


def _seconds(spent: Mapping[str, float]) -> dict[str, float]:
    return {stage: round(seconds, 4) for stage, seconds in spent.items()}


def _labels(scores: ActionScores | None, top: int) -> list[dict[str, Any]] | None:
    if scores is None:
        return None
    return [{"label": label, "probability": round(probability, 6)} for label, probability in scores.top(top)]


def _answer(scores: ActionScores | None, min_score: float, *, nobody: str | None = None) -> dict[str, Any]:
    return {"answer": answer_of(scores, min_score) or nobody, "guess": _guess(scores, min_score)}


def _guess(scores: ActionScores | None, min_score: float) -> dict[str, Any] | None:
    """What an answer `unknown` would have been; None where the answer is another."""
    guess = unless_named(scores, min_score)
    return None if guess is None else {"label": guess[0], "probability": round(guess[1], 6)}


def _read_labels(labels: Sequence[Mapping[str, Any]] | None) -> ActionScores | None:
    if not labels:
        return None
    probabilities = np.array([one["probability"] for one in labels], np.float32)
    return ActionScores(probabilities, tuple(one["label"] for one in labels))


def _person(person: PersonScores, top: int, min_score: float) -> dict[str, Any]:
    return {
        "id": person.id,
        "frames": person.frames,
        "mean_keypoint_score": round(person.mean_keypoint_score, 4),
        "weight": round(person.weight, 4),
        "labels": _labels(person.scores, top),
        **_answer(person.scores, min_score),
    }


def _read_person(found: Mapping[str, Any]) -> PersonScores:
    score, scores = found["mean_keypoint_score"], _read_labels(found["labels"])
    return PersonScores(found["id"], found["frames"], score, found["weight"], scores)


def _window(window: WindowScores, fps: float, top: int, min_score: float) -> dict[str, Any]:
    return {
        "start_frame": window.start,
        "stop_frame": window.stop,
        "start_seconds": round(window.start / fps, 4),
        "stop_seconds": round(window.stop / fps, 4),
        "labels": _labels(window.scores, top),
        "people": [
            {
                "id": person.id,
                "weight": round(person.weight, 4),
                "labels": _labels(person.scores, top),
                **_answer(person.scores, min_score),
            }
            for person in window.people
        ],
        **_answer(window.scores, min_score, nobody=NO_PERSON),
    }


def _read_window(found: Mapping[str, Any]) -> WindowScores:
    people = []
    for person in found["people"]:
        scores = _read_labels(person["labels"])
        if scores is not None:
            people.append(PersonInWindow(person["id"], person["weight"], scores))
    return WindowScores(found["start_frame"], found["stop_frame"], _read_labels(found["labels"]), tuple(people))
