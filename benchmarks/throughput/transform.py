"""Our volume builder beside the published transforms, PoseDecode to GeneratePoseTarget, on the same people and frames.

    python benchmarks/throughput/transform.py [REPEATS]

It runs in the environment of `make parity`. The sample is that of `benchmarks/heatmaps.py`: 300 frames of two people.
Processor time, the shortest of the repeats, taken in turns. The two volumes have to agree within 1e-3, else it fails.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).parent.parent))

from heatmaps import fastest, walkers
from published import load, ready

from posec3d_cli.sampling.indices import uniform_test_indices
from posec3d_cli.skeletons import POSEC3D_LIMBS
from posec3d_cli.stages.builders.heatmap import HeatmapBuilder
from posec3d_cli.transforms.heatmaps import HeatmapSpec
from posec3d_cli.types import Floats, Ints, PoseSequence

TOLERANCE = 1e-3
SIZE = (64, 64)
SIDES = {"left": tuple(range(1, 17, 2)), "right": tuple(range(2, 17, 2))}


def published_steps(channels: str, spec: HeatmapSpec, *, flip: bool) -> list[Any]:
    """The part of the published test pipeline that makes a volume of poses."""
    mirrored = [(number, other) for number, other in enumerate(spec.mirror) if number < other]
    limbs = mirrored if channels == "limbs" else []
    target = {
        "sigma": spec.sigma,
        "with_kp": channels == "joints",
        "with_limb": channels == "limbs",
        "double": flip,
        "left_kp": SIDES["left"],
        "right_kp": SIDES["right"],
        "skeletons": POSEC3D_LIMBS,
        "left_limb": [one for one, _ in limbs],
        "right_limb": [other for _, other in limbs],
    }
    transforms = load("mmaction.registry").TRANSFORMS
    steps = [
        {"type": "PoseDecode"},
        {"type": "PoseCompact", "hw_ratio": 1.0, "allow_imgpad": True},
        {"type": "Resize", "scale": SIZE, "keep_ratio": False},
        {"type": "GeneratePoseTarget", **target},
        {"type": "FormatShape", "input_format": "NCTHW_Heatmap"},
    ]
    return [transforms.build(step) for step in steps]


def published(steps: list[Any], sequence: PoseSequence, clips: Ints) -> Floats:
    """The volume that the published steps make."""
    results: dict[str, Any] = {
        "keypoint": sequence.keypoints,
        "keypoint_score": sequence.scores,
        "img_shape": sequence.frame_size,
        "frame_inds": clips.reshape(-1),
        "num_clips": len(clips),
        "clip_len": clips.shape[1],
    }
    for step in steps:
        results = step(results)
    return np.asarray(results["imgs"])


def main() -> None:
    """Compare and print."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    ready()
    load("mmaction.datasets.transforms")
    sequence = walkers(300)
    print("| case | published ms | ours ms | ratio |\n|---|---:|---:|---:|")
    for channels in ("joints", "limbs"):
        spec = HeatmapSpec(SIZE, channels=channels, score_threshold=1e-4)
        builder = HeatmapBuilder(spec)
        for views, flip in ((10, True), (1, False)):
            clips = uniform_test_indices(300, num_clips=views)
            steps = published_steps(channels, spec, flip=flip)

            def ours(b: HeatmapBuilder = builder, c: Ints = clips, f: bool = flip) -> Floats:
                return b.build(sequence, c, flip=f).values

            def theirs(s: list[Any] = steps, c: Ints = clips) -> Floats:
                return published(s, sequence, c)

            difference = float(np.abs(ours() - theirs().reshape(ours().shape)).max())
            slow, fast = fastest([theirs, ours], repeats)
            case = f"{channels}, {views} view{'s' * (views > 1)}{', mirrored too' * flip}"
            print(f"| {case} | {slow * 1e3:.1f} | {fast * 1e3:.1f} | {slow / fast:.1f} |")
            if difference > TOLERANCE:
                raise SystemExit(f"the two volumes differ by {difference:.1e}")


if __name__ == "__main__":
    main()
