"""What detection in every N-th frame costs in right answers, missed people and identities, by the commands' own way.

    python benchmarks/keyframes.py --labels CSV... [--videos VIDEO...] [--every N...] [--part K]

Each video is predicted with the default models and detection in every frame, then in every N-th. CSV tables name
labeled videos in the columns `video` (below the folder of the table) and `label`; labels that the classifiers do not
know are left out. VIDEO are further ones, such as crowds, which count for people and identities only. `--part K` takes
every K-th row of the tables.

Frames are those that a prediction rests on, which lie further apart than those of the video: every frame of
`extract-poses` costs less. A person of the first run with a mean joint score of at least 0.3 is missed where nobody of
the other run is alike (object keypoint similarity below 0.3). A switch is a frame in which such a person's counterpart
has another track id than in the frame before that the person was in. Both are sums over all frames.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

from posec3d_cli import Pipeline, PipelineConfig
from posec3d_cli.results import ClipResult, VideoPoses
from posec3d_cli.tracking.similarity import best_pairs, keypoint_similarity

SEEN = 0.3  # minimum mean joint score of a person who counts
ALIKE = 0.3  # similarity below which a person was missed


@dataclass(frozen=True)
class Video:
    """A video and what is done in it; None: it counts for people only."""

    path: Path
    label: str | None = None


@dataclass
class Cost:
    """What a run with keyframes differs in from one with detection in every frame."""

    clips: int = 0
    right: int = 0
    people: int = 0
    missed: int = 0
    switches: int = 0
    seconds: float = 0.0

    def add_people(self, reference: VideoPoses, other: VideoPoses) -> None:
        """Compare the people of each frame."""
        counterparts: dict[int, int] = {}
        for boxes, poses, ids, theirs, their_ids in zip(
            reference.detections, reference.poses, reference.track_ids, other.poses, other.track_ids, strict=True
        ):
            clear = np.flatnonzero(poses.scores.mean(axis=1) >= SEEN)
            self.people += len(clear)
            if not len(clear) or not len(theirs):
                self.missed += len(clear)
                continue
            alike = keypoint_similarity(
                *(one[clear].astype(np.float64) for one in (poses.keypoints, poses.scores, boxes.boxes)),
                theirs.keypoints.astype(np.float64),
                theirs.scores.astype(np.float64),
            )
            pairs = best_pairs(alike, ALIKE)  # each counterpart is that of one person, or crowds would seem to switch
            self.missed += len(clear) - len(pairs)
            for row, column in pairs:
                mine, counterpart = int(ids[clear[row]]), int(their_ids[column])
                self.switches += counterparts.get(mine, counterpart) != counterpart
                counterparts[mine] = counterpart


def labeled(table: Path, known: Sequence[str], part: int) -> Iterator[Video]:
    """The videos of a table whose labels are known, every `part`-th."""
    with table.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["label"] in known]
    yield from (Video(table.parent / row["video"], row["label"]) for row in rows[::part])


def predicted(pipeline: Pipeline, video: Video, every: int) -> tuple[ClipResult, float]:
    """The result with detection in every N-th frame, and its seconds."""
    pipeline.extractor.every = every
    start = perf_counter()
    result = pipeline.predict(video.path)
    return result, perf_counter() - start


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=Path, nargs="*", default=[])
    parser.add_argument("--videos", type=Path, nargs="*", default=[])
    parser.add_argument("--every", type=int, nargs="+", default=[2, 3])
    parser.add_argument("--part", type=int, default=1)
    options = parser.parse_args()
    pipeline = Pipeline.from_config(PipelineConfig(device="cpu", cache_dir=None))
    videos = [one for table in options.labels for one in labeled(table, pipeline.recognizer.labels, options.part)]
    costs = {every: Cost() for every in (1, *options.every)}
    for video in (*videos, *map(Video, options.videos)):
        reference, taken = predicted(pipeline, video, 1)
        for every, cost in costs.items():
            result, seconds = (reference, taken) if every == 1 else predicted(pipeline, video, every)
            cost.seconds += seconds
            cost.add_people(reference.video_poses, result.video_poses)
            if video.label is not None:
                cost.clips += 1
                cost.right += result.scores is not None and result.answer(0) == video.label
    print("| detect every | clips | right | people | missed | switches | time |\n" + "|---:" * 7 + "|")
    for every, cost in costs.items():
        right = f"{cost.right / cost.clips:.1%}" if cost.clips else ""
        missed = f"{cost.missed / cost.people:.2%}" if cost.people else ""
        print(
            f"| {every} | {cost.clips} | {right} | {cost.people} | {missed} | {cost.switches} "
            f"| {cost.seconds / costs[1].seconds:.2f} |"
        )


if __name__ == "__main__":
    main()
