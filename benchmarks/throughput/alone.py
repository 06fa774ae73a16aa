"""The floor: what each network takes alone on ready tensors, in the batch that suits it best.

    python benchmarks/throughput/alone.py --detector CARD --pose CARD [--classifier CARD --shapes JSON]

SHAPES are those of what the classifiers read. Prints as JSON the seconds, and the processor seconds, per image, per
person, and per view of all classifiers together. Of a detector whose post-processing ours takes out of the network,
"published" is the file as it is published, post-processing included.
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

from posec3d_cli.hub.catalog import load_card
from posec3d_cli.hub.weights import fetch
from posec3d_cli.types import Floats

SECONDS, RUNS, MOST_RUNS = 1.5, 3, 30  # a network is run so long and so often
CROPS, VIEWS = (1, 8), (1, 4)  # batches that are tried


def noise(*shape: int) -> Floats:
    """Values between 0 and 1: zeros would let a network be faster, or much slower, than images do."""
    return np.random.default_rng(0).random(shape, np.float32)


def detector_alone(stage: Any) -> Callable[[int], object]:
    """Runs a detector's network on one image."""
    if hasattr(stage, "_interpreter"):
        return interpreter_alone(stage._make(), stage.input_size)
    width, height = stage._image_input.input_size
    seen = {stage._input: noise(1, 3, height, width)}
    return lambda number: stage._session.run(None, seen)


def published_alone(card: str) -> Callable[[int], object] | None:
    """Runs a LiteRT detector's file as it is published; None for other detectors."""
    found = load_card(card, "detector")
    if found.stage != "efficientdet":
        return None
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(fetch(found, offline=True)["model"]), num_threads=1)
    interpreter.allocate_tensors()
    return interpreter_alone(interpreter, int(interpreter.get_input_details()[0]["shape"][1]))


def interpreter_alone(interpreter: Any, size: int) -> Callable[[int], object]:
    """Runs a LiteRT network on one image."""
    image = (255 * noise(1, size, size, 3)).astype(np.uint8)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
    return lambda number: interpreter.invoke()


def pose_alone(stage: Any) -> Callable[[int], object]:
    """Runs a pose model's network on so many crops."""
    if hasattr(stage, "_network"):
        width, height = stage._settings.input_size
        images = {number: (255 * noise(number, height, width, 3)).astype(np.uint8) for number in CROPS}
        return lambda number: stage._run(images[number])
    [image] = stage._session.get_inputs()
    shape = [side if isinstance(side, int) else 1 for side in image.shape[1:]]
    if hasattr(stage, "_image_input"):
        width, height = stage._image_input.input_size
        shape = [3, height, width]
    crops = {number: noise(number, *shape) for number in CROPS}
    return lambda number: stage._session.run(None, {image.name: crops[number]})


def each_alone(options: Any, shapes: Sequence[Sequence[int]]) -> dict[str, list[float]]:
    """Seconds and processor seconds per image, person and view, each network in the batch that suits it best."""
    extractor, whole = make(options)
    runs = {"detect": (detector_alone(extractor.detector), (1,)), "pose": (pose_alone(extractor.pose), CROPS)}
    published = published_alone(options.detector)
    if published is not None:
        runs["published"] = (published, (1,))
    if whole is not None:
        classifiers = [member.classifier for member in whole.recognizer.members]
        seen = {
            number: [one.reads(noise(number, *shape)) for one, shape in zip(classifiers, shapes, strict=True)]
            for number in VIEWS
        }

        def classify(number: int) -> object:
            return [one.classify([views]) for one, views in zip(classifiers, seen[number], strict=True)]

        runs["classify"] = (classify, VIEWS)
    return {
        name: [min(one) for one in zip(*(per_item(run, batch) for batch in batches), strict=True)]
        for name, (run, batches) in runs.items()
    }


def per_item(run: Callable[[int], object], batch: int) -> tuple[float, float]:
    """Median seconds and processor seconds per image, crop or view."""
    run(batch)
    taken: list[float] = []
    worked: list[float] = []
    while len(taken) < RUNS or (len(taken) < MOST_RUNS and sum(taken) < SECONDS):
        start, before = time.perf_counter(), time.process_time()
        run(batch)
        taken.append(time.perf_counter() - start)
        worked.append(time.process_time() - before)
    return median(taken) / batch, median(worked) / batch


if __name__ == "__main__":
    made = parser()
    made.add_argument("--shapes", type=json.loads, default=[])
    chosen = made.parse_args(["none", *sys.argv[1:]])
    print(json.dumps(each_alone(chosen, chosen.shapes)))
