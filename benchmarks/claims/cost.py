"""What one more person costs: PoseC3D, which draws everybody into one volume, against ST-GCN++, which reads each.

    python benchmarks/claims/cost.py [--repeats 15] [--card]

The setting of the paper's group actions: 12 frames, a volume of 56 x 56 pixels, a SlowOnly network with 16 channels in
its first stage, 8 actions; 1 to 13 people. With `--card`, the same of 13 joints and 28 x 28 pixels, as
`posec3d train --arch slowonly --people together --frames 12 --width 16` makes it. Multiply-adds are counted by torch,
times are medians of processor time on one thread, of the network and of making its input out of keypoints.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from posec3d_cli.nets import build_network
from posec3d_cli.training.config import BODY
from posec3d_cli.transforms.gaussians import draw_joints
from posec3d_cli.transforms.joint_features import graph_features

FRAMES, SIZE, JOINTS, CLASSES = 12, 56, 17, 8
PEOPLE = (1, 2, 4, 7, 10, 13)


def network(architecture: str, **options: int) -> torch.nn.Module:
    """A fresh network for inference."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build_network(architecture, CLASSES, options).eval()


def multiply_adds(net: torch.nn.Module, x: torch.Tensor) -> int:
    """Of one input."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        net(x)
    return counter.get_total_flops() // 2


def milliseconds(work: Callable[[], object], repeats: int) -> float:
    """The median."""
    work()
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return 1000 * statistics.median(seconds)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--card", action="store_true")
    given = parser.parse_args()
    repeats, (size, joints) = given.repeats, (28, len(BODY)) if given.card else (SIZE, JOINTS)
    torch.set_num_threads(1)
    volumes, graphs = network("slowonly", base_channels=16, in_channels=joints), network("stgcn++")
    for name, net in (("PoseC3D", volumes), ("ST-GCN++", graphs)):
        print(f"{name}: {sum(value.numel() for value in net.parameters()) / 1e6:.2f} M parameters")
    print("\n| people | PoseC3D GMAC | ms | drawing ms | ST-GCN++ GMAC | ms | preparing ms |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    generator = np.random.default_rng(0)
    for people in PEOPLE:
        keypoints = generator.uniform(0, size, (people, FRAMES, JOINTS, 2)).astype(np.float32)
        scores = generator.uniform(0.3, 1, (people, FRAMES, JOINTS)).astype(np.float32)

        def draw(places: np.ndarray = keypoints, values: np.ndarray = scores) -> np.ndarray:
            drawn, sure = (array[:, :, :joints].swapaxes(0, 1) for array in (places, values))
            return draw_joints(drawn, sure, size=(size, size))

        def prepare(places: np.ndarray = keypoints, values: np.ndarray = scores) -> np.ndarray:
            return graph_features(places, values, stream="joint")

        volume = torch.from_numpy(draw().swapaxes(0, 1).copy())[None].contiguous(memory_format=torch.channels_last_3d)
        graph = torch.from_numpy(prepare())[None]
        cells = []
        for net, x, make in ((volumes, volume, draw), (graphs, graph, prepare)):
            with torch.inference_mode():
                spent = milliseconds(lambda net=net, x=x: net(x), repeats)
            cells += [f"{multiply_adds(net, x) / 1e9:.2f}", f"{spent:.1f}", f"{milliseconds(make, repeats):.2f}"]
        print(f"| {people} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
