"""The floor: how often a pipeline calls its networks for these clips, and what each takes alone on ready tensors.

    python benchmarks/throughput/alone.py CLIP… --detector CARD --pose CARD [--classifier CARD] [--shape JSON]

Without `--shape` the clips are done once, and the calls of each network and the shape of the volumes are printed as
JSON; with it, the seconds that each network takes per picture, person and view, in the batch that suits it best.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import numpy as np
from ours import make, parser

from posec3d_cli.types import HeatmapVolume

SECONDS, RUNS, MOST_RUNS = 1.5, 5, 30  # a network is run so long and so often
CROPS, VIEWS = (1, 4, 16), (1, 8)  # batches that are tried


class Counted:
    """A stage that counts what it is given."""

    def __init__(self, stage: Any) -> None:
        self.stage, self.calls, self.shape = stage, 0, ()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stage, name)

    def detect(self, frames: Sequence[Any]) -> Any:
        """Counts frames."""
        self.calls += len(frames)
        return self.stage.detect(frames)

    def estimate(self, frames: Sequence[Any], detections: Sequence[Any]) -> Any:
        """Counts people."""
        self.calls += sum(map(len, detections))
        return self.stage.estimate(frames, detections)

    def classify(self, volumes: Sequence[HeatmapVolume]) -> Any:
        """Counts views."""
        self.calls += sum(len(volume.values) for volume in volumes)
        self.shape = volumes[0].values.shape[1:]
        return self.stage.classify(volumes)


def count(options: Any) -> tuple[dict[str, int], tuple[int, ...]]:
    """How often each network is called for the clips, and the shape of the volumes."""
    extractor, whole = make(options)
    detector, pose = extractor.detector, extractor.pose = Counted(extractor.detector), Counted(extractor.pose)
    if whole is None:
        for clip in options.clip:
            extractor.poses(clip)
        return {"detect": detector.calls, "pose": pose.calls}, ()
    [member] = whole.actions.members
    classifier = Counted(member.classifier)
    object.__setattr__(member, "classifier", classifier)
    for clip in options.clip:
        whole.predict(clip)
    return {"detect": detector.calls, "pose": pose.calls, "classify": classifier.calls}, classifier.shape


def detector_alone(stage: Any) -> Callable[[int], object]:
    """Runs a detector's network on one picture."""
    if hasattr(stage, "_interpreter"):
        return lambda number: stage._interpreter.invoke()
    width, height = stage._picture.input_size
    seen = {stage._input: np.zeros((1, 3, height, width), np.float32)}
    return lambda number: stage._session.run(None, seen)


def pose_alone(stage: Any) -> Callable[[int], object]:
    """Runs a pose model's network on so many crops."""
    if hasattr(stage, "_network"):
        width, height = stage._size
        return lambda number: stage._run(np.zeros((number, height, width, 3), np.uint8))
    [picture] = stage._session.get_inputs()
    shape = [side if isinstance(side, int) else 1 for side in picture.shape[1:]]
    if hasattr(stage, "_picture"):
        width, height = stage._picture.input_size
        shape = [3, height, width]
    return lambda number: stage._session.run(None, {picture.name: np.zeros((number, *shape), np.float32)})


def each_alone(options: Any, shape: Sequence[int]) -> dict[str, float]:
    """Seconds per picture, person and view, each network in the batch that suits it best."""
    options.given = None
    extractor, whole = make(options)
    runs = {"detect": (detector_alone(extractor.detector), (1,)), "pose": (pose_alone(extractor.pose), CROPS)}
    if whole is not None:
        [member] = whole.actions.members
        volumes = {number: HeatmapVolume(np.zeros((number, *shape), np.float32)) for number in VIEWS}
        runs["classify"] = (lambda number: member.classifier.classify([volumes[number]]), VIEWS)
    return {name: min(per_item(run, batch) for batch in batches) for name, (run, batches) in runs.items()}


def per_item(run: Callable[[int], object], batch: int) -> float:
    """Median seconds per picture, crop or view."""
    run(batch)
    taken: list[float] = []
    while len(taken) < RUNS or (len(taken) < MOST_RUNS and sum(taken) < SECONDS):
        start = time.perf_counter()
        run(batch)
        taken.append(time.perf_counter() - start)
    return median(taken) / batch


def main() -> None:
    """Count, or time."""
    made = parser()
    made.add_argument("--shape", type=json.loads)
    options = made.parse_args()
    if options.shape is not None:
        print(json.dumps(each_alone(options, options.shape)))
        return
    calls, shape = count(options)
    print(json.dumps({"calls": calls, "shape": shape}))


if __name__ == "__main__":
    main()
