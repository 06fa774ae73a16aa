"""How fast HRNet poses people: memory layout and precision, one and sixteen people at once.

    python benchmarks/hrnet.py [--threads N] [--device cuda] [--rounds R]

The network of HRNet-W32 alone at 256 x 192 on random weights, then the whole stage with flip test. Every variant runs
once per round, in turn; the table gives each variant's fastest round and its ratio to the first row.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

from posec3d_cli.nets.checkpoints import fold_batch_norms
from posec3d_cli.nets.hrnet import HRNet
from posec3d_cli.runtime.device import resolve_device
from posec3d_cli.stages.pose_estimators.hrnet import HRNetPose
from posec3d_cli.types import Detections, Frame

Run = Callable[[], object]


def network(device: str, people: int, *, layout: torch.memory_format, folded: bool, dtype: torch.dtype) -> Run:
    made = HRNet(32, 17).eval().requires_grad_(False)
    if folded:
        fold_batch_norms(made)
    made = made.to(device, dtype, memory_format=layout)  # type: ignore[call-overload]
    crops = torch.rand(people, 3, 256, 192, device=device).to(dtype).contiguous(memory_format=layout)

    @torch.inference_mode()
    def run() -> None:
        made(crops).float().cpu()

    return run


def stage(device: str, people: int, precision: str) -> Run:
    settings = HRNetPose.Settings(32, (192, 256), "1.x", "quarter", batch=people, precision=precision)
    pose = HRNetPose(HRNet(32, 17), settings, device=device)
    frame = Frame(np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8), 0, 0.0)
    box = np.array([[200, 40, 400, 440]], np.float32).repeat(people, 0)
    return lambda: pose.estimate([frame], [Detections(box, np.ones(people, np.float32))])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    device = resolve_device(options.device)
    torch.set_num_threads(options.threads)
    plain, last = torch.contiguous_format, torch.channels_last
    print(f"torch {torch.__version__}, {device}, {options.threads} threads")
    for people in (1, 16):
        runs = {
            "fp32, contiguous": network(device, people, layout=plain, folded=False, dtype=torch.float32),
            "fp32, channels-last": network(device, people, layout=last, folded=False, dtype=torch.float32),
            "fp32, channels-last, folded": network(device, people, layout=last, folded=True, dtype=torch.float32),
            "bf16, channels-last, folded": network(device, people, layout=last, folded=True, dtype=torch.bfloat16),
            "the stage with flip test, fp32": stage(device, people, "fp32"),
        }
        seconds = dict.fromkeys(runs, float("inf"))
        for number in range(options.rounds + 1):  # the first round warms up
            for name, run in runs.items():
                start = time.perf_counter()
                run()
                if number:
                    seconds[name] = min(seconds[name], time.perf_counter() - start)
        first = next(iter(seconds.values()))
        print(f"\n{people} at once{'':26}{'ms/person':>10}{'ratio':>8}")
        for name, value in seconds.items():
            print(f"{name:34}{1000 * value / people:10.0f}{value / first:8.2f}")


if __name__ == "__main__":
    main()
