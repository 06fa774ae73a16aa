"""The cost in poses of detecting people in every N-th frame only.

    python benchmarks/detect_every.py VIDEO... [--stride S] [--frames F]

Poses are estimated in every S-th frame of a video, at most F, with the default models: with detection in each of these
frames, and in every second, third, sixth and twelfth. Each person with a mean joint score of at least 0.3 in the first
run is compared with the most similar person in the others, by the object keypoint similarity of COCO, 1 for equal
joints. Below 0.3 the person was missed. The table gives the share of missed people, the mean similarity of the others,
and the time relative to the first run.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter

import numpy as np

from posec3d_cli.config import PipelineConfig
from posec3d_cli.extraction.extractor import PoseExtractor
from posec3d_cli.results import VideoPoses
from posec3d_cli.tracking.similarity import keypoint_similarity
from posec3d_cli.types import Detections, Poses

SEEN = 0.3  # minimum mean joint score of a person who counts
MISSED = 0.3  # similarity below which a person was missed


def similarities(boxes: Detections, poses: Poses, others: Poses) -> list[float]:
    """For each person of a frame, how alike the most similar other pose is."""
    clear = poses.scores.mean(axis=1) >= SEEN
    if not len(others):
        return [0.0] * int(clear.sum())
    joints, scores, places, *rest = (
        one.astype(np.float64)
        for one in (poses.keypoints[clear], poses.scores[clear], boxes.boxes[clear], others.keypoints, others.scores)
    )
    alike: list[float] = keypoint_similarity(joints, scores, places, *rest).max(axis=1, initial=0).tolist()
    return alike


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--stride", type=int, default=1)
    parser.add_argument("--frames", type=int, default=100)
    options = parser.parse_args()
    extractor = PoseExtractor.from_config(PipelineConfig(cache_dir=None))
    extractor.poses(options.videos[0], np.arange(2))  # whatever is made at first use is made
    first: list[VideoPoses] = []
    print("| a look at every | frames | people | missed | similarity of the others | time |")
    print("|---:" * 6 + "|")
    for every in (1, 2, 3, 6, 12):
        extractor.every = every
        video_poses, start = [], perf_counter()
        for video in options.videos:
            with extractor.open(video) as opened:
                frames = np.arange(0, opened.info.frame_count, options.stride)[: options.frames]
                video_poses.append(extractor.poses_of(opened, frames))
        took = perf_counter() - start
        if not first:
            first, whole = video_poses, took
        alike = np.array(
            [
                one
                for reference, other in zip(first, video_poses, strict=True)
                for row in zip(reference.detections, reference.poses, other.poses, strict=True)
                for one in similarities(*row)
            ]
        )
        print(
            f"| {every} | {sum(map(len, video_poses))} | {len(alike)} | {(alike < MISSED).mean():.1%} "
            f"| {alike[alike >= MISSED].mean():.3f} | {took / whole:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
