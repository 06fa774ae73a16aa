"""Our PoseC3D beside mmaction2's, on the same weights and the same volume of 48 x 56 x 56.

    python benchmarks/throughput/network.py MODELS [REPEATS]

It runs in the environment of `make parity`, on the models that `models.py` wrote. Wall time of one view, the median of
the repeats, taken in turns: the published network as its test step runs it, our stage in the precision that it chooses
here, and one matrix product of as many multiply-adds in that precision. The probabilities have to agree
within 1e-3 (bf16: 0.05), else it fails.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import torch
from published import load, make_recognizer, ready
from torch.utils.flop_counter import FlopCounterMode

from posec3d_cli.hub.catalog import load_card
from posec3d_cli.runtime.device import resolve_precision
from posec3d_cli.stages.create import create_stage
from posec3d_cli.stages.pose_estimators.hrnet import DTYPES
from posec3d_cli.types import Floats, HeatmapVolume

SHAPE = (1, 17, 48, 56, 56)
TOLERANCES = {"fp32": 1e-3, "bf16": 0.05}
ROWS = 4096  # of both factors of the matrix product


def published(models: Path, values: Floats) -> tuple[Callable[[], Floats], int]:
    """What gives mmaction2's probabilities, and how many multiply-adds that takes."""
    recognizer = make_recognizer(models / "posec3d" / "weights.pth")
    sample = load("mmaction.structures").ActionDataSample
    inputs = torch.from_numpy(values)

    @torch.inference_mode()
    def run() -> Floats:
        [answer] = recognizer.test_step({"inputs": [inputs], "data_samples": [sample()]})
        return np.asarray(answer.pred_score)

    with FlopCounterMode(display=False) as counter:
        run()
    return run, counter.get_total_flops() // 2


def ours(models: Path, values: Floats, precision: str) -> Callable[[], Floats]:
    """What gives our stage's probabilities."""
    stage = create_stage(load_card(models / "posec3d", "classifier"), precision=precision)
    volume = HeatmapVolume(values)
    return lambda: np.asarray(stage.classify([volume])[0].probabilities)


def product(multiply_adds: int, precision: str) -> Callable[[], object]:
    """A product of two matrices of as many multiply-adds."""
    columns = round(multiply_adds / ROWS**2)
    left, right = (one.to(DTYPES[precision]) for one in (torch.rand(ROWS, columns), torch.rand(columns, ROWS)))
    return lambda: left @ right


def main() -> None:
    """Compare and print."""
    models, repeats = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 7
    ready()
    values = np.random.default_rng(0).random(SHAPE, dtype=np.float32)
    theirs, multiply_adds = published(models, values)
    precision = resolve_precision("auto", "cpu")
    runs: dict[str, Callable[[], object]] = {
        "mmaction2, fp32": theirs,
        f"ours, {precision}": ours(models, values, precision),
        f"one matrix product, {precision}": product(multiply_adds, precision),
    }
    answers: dict[str, Any] = {name: run() for name, run in runs.items()}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            start = perf_counter()
            run()
            seconds[name].append(perf_counter() - start)
    print(f"{multiply_adds / 1e9:.1f} thousand million multiply-adds, {torch.get_num_threads()} threads\n")
    print("| network | ms | times as fast as the first |\n|---|---:|---:|")
    first = median(seconds["mmaction2, fp32"])
    for name, values_ in seconds.items():
        low, middle, high = (1e3 * of(values_) for of in (min, median, max))
        print(f"| {name} | {middle:.0f} ({low:.0f} to {high:.0f}) | {first * 1e3 / middle:.2f} |")
    difference = float(np.abs(answers[f"ours, {precision}"] - answers["mmaction2, fp32"]).max())
    if difference > TOLERANCES[precision]:
        raise SystemExit(f"the probabilities differ by {difference:.1e}")


if __name__ == "__main__":
    main()
