"""Results as JSON, and back: one entry per clip, with labels, people, windows and, in a document, the pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from posec3d_cli.answers import Failure, PairInWindow, PipelineInfo, failure_values, read_person, rounded_seconds
from posec3d_cli.extraction.result import PosesResult
from posec3d_cli.files.writing import printable
from posec3d_cli.results import TOP, ActionSegment, ClipResult, PersonInWindow, PersonScores, VideoPoses, WindowScores
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.types import ActionScores, VideoInfo

SCHEMA = "posec3d/prediction"
_BOUNDARIES = "boundaries"
"""Of `VideoInfo`, in entries that are stored: documents for people hold the times of what they name."""
VERSION = 2  # 1 called nobody "no person"; of rows of `label` in JSON lines too


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
        "videos": [result.to_dict(top=top, min_score=min_score) for result in results],
    }


def poses_entry(result: PosesResult) -> dict[str, Any]:
    """The poses of one video: how many frames and people they have, or why there are none."""
    poses = {"frames": result.frames, "people": result.people, "lost_frames": result.lost_frames}
    found = {"video": printable(result.name), "status": result.status, "poses": poses}
    if result.error is not None:
        return {**found, "error": failure_values(result.error)}
    return {**found, "seconds": rounded_seconds(result.seconds)}


def stored(result: ClipResult | PosesResult) -> dict[str, Any]:
    """The entry that `read_stored` makes a result of again."""
    if not isinstance(result, ClipResult):
        return poses_entry(result)
    entry = result.to_dict(min_score=0.0)
    if result.error is None and result.video.boundaries is not None:
        entry["source"][_BOUNDARIES] = [round(one, 6) for one in result.video.boundaries.tolist()]
    return entry


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
        start=source.get("start_seconds", 0.0),
        boundaries=np.array(source[_BOUNDARIES], np.float64) if _BOUNDARIES in source else None,
    )
    cuts = np.array([cut["frame"] for cut in found["cuts"]], np.int64)
    return ClipResult(
        path=path,
        scores=_read_labels(found["labels"]),
        people=tuple(_read_person(person) for person in found["people"]),
        windows=tuple(_read_window(window) for window in found["windows"]),
        segments=tuple(_read_segment(segment) for segment in found.get("timeline", ())),
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


def _read_labels(labels: Sequence[Mapping[str, Any]] | None) -> ActionScores | None:
    if not labels:
        return None
    probabilities = np.array([one["probability"] for one in labels], np.float32)
    return ActionScores(probabilities, tuple(one["label"] for one in labels))


def _read_person(found: Mapping[str, Any]) -> PersonScores:
    score, scores = found["mean_keypoint_score"], _read_labels(found["labels"])
    return PersonScores(found["id"], found["frames"], score, found["weight"], scores)


def _read_window(found: Mapping[str, Any]) -> WindowScores:
    people = []
    for person in found["people"]:
        scores = _read_labels(person["labels"])
        if scores is not None:
            near = tuple((one["name"], one["at_hand"]) for one in person["objects"])
            people.append(PersonInWindow(person["id"], person["weight"], scores, near))
    pairs = []
    for pair in found.get("pairs", ()):
        scores = _read_labels(pair["labels"])
        if scores is not None:
            first, second = pair["people"]
            pairs.append(PairInWindow((first, second), scores, pair["together"]))
    edges = found["start_frame"], found["stop_frame"]
    return WindowScores(*edges, _read_labels(found["labels"]), tuple(people), tuple(pairs))


def _read_segment(found: Mapping[str, Any]) -> ActionSegment:
    edges = found["start_frame"], found["stop_frame"]
    return ActionSegment(*edges, read_person(found["person"]), _read_labels(found["labels"]), found["repetitions"])
