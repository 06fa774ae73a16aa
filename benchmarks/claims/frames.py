"""The paper's claims about frames beside poses: each half, late fusion, lateral connections, one loss or two.

    posec3d extract-poses JHMDB -o POSES --pose movenet-thunder --detect-every 2
    python benchmarks/claims/frames.py JHMDB OUT --poses POSES [--seeds 3] [--passes 16] [--actions 7] [--clips N]

JHMDB is a folder with one sub-folder of videos per action. For each seed, two thirds of the source videos train every
variant and the last third tests it, the same for all. Networks are narrow (RGB 4 x 64 x 64 with 16 channels, poses
16 x 16 x 16 with 8) and begin at random weights: what Kinetics pretraining would add cannot be seen here. Both halves
are trained first, by so many passes over the clips; the networks of both begin as the trained halves and have half as
many passes more. All are tested once, at the end. Frames are decoded once, for all variants and seeds. Models are kept
in OUT; what is there is not trained again.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from posec3d_cli.config import PipelineConfig
from posec3d_cli.datasets.clips import LabeledClip, LabeledVideo
from posec3d_cli.datasets.load import load_dataset
from posec3d_cli.datasets.splits import split
from posec3d_cli.evaluation.evaluate import evaluate
from posec3d_cli.extraction.crops import VideoFrames
from posec3d_cli.extraction.extractor import PoseExtractor
from posec3d_cli.hub.catalog import load_card
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.training.config import TrainingConfig
from posec3d_cli.training.finetune import load_pretrained
from posec3d_cli.training.frames import keep_frames
from posec3d_cli.training.loop import EVERY
from posec3d_cli.training.settings import Training
from posec3d_cli.training.setup import make_training
from posec3d_cli.training.train import train

SHARE = 1 / 3
WHOLES = {
    "early and late, pose to RGB": {"lateral": "pose-to-rgb"},
    "early and late, RGB to pose": {"lateral": "rgb-to-pose"},
    "early and late, both": {"lateral": "both"},
    "early and late, both, one loss": {"lateral": "both", "joint_loss": True},
}


def loaded(videos: Path, poses: Path | None, actions: int, most: int, cache: Path) -> list[LabeledClip]:
    """The clips with their poses, which are estimated where there is no folder of them.

    At most `most` clips of each of so many actions, evenly spaced in the alphabet; 0: all.
    """
    dataset = load_dataset([videos])
    labels = sorted(dataset.labels)
    dataset = dataset.of([labels[place * len(labels) // actions] for place in range(actions)] if actions else labels)
    by_label: Counter[str] = Counter()
    few = []
    for clip in dataset.clips:
        by_label[clip.label] += 1
        few += [clip] if not most or by_label[clip.label] <= most else []
    if poses is None:
        config = PipelineConfig(device="cpu", offline=True, cache_dir=cache)
        clips, unreadable = replace(dataset, clips=tuple(few)).with_poses(PoseExtractor.from_config(config))
    else:
        frames = {_place(clip.name): VideoFrames(clip.path) for clip in few if isinstance(clip, LabeledVideo)}
        found, unreadable = load_dataset([poses]).with_poses()
        clips = [replace(clip, frames=frames[_place(clip.name)]) for clip in found if _place(clip.name) in frames]
    print(f"{len(clips)} clips of {len(few)}, {len(unreadable)} unreadable", flush=True)
    return clips


def _place(name: str) -> str:
    """The place of a clip below its source, without the suffix."""
    return name.partition("/")[2].rpartition(".")[0]


def trained(folder: Path, training: Training, clips: list[LabeledClip]) -> Path:
    """The folder of a model, which is trained unless it is there; its file `top1` holds its accuracy when tested."""
    if not (folder / "top1").exists():
        start = time.perf_counter()
        measured = train(training, clips, folder, overwrite=True, precision="bf16")
        (folder / "top1").write_text(str(measured[EVERY]["top1"]))
        print(f"{folder}: {measured[EVERY]['top1']:.3f}, {time.perf_counter() - start:.0f} s", flush=True)
    return folder


def top1(models: tuple[Path, ...], clips: list[LabeledClip]) -> float:
    """The share of clips that the models answer rightly, together."""
    if len(models) == 1:
        return float((models[0] / "top1").read_text())
    config = PipelineConfig(classifiers=tuple(map(str, models)), device="cpu", precision="fp32", offline=True)
    report = evaluate(ActionRecognizer.from_config(config), clips)
    return sum(prediction.correct for prediction in report.predictions) / len(clips)


def of_seed(seed: int, clips: list[LabeledClip], out: Path, passes: int, size: int) -> dict[str, float]:
    """The accuracy of every variant on the test clips of a seed."""
    base = TrainingConfig(seed=seed, epochs=1)

    def training_of(passes: int, **options: object) -> Training:
        training = make_training(base, held_out=SHARE, **options)  # type: ignore[arg-type]
        return replace(training, config=replace(training.config, repeats=passes))

    def made(name: str, training: Training) -> Path:
        return trained(out / f"seed-{seed}" / name.replace(" ", "-").replace(",", ""), training, clips)

    rgb_training = training_of(passes, architecture="rgb-only", size=size)
    clips = keep_frames(rgb_training, clips, out / "frames")
    tested = split(clips, SHARE, seed)[1]
    rgb = made("rgb", rgb_training)
    pose = made("pose", training_of(passes, architecture="slowonly", width=8, frames=16, size=size))
    halves = tuple(load_pretrained(load_card(str(folder), "classifier"), base) for folder in (rgb, pose))
    models = {"RGB alone": (rgb,), "poses alone": (pose,), "late fusion": (rgb, pose)}
    for name, options in WHOLES.items():
        models[name] = (made(name, training_of(passes // 2, architecture="rgbpose", halves=halves, **options)),)
    found = {name: top1(folders, tested) for name, folders in models.items()}
    print(f"seed {seed}, {len(tested)} clips: {found}", flush=True)
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--passes", type=int, default=16, help="over the training clips")
    parser.add_argument("--actions", type=int, default=0, help="so many, evenly spaced in the alphabet; 0: all")
    parser.add_argument("--clips", type=int, default=0, help="of each action; 0: all")
    parser.add_argument("--size", type=int, default=16, help="of the heatmaps; frames are four times as high and wide")
    parser.add_argument("--poses", type=Path, help="pose files of the videos; without them poses are estimated")
    given = parser.parse_args()
    torch.set_num_threads(1)
    clips = loaded(given.videos, given.poses, given.actions, given.clips, given.out / "poses")
    found = [of_seed(seed, clips, given.out, given.passes, given.size) for seed in range(given.seeds)]
    (given.out / "frames.json").write_text(json.dumps(found, indent=1))
    print("| variant | top-1, mean of the seeds | lowest to highest | difference from late fusion |")
    print("|---|---:|---|---|")
    for name in found[0]:
        values = np.array([one[name] for one in found])
        gains = values - np.array([one["late fusion"] for one in found])
        print(
            f"| {name} | {values.mean():.1%} | {values.min():.1%} to {values.max():.1%} "
            f"| {100 * gains.mean():+.1f} ({100 * gains.min():+.1f} to {100 * gains.max():+.1f}) |"
        )


if __name__ == "__main__":
    main()
