"""The paper's claims about frames beside poses: each half, late fusion, lateral connections, one loss or two.

    python benchmarks/claims/frames.py JHMDB OUT [--seeds 3] [--epochs 24] [--clips N]

JHMDB is a folder with one sub-folder of videos per action. For each seed, two thirds of the source videos train every
variant and the last third tests it, the same for all. The best epoch is chosen on the clips that are tested, for every
variant alike, so that only differences mean something. Networks are narrow (RGB 4 x 112 x 112, 16 channels; poses
16 x 28 x 28, 8 channels) and begin at random weights: what Kinetics pretraining would add cannot be seen here. Models
are kept in OUT; what is there is not trained again.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from posec3d_cli.config import PipelineConfig
from posec3d_cli.datasets.clips import LabeledClip
from posec3d_cli.datasets.load import load_dataset
from posec3d_cli.datasets.splits import split
from posec3d_cli.evaluation.evaluate import evaluate
from posec3d_cli.extraction.extractor import PoseExtractor
from posec3d_cli.hub.catalog import load_card
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.training.config import TrainingConfig
from posec3d_cli.training.finetune import load_pretrained
from posec3d_cli.training.settings import Training
from posec3d_cli.training.setup import make_training
from posec3d_cli.training.setup_frames import REPEATS
from posec3d_cli.training.train import train

SHARE = 1 / 3
WHOLES = {
    "early and late, pose to RGB": {"lateral": "pose-to-rgb"},
    "early and late, RGB to pose": {"lateral": "rgb-to-pose"},
    "early and late, both": {"lateral": "both"},
    "early and late, both, one loss": {"lateral": "both", "joint_loss": True},
}


def trained(folder: Path, training: Training, clips: list[LabeledClip]) -> Path:
    """The folder of a model, which is trained unless it is there."""
    if not (folder / "done").exists():
        print(f"training {folder}", flush=True)
        train(training, clips, folder, overwrite=True)
        (folder / "done").touch()
    return folder


def correct(models: tuple[Path, ...], clips: list[LabeledClip]) -> int:
    """How many clips the models answer rightly, together."""
    config = PipelineConfig(classifiers=tuple(map(str, models)), device="cpu", precision="fp32", offline=True)
    report = evaluate(ActionRecognizer.from_config(config), clips)
    return sum(prediction.correct for prediction in report.predictions)


def of_seed(seed: int, clips: list[LabeledClip], out: Path, epochs: int) -> dict[str, float]:
    """The accuracy of every variant on the test clips of a seed."""
    base = TrainingConfig(seed=seed, epochs=epochs, repeats=REPEATS)
    tested = split(clips, SHARE, seed)[1]

    def made(name: str, **options: object) -> Path:
        training = make_training(base, held_out=SHARE, **options)  # type: ignore[arg-type]
        return trained(out / f"seed-{seed}" / name.replace(" ", "-").replace(",", ""), training, clips)

    rgb = made("rgb", architecture="rgb-only")
    pose = made("pose", architecture="slowonly", width=8, frames=16, size=28)
    halves = tuple(load_pretrained(load_card(str(folder), "classifier"), base) for folder in (rgb, pose))
    models = {"RGB alone": (rgb,), "poses alone": (pose,), "late fusion": (rgb, pose)}
    for name, options in WHOLES.items():
        models[name] = (made(name, architecture="rgbpose", halves=halves, **options),)
    return {name: correct(folders, tested) / len(tested) for name, folders in models.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--clips", type=int, default=0, help="of each action; 0: all")
    given = parser.parse_args()
    dataset = load_dataset([given.videos])
    if given.clips:
        by_label: dict[str, int] = {}
        few = []
        for clip in dataset.clips:
            by_label[clip.label] = by_label.get(clip.label, 0) + 1
            few += [clip] if by_label[clip.label] <= given.clips else []
        dataset = replace(dataset, clips=tuple(few))
    config = PipelineConfig(device="cpu", offline=True, cache_dir=given.out / "poses")
    clips, unreadable = dataset.with_poses(PoseExtractor.from_config(config))
    print(f"{len(clips)} clips, {len(unreadable)} unreadable")
    found = [of_seed(seed, clips, given.out, given.epochs) for seed in range(given.seeds)]
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
