"""Benchmark a pipeline on this machine: seconds per stage, frames per second, and what to try."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from posec3d_cli.extraction.crops import VideoFrames

if TYPE_CHECKING:
    from posec3d_cli.pipeline import Pipeline
    from posec3d_cli.results import ClipResult

STAGES = ("wait", "detect", "pose", "track", "build", "classify")
"""What the wall time consists of. Frames are decoded beside them: "wait" is what the networks wait for frames."""
CROP = "crop"  # decoding again, for the crops of a classifier that reads frames; before "build"
OTHER = "other"  # time outside the stages
MUCH = 0.4  # the part of the whole from which on there is advice about a stage
ADVICE = {
    "wait": "smaller videos: decoding is slower than the networks, which wait for frames",
    "detect": "--detect-every 3 detects people in every third frame only; --detector takes a smaller model",
    "pose": "a smaller pose model (--pose), or --max-people where few people matter",
    CROP: "smaller videos, or a classifier of poses alone",
    "build": "fewer --views, no --flip",
    "classify": "--precision bf16 where the hardware computes in it, fewer --views, a smaller --classifier",
}


@dataclass(frozen=True)
class Speed:
    """The time that a pipeline takes for one video.

    Attributes:
        frames: the number of frames that were decoded and whose poses were estimated.
        people: the number of people in these frames; a person in two frames counts twice.
        seconds: wall time of each stage, and of the rest under `OTHER`; medians over the runs.
        decoding: seconds that decoding takes beside the stages, the median over the runs.
        whole: wall time of the whole video, the median over the runs.
        fastest: wall time of the fastest run.
        slowest: wall time of the slowest run.
    """

    frames: int
    people: int
    seconds: Mapping[str, float]
    whole: float
    fastest: float
    slowest: float
    decoding: float = 0.0

    @property
    def frames_per_second(self) -> float:
        """Frames per second."""
        return self.frames / self.whole

    def share(self, stage: str) -> float:
        """The share of a stage in the wall time."""
        return self.seconds.get(stage, 0.0) / self.whole


def measure(
    pipeline: Pipeline,
    video: Path,
    *,
    every_frame: bool,
    frames: int = 100,
    repeats: int = 3,
    done: Callable[[int], None] = lambda number: None,
) -> Speed:
    """Measure the time that a pipeline takes for the beginning of a video, after one run to warm up.

    Args:
        pipeline: without a cache of poses.
        video: the video file.
        every_frame: estimate poses in all frames, as `extract-poses` does; else in the frames of one prediction.
        frames: use at most this many frames of the video.
        repeats: the number of measured runs, at least 1.
        done: called after each run with the number of runs so far.

    Raises:
        ValueError: the pipeline has a pose cache.
        UnreadableVideo, EmptyVideo: no frame of the file can be decoded.
    """
    if pipeline.extractor.cache is not None:
        raise ValueError(
            "a pipeline with a pose cache cannot be measured: from the second run on it would only read the cache"
        )
    wholes: list[float] = []
    parts: list[Mapping[str, float]] = []
    for number in range(repeats + 1):
        start = perf_counter()
        result = _predict(pipeline, video, frames, every_frame)
        if number:
            wholes.append(perf_counter() - start)
            parts.append(result.seconds)
        done(number + 1)
    stages = (*STAGES[:-2], CROP, *STAGES[-2:]) if pipeline.recognizer.needs_frames else STAGES
    seconds = {stage: median(part.get(stage, 0.0) for part in parts) for stage in stages}
    seconds[OTHER] = max(0.0, median(wholes) - sum(seconds.values()))
    decoding = median(part.get("decode", 0.0) for part in parts)
    people = sum(len(poses) for poses in result.video_poses.poses)
    return Speed(len(result.video_poses), people, seconds, median(wholes), min(wholes), max(wholes), decoding)


def _predict(pipeline: Pipeline, path: Path, frames: int, every_frame: bool) -> ClipResult:
    """As `Pipeline.predict`, with at most `frames` frames of the video."""
    with pipeline.extractor.open(path) as video:
        info = replace(video.info, frame_count=min(frames, video.info.frame_count))
        sampling = pipeline.recognizer.sampling
        indices = pipeline.recognizer.frames_needed(sampling, *info.timing)
        wanted = np.arange(info.frame_count) if every_frame else indices
        video_poses = replace(pipeline.extractor.poses_of(video, wanted), video=info)
        return pipeline.recognizer.recognize(video_poses, sampling, frames=VideoFrames(path, video=video))


def advice(speeds: Sequence[Speed]) -> list[str]:
    """What to try to be faster: a sentence for each stage that takes more than MUCH of the time."""
    sentences = []
    for stage, words in ADVICE.items():
        most = max(speed.share(stage) for speed in speeds)
        if most >= MUCH:
            sentences.append(f"{stage} takes {most:.0%} of the time: {words}")
    return sentences
