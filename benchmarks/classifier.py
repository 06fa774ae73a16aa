"""How fast PoseC3D classifies: memory layout, folded batch norms, precision, and views per batch.

    python benchmarks/classifier.py [--threads N] [--device cuda] [--rounds R]

Every variant runs once per round, in turn, so that another load on the machine falls on all of them; the table
gives each variant's fastest round and its ratio to the first row. The weights are random.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

from posec3d_cli.nets import build_network
from posec3d_cli.nets.checkpoints import fold_batch_norms
from posec3d_cli.runtime.device import resolve_device, resolve_precision
from posec3d_cli.stages.classifiers.posec3d import PoseC3D
from posec3d_cli.stages.classifiers.torch_networks import TorchNetworks
from posec3d_cli.types import HeatmapVolume

SHAPE = (17, 48, 56, 56)
LABELS = tuple(f"action {number}" for number in range(60))
Run = Callable[[], object]


def plain(device: str, views: int, *, layout: torch.memory_format, folded: bool) -> Run:
    """The network itself in fp32, one view at a time, its batch norms folded in or not."""
    network = build_network("slowonly", len(LABELS), {}).eval().requires_grad_(False)
    if folded:
        fold_batch_norms(network)
    network = network.to(device, memory_format=layout)
    volume = torch.rand(1, *SHAPE, device=device).contiguous(memory_format=layout)

    @torch.inference_mode()
    def run() -> None:
        for _ in range(views):
            network(volume).softmax(1).cpu()

    return run


def stage(architecture: str, device: str, views: int, *, precision: str, batch: int) -> Run:
    """The classifier stage, from a volume in NumPy to probabilities in NumPy."""
    network = build_network(architecture, len(LABELS), {})
    classifier = PoseC3D(TorchNetworks([network], device=device, precision=precision), LABELS, views_per_batch=batch)
    volume = HeatmapVolume(np.random.default_rng(0).random((views, *SHAPE), dtype=np.float32))
    return lambda: classifier.classify([volume])


def fastest(runs: dict[str, Run], rounds: int) -> dict[str, float]:
    """Seconds of each run's fastest round, after one round to warm up where there is more than one."""
    seconds = dict.fromkeys(runs, float("inf"))
    for number in range(rounds + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if number > 0:
                seconds[name] = min(seconds[name], time.perf_counter() - start)
    return seconds


def report(title: str, seconds: dict[str, float], views: int) -> None:
    print(f"\n{title}\n{'':34}{'ms/view':>9}{'ratio':>8}")
    first = next(iter(seconds.values()))
    for name, value in seconds.items():
        print(f"{name:34}{1000 * value / views:9.0f}{value / first:8.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    device = resolve_device(options.device)
    torch.set_num_threads(options.threads)
    print(
        f"torch {torch.__version__}, {device}, {options.threads} threads; 'auto' is {resolve_precision('auto', device)}"
    )

    views = 1
    runs = {
        "fp32 contiguous": plain(device, views, layout=torch.contiguous_format, folded=False),
        "fp32 channels_last_3d": plain(device, views, layout=torch.channels_last_3d, folded=False),
        "fp32 channels_last_3d, folded": plain(device, views, layout=torch.channels_last_3d, folded=True),
        "fp32 stage": stage("slowonly", device, views, precision="fp32", batch=1),
    }
    runs["bf16 stage"] = stage("slowonly", device, views, precision="bf16", batch=1)
    report("SlowOnly, 17 x 48 x 56 x 56", fastest(runs, options.rounds), views)

    views = 4
    runs = {
        f"{batch} views per batch": stage("slowonly", device, views, precision="auto", batch=batch) for batch in (1, 4)
    }
    report("SlowOnly, views per batch", fastest(runs, options.rounds), views)

    runs = {
        f"{name} {precision}": stage(name, device, 1, precision=precision, batch=1)
        for name in ("slowonly", "c3d-light", "x3d-shallow")
        for precision in ("fp32", "bf16")
    }
    report("Architectures", fastest(runs, options.rounds), 1)


if __name__ == "__main__":
    main()
