"""The floor: what each network takes alone on ready tensors, in the batch that suits it best.

    python benchmarks/throughput/alone.py --detector CARD --pose CARD [--classifier CARD --shapes JSON]

SHAPES are those of what the classifiers read. Prints as JSON the seconds per image, per person, and per view of all
classifiers together.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import numpy as np
from ours import make, parser

from posec3d_cli.types import Floats

SECONDS, RUNS, MOST_RUNS = 1.5, 3, 30  # a network is run so long and so often
CROPS, VIEWS = (1, 8), (1, 4)  # batches that are tried


def noise(*shape: int) -> Floats:
    """Values between 0 and 1: zeros would let a network be faster, or much slower, than images do."""
    return np.random.default_rng(0).random(shape, np.float32)


def detector_alone(stage: Any) -> Callable[[int], object]:
    """Runs a detector's network on one image."""
    if hasattr(stage, "_interpreter"):
        size = stage.input_size
        interpreter = stage._make()
        interpreter.set_tensor(stage._input, (255 * noise(1, size, size, 3)).astype(np.uint8))
        return lambda number: interpreter.invoke()
    width, height = stage._image_input.input_size
    seen = {stage._input: noise(1, 3, height, width)}
    return lambda number: stage._session.run(None, seen)


def pose_alone(stage: Any) -> Callable[[int], object]:
    """Runs a pose model's network on so many crops."""
    if hasattr(stage, "_network"):
        width, height = stage._size
        images = {number: (255 * noise(number, height, width, 3)).astype(np.uint8) for number in CROPS}
        return lambda number: stage._run(images[number])
    [image] = stage._session.get_inputs()
    shape = [side if isinstance(side, int) else 1 for side in image.shape[1:]]
    if hasattr(stage, "_image_input"):
        width, height = stage._image_input.input_size
        shape = [3, height, width]
    crops = {number: noise(number, *shape) for number in CROPS}
    return lambda number: stage._session.run(None, {image.name: crops[number]})


def each_alone(options: Any, shapes: Sequence[Sequence[int]]) -> dict[str, float]:
    """Seconds per image, person and view, each network in the batch that suits it best."""
    extractor, whole = make(options)
    runs = {"detect": (detector_alone(extractor.detector), (1,)), "pose": (pose_alone(extractor.pose), CROPS)}
    if whole is not None:
        classifiers = [member.classifier for member in whole.recognizer.members]
        seen = {
            number: [one.reads(noise(number, *shape)) for one, shape in zip(classifiers, shapes, strict=True)]
            for number in VIEWS
        }

        def classify(number: int) -> object:
            return [one.classify([views]) for one, views in zip(classifiers, seen[number], strict=True)]

        runs["classify"] = (classify, VIEWS)
    return {name: min(per_item(run, batch) for batch in batches) for name, (run, batches) in runs.items()}


def per_item(run: Callable[[int], object], batch: int) -> float:
    """Median seconds per image, crop or view."""
    run(batch)
    taken: list[float] = []
    while len(taken) < RUNS or (len(taken) < MOST_RUNS and sum(taken) < SECONDS):
        start = time.perf_counter()
        run(batch)
        taken.append(time.perf_counter() - start)
    return median(taken) / batch


if __name__ == "__main__":
    made = parser()
    made.add_argument("--shapes", type=json.loads, default=[])
    chosen = made.parse_args(["none", *sys.argv[1:]])
    print(json.dumps(each_alone(chosen, chosen.shapes)))
