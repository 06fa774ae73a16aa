"""The paper's claims about accuracy, measured on J-HMDB and Penn Action by cross-validation.

    python benchmarks/claims/poses.py JHMDB OUT/jhmdb          # once; see there for two processes
    python benchmarks/claims/accuracy.py OUT [--penn PENN.pkl] [--part 0/2]

Every variant is trained from scratch three times, each time on two thirds of the source videos, and tested on the last
third, so that every clip is tested once by a network that never saw its source. What is compared is tested on the same
clips: the interval of a difference is that of a bootstrap over source videos. Results are kept in OUT/results; what is
there is not computed again, and the tables are printed from there. `--part 1/2` trains every second network only.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from clips import FOLDS, Clip, Shuffled, Variant, draw_test, draw_training, fold_of, read_clips, views_of
from tables import print_tables

from posec3d_cli.nets import build_network
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.training.config import BODY, TrainingConfig, heatmap_spec, joint_spec
from posec3d_cli.training.loop import fit

VOLUME = TrainingConfig(spec=heatmap_spec(size=20), sampling=ClipSampling(frames=8), epochs=10, batch_size=16)
GRAPH = replace(VOLUME, architecture="stgcn++", spec=joint_spec())
OPTIONS = {"c3d-light": {"base_channels": 12}, "stgcn++": {}}
DROPS = (0.0, 1 / 8, 1 / 4, 1 / 2, 1.0)
DRAWS = 3  # random drops of every clip, averaged
SAMPLES = 2  # of every clip in an epoch

VARIANTS = {
    "joints": Variant("thunder", VOLUME),
    "limbs": Variant("thunder", replace(VOLUME, spec=heatmap_spec("limb", 20))),
    "stride 2": Variant("thunder", VOLUME, sampling=2),
    "stride 4": Variant("thunder", VOLUME, sampling=4),
    "whole frame": Variant("thunder", VOLUME, centred=False),
    "graph": Variant("thunder", GRAPH),
    "graph, bones": Variant("thunder", replace(GRAPH, spec=joint_spec("limb"))),
    "graph, drops in training": Variant("thunder", GRAPH, drop=0.5),
    "joints of Lightning": Variant("lightning", VOLUME),
    "graph of Lightning": Variant("lightning", GRAPH),
    "Penn, uniform": Variant("penn", VOLUME),
    "Penn, stride 2": Variant("penn", VOLUME, sampling=2),
    "Penn, stride 4": Variant("penn", VOLUME, sampling=4),
}
DRAWN = ("coordinates", "heatmaps")  # the variants of (d), trained on volumes that were drawn before


class Data:
    """Everything that is read from the disk, once."""

    def __init__(self, out: Path, penn: Path | None) -> None:
        self.out, self.penn = out, penn

    @cache  # noqa: B019 - there is one, and it lives as long as the program
    def clips(self, poses: str) -> list[Clip]:
        """The clips with these poses."""
        if poses == "penn":
            assert self.penn is not None
            return read_clips(self.penn)
        return read_clips(self.out / "jhmdb" / poses)

    @cache  # noqa: B019
    def folds(self, poses: str) -> np.ndarray:
        """`(N,)` the fold that tests each clip."""
        return fold_of(self.clips(poses))

    def volumes(self, kind: str) -> list[np.ndarray]:
        """`(V, K, T, H, W)` per clip, every second frame of the 16."""
        found = []
        for clip in self.clips("thunder"):
            file = self.out / "jhmdb" / "volumes" / f"{clip.name}.npz"
            if file.exists():
                with np.load(file) as arrays:
                    found.append(arrays[kind][:, :, ::2])
            else:
                found.append(np.zeros((3, 13, 8, 28, 28), np.float16))
        return found


def network_of(config: TrainingConfig, classes: int, seed: int) -> torch.nn.Module:
    """A fresh network."""
    options = dict(OPTIONS[config.architecture])
    if config.architecture == "c3d-light":
        options["in_channels"] = config.in_channels
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_network(config.architecture, classes, options)


def answers(network: torch.nn.Module, inputs: Sequence[np.ndarray]) -> np.ndarray:
    """`(N, C)` probabilities."""
    network.eval()
    rows = []
    with torch.inference_mode():
        for start in range(0, len(inputs), 32):
            batch = torch.from_numpy(np.stack(inputs[start : start + 32]))
            rows.append(network(batch).softmax(1).numpy())
    return np.concatenate(rows)


def run(name: str, fold: int, data: Data) -> dict[str, np.ndarray]:
    """Train one variant without one fold, and test it on this: `(n, C)` probabilities by what was tested."""
    variant = VARIANTS[name]
    clips, folds = data.clips(variant.poses), data.folds(variant.poses)
    classes = sorted({clip.label for clip in clips})
    learned = [clip for clip, own in zip(clips, folds, strict=True) if own != fold and clip.scores.any()]
    tested = np.flatnonzero(folds == fold)
    config = replace(variant.config, seed=fold)
    labels = [clip.label for clip in learned]
    network = fit(
        network_of(config, len(classes), fold),
        lambda epoch: Shuffled(
            learned, labels, classes, fold, epoch, SAMPLES * len(learned),
            lambda clip, generator: draw_training(clip, variant, generator),
        ),
        config,
    )  # fmt: skip

    def test(views: int, drop: float = 0.0, poses: str | None = None) -> np.ndarray:
        seen = data.clips(poses or variant.poses)
        if drop:
            places = [(0.0, seed) for seed in range(DRAWS)]
        else:
            places = [(view, 0) for view in views_of(variant.sampling, views)]
        return np.mean(
            [
                answers(network, [draw_test(seen[n], variant, view, drop, seed) for n in tested])
                for view, seed in places
            ],
            axis=0,
        )

    found = {"1 view": test(1), "10 views": test(10)}
    if variant.poses == "thunder" and variant.centred and variant.sampling == "uniform":
        found |= {f"drop {drop:g}": test(1, drop) for drop in DROPS[1:]}
    if variant.poses in ("thunder", "lightning"):
        found["other poses"] = test(1, poses="lightning" if variant.poses == "thunder" else "thunder")
    return found


def run_drawn(kind: str, fold: int, data: Data) -> dict[str, np.ndarray]:
    """The same of volumes that were drawn before, at 28 x 28 pixels, only ever mirrored."""
    clips, folds, volumes = data.clips("thunder"), data.folds("thunder"), data.volumes(kind)
    classes = sorted({clip.label for clip in clips})
    config = replace(VOLUME, spec=heatmap_spec(size=28), seed=fold)
    mirror = [BODY.index(_other(joint)) for joint in BODY]
    kept = [n for n in range(len(clips)) if folds[n] != fold and clips[n].scores.any()]

    def draw(number: int, generator: np.random.Generator) -> np.ndarray:
        volume = volumes[number][generator.integers(len(volumes[number]))].astype(np.float32)
        shift = generator.integers(-2, 3, 2)
        volume = np.roll(volume, shift, axis=(2, 3))  # the padding around people is empty
        return np.ascontiguousarray(volume[mirror][..., ::-1]) if generator.random() < 0.5 else volume

    network = fit(
        network_of(config, len(classes), fold),
        lambda epoch: Shuffled(
            kept, [clips[n].label for n in kept], classes, fold, epoch, SAMPLES * len(kept), draw
        ),
        config,
    )  # fmt: skip
    tested = np.flatnonzero(folds == fold)
    by_view = [answers(network, [volumes[n][view].astype(np.float32) for n in tested]) for view in range(3)]
    return {"1 view": by_view[0], "3 views": np.mean(by_view, axis=0)}


def _other(joint: str) -> str:
    side, _, part = joint.partition("_")
    return {"left": f"right_{part}", "right": f"left_{part}"}.get(side, joint)


def main() -> None:
    """Train what is missing, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--penn", type=Path, help="the dataset pickle of Penn Action; without it, J-HMDB only")
    parser.add_argument("--part", default="0/1")
    asked = parser.parse_args()
    part, parts = (int(number) for number in asked.part.split("/"))
    data = Data(asked.out, asked.penn)
    results = asked.out / "results"
    results.mkdir(parents=True, exist_ok=True)
    names = [*DRAWN, *(name for name in VARIANTS if asked.penn or VARIANTS[name].poses != "penn")]
    tasks = [(name, fold) for name in names for fold in range(FOLDS)]
    for name, fold in tasks[part::parts]:
        file = results / f"{name}-{fold}.npz"
        if not file.exists():
            found = run(name, fold, data) if name in VARIANTS else run_drawn(name, fold, data)
            np.savez(file.with_suffix(".part.npz"), **found)
            file.with_suffix(".part.npz").rename(file)
            print(f"done: {name}, fold {fold}", flush=True)
    if all((results / f"{name}-{fold}.npz").exists() for name, fold in tasks):
        print_tables(results, data)


if __name__ == "__main__":
    main()
