"""Distil the mean of several trainings into one network (Hinton et al., 2015), from random weights.

    python benchmarks/daily/distill.py SETS DATA/poses/PACK.pkl… -o OUT --teacher RUN [--teacher RUN…] [--like RUN]

RUN is the folder of a training of ST-GCN++ on all labels (see ship.py). OUT becomes one too, with the architecture and
the stream of `--like`, by default of the first teacher. It learns from the clips that the trainings learned from,
augmented likewise, towards their labels and, by `--share`, the mean of the teachers' probabilities. `ship.py SETS
MODEL=OUT` makes a model of it that can be measured.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import tomli_w
import torch
from torch import Tensor
from torch.utils.data import Dataset
from unknown import Watched, check_alike

from posec3d_cli.datasets.clip_lists import read_clip_list, set_validation
from posec3d_cli.datasets.load import load_dataset, read_label_map
from posec3d_cli.datasets.splits import split
from posec3d_cli.files.digests import sha256_of
from posec3d_cli.nets.layers import Recognizer
from posec3d_cli.training.card import write_weights
from posec3d_cli.training.config import JOINT, LIMB, TrainingConfig, joint_spec
from posec3d_cli.training.dataset import TrainingDataset
from posec3d_cli.training.loop import EVERY, EpochMetrics, State, fit, validate
from posec3d_cli.training.setup import build, make_training
from posec3d_cli.transforms.joint_features import PARENTS

TABLES = ("jhmdb.csv", "jhmdb_lightning.csv", "web.csv")
SMOOTHING = TrainingConfig.label_smoothing


def bones(joints: Tensor) -> Tensor:
    """The bones of joints as a network reads them, `(..., 17, 3)`, see `graph_features`."""
    parents = joints[..., list(PARENTS), :]
    lengths = torch.cat([joints[..., :2] - parents[..., :2], (joints[..., 2:] + parents[..., 2:]) / 2], dim=-1)
    return lengths * ((joints[..., 2:] > 0) & (parents[..., 2:] > 0))


class Teacher:
    """One of the networks whose mean is learned."""

    def __init__(self, run: Path) -> None:
        self.watched = Watched(run)
        self.reads_bones = self.watched.card.recipe["graph"]["stream"] == "bone"

    @torch.inference_mode()
    def probabilities(self, joints: Tensor) -> Tensor:
        """`(1, M, T, 17, 3)` joints -> `(O,)`."""
        logits = self.watched.network(bones(joints) if self.reads_bones else joints)[0]
        return torch.softmax(logits / self.watched.temperature, dim=0)


class Distilled(Dataset[tuple[Tensor, Tensor]]):
    """Samples of joints, or their bones, with targets of which a share is the teachers' mean."""

    def __init__(self, samples: TrainingDataset, teachers: Sequence[Teacher], share: float, *, as_bones: bool) -> None:
        self.samples, self.teachers, self.share, self.as_bones = samples, teachers, share, as_bones

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, item: int) -> tuple[Tensor, Tensor]:
        joints, target = self.samples[item]
        assert isinstance(joints, Tensor)
        if target.max() == 1:  # else nobody moves: every action alike
            taught = torch.stack([teacher.probabilities(joints[None]) for teacher in self.teachers]).mean(dim=0).clone()
            smooth = (1 - SMOOTHING) * target + SMOOTHING / len(target)
            target = (1 - self.share) * smooth + self.share * taught
        return bones(joints) if self.as_bones else joints, target


def main() -> None:
    """Train, and write the epoch that answers the validation clips best."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", type=Path, metavar="SETS")
    parser.add_argument("packs", nargs="+", type=Path, metavar="PACK")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT")
    parser.add_argument("--teacher", action="append", required=True, type=Path, metavar="RUN")
    parser.add_argument("--like", type=Path, metavar="RUN")
    parser.add_argument("--share", type=float, default=0.7)
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    like = given.like or given.teacher[0]
    card = tomllib.loads((like / "model.toml").read_text(encoding="utf-8"))
    labels = (like / "labels.txt").read_text(encoding="utf-8").splitlines()
    as_bones = card["recipe"]["graph"]["stream"] == "bone"
    if given.output.exists():
        raise SystemExit(f"{given.output} exists already: name another folder")
    teachers = [Teacher(run) for run in given.teacher]
    check_alike([Watched(like), *(teacher.watched for teacher in teachers)])
    dataset = load_dataset(
        [*(given.sets / name for name in TABLES), *given.packs], read_label_map(Path(__file__).with_name("labels.csv"))
    )
    clips = set_validation(dataset, read_clip_list(given.sets / "validation.txt")).with_poses()[0]
    learned, validated = split(clips, 0.0, given.seed)
    training = make_training(
        TrainingConfig(seed=given.seed),
        architecture=card["recipe"]["architecture"],
        stream=LIMB if as_bones else JOINT,
        width=card["recipe"]["network"]["base_channels"],
        frames=card["recipe"]["clip"]["frames"],
        epochs=given.epochs,
    )
    config = replace(training.config, label_smoothing=0.0)
    of_joints = replace(config, spec=joint_spec())
    given.output.mkdir(parents=True)
    shutil.copy(like / "labels.txt", given.output)
    history: list[dict[str, float]] = []

    def keep(progress: EpochMetrics, averaged: Recognizer, state: State) -> None:
        right = progress.accuracy[EVERY]
        print(f"epoch {progress.epoch}: loss {progress.loss:.3f}, {right:.1%} right", flush=True)
        if all(right > before["accuracy"] for before in history):
            write_weights(given.output, 0, averaged)
        history.append({"epoch": progress.epoch, "loss": progress.loss, "accuracy": right})

    fit(
        build(training, len(labels), config.seed),
        lambda epoch: Distilled(
            TrainingDataset(learned, labels, of_joints, epoch), teachers, given.share, as_bones=as_bones
        ),
        config,
        score=lambda averaged: validate(averaged, validated, labels, config),
        precision="bf16",
        report=keep,
    )
    weights = given.output / card["files"][0]["sources"][0].removeprefix("file:")
    card["files"] = [{**card["files"][0], "sha256": sha256_of(weights), "size": weights.stat().st_size}]
    (given.output / "model.toml").write_text(tomli_w.dumps(card), encoding="utf-8")
    record = json.loads((like / "training.json").read_text(encoding="utf-8"))
    record |= {"command": shlex.join(["python", *sys.argv]), "history": history}
    (given.output / "training.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
