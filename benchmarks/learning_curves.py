"""How many clips a new action needs: accuracy of `posec3d train` by clips per label, in several ways.

    python benchmarks/learning_curves.py DATA... [--label NAME]... [--group-by REGEX|COLUMN] [--clips 1 3 5 10 20 40]
        [--seeds N] [--ways frozen tuned objects scratch] [--pretrained MODEL] [--epochs N] [--out FILE.csv]

DATA is what `posec3d train` takes; pose files save the time of estimating poses. Of each label so many clips are drawn,
by whole source videos, and the others are the test clips; a number of clips that leaves a label without test clips is
left out. The ways: `frozen` fits a new head on the frozen backbone of the pretrained model, `tuned` goes on with
fine-tuning, with an early end on its own validation share (`posec3d train --objects none`), `objects` is the same with
what objects mean, where the validation share says that it helps (the default of `posec3d train`; of clips without
objects it is `tuned`), and `scratch` is `--pretrained none --objects none`. All ways of a seed share their clips. The
table has the mean top-1 on the test clips over the seeds, its 95 % interval by Student's t, and the processor time.
`--out` appends a line per training as it ends, and a training that has one is not repeated, so that a run that was cut
off goes on.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import process_time

import numpy as np
from scipy.stats import t

from posec3d_cli import ActionRecognizer, LabeledClip, PipelineConfig, PoseExtractor, load_dataset
from posec3d_cli.datasets.checks import check_dataset
from posec3d_cli.evaluation.evaluate import evaluate
from posec3d_cli.hub.catalog import load_card
from posec3d_cli.hub.resolve import resolve
from posec3d_cli.training.config import AUTO, NONE, TrainingConfig
from posec3d_cli.training.finetune import load_pretrained, set_head
from posec3d_cli.training.head import feature_samples, features_of, fit_head
from posec3d_cli.training.loop import EVERY, validate
from posec3d_cli.training.settings import Training
from posec3d_cli.training.setup import build, make_training
from posec3d_cli.training.train import train

WAYS = ("frozen", "tuned", "objects", "scratch")
VAL_SHARE = 0.1  # as `posec3d train` has it by default
COLUMNS = ("way", "clips", "seed", "top1", "test_clips", "seconds")


def drawn(clips: Sequence[LabeledClip], count: int, seed: int) -> tuple[list[LabeledClip], list[LabeledClip]] | None:
    """`count` clips of each label, by whole groups, and the clips of all other groups; None if a label has too few."""
    generator = np.random.default_rng(seed)
    chosen: list[LabeledClip] = []
    taken: set[str] = set()
    for label in sorted({clip.label for clip in clips}):
        groups: dict[str, list[LabeledClip]] = defaultdict(list)
        for clip in clips:
            if clip.label == label:
                groups[clip.group].append(clip)
        left = count
        for name in generator.permutation(sorted(groups)).tolist():
            if left:
                some = groups[name][:left]
                chosen += some
                left -= len(some)
                taken.add(name)
        if left:
            return None
    test = [clip for clip in clips if clip.group not in taken]
    return (chosen, test) if {clip.label for clip in test} == {clip.label for clip in chosen} else None


def frozen(training: Training, clips: Sequence[LabeledClip], test: Sequence[LabeledClip]) -> float:
    """Top-1 of a head on the frozen backbone."""
    assert training.pretrained is not None
    labels = sorted({clip.label for clip in clips})
    network = build(training, len(labels), training.config.seed)
    training.pretrained.load_into(network, 0, labels)
    features = features_of(network, feature_samples(clips, labels, training.config))
    set_head(network, fit_head(features, smoothing=training.config.label_smoothing))
    return validate(network, test, labels, training.config).accuracy[EVERY]


def trained(training: Training, clips: Sequence[LabeledClip], test: Sequence[LabeledClip]) -> float:
    """Top-1 of the model that a training writes."""
    with tempfile.TemporaryDirectory() as folder:
        train(training, clips, Path(folder) / "model")
        config = PipelineConfig(classifiers=(Path(folder) / "model",), device="cpu", precision="fp32")
        return evaluate(ActionRecognizer.from_config(config), test).top1


def measured(way: str, pretrained: str, clips: int, seed: int, epochs: int | None) -> Training:
    """The training of one way."""
    config = TrainingConfig(seed=seed, objects=AUTO if way == "objects" else NONE)
    start = None if way == "scratch" else load_pretrained(load_card(pretrained, "classifier"), config)
    return make_training(config, start, networks=1, clips=clips, epochs=epochs, held_out=VAL_SHARE)


def known(file: Path | None) -> dict[tuple[str, int, int], list[str]]:
    """The trainings that a file has, by way, clips and seed."""
    if file is None or not file.exists():
        return {}
    with file.open(encoding="utf-8", newline="") as rows:
        return {(row[0], int(row[1]), int(row[2])): row for row in list(csv.reader(rows))[1:]}


def keep(file: Path | None, row: Sequence[object]) -> None:
    """Append a training to a file."""
    if file is None:
        return
    new = not file.exists()
    with file.open("a", encoding="utf-8", newline="") as rows:
        csv.writer(rows).writerows([*([COLUMNS] if new else []), row])


def interval(values: Sequence[float]) -> str:
    """The 95 % interval of a mean; nothing for a single value."""
    if len(values) < 2:
        return ""
    reach = float(t.ppf(0.975, len(values) - 1)) * np.std(values, ddof=1) / np.sqrt(len(values))
    return f"{max(0, np.mean(values) - reach):.1%} to {min(1, np.mean(values) + reach):.1%}"


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--label", action="append", default=[])
    parser.add_argument("--group-by")
    parser.add_argument("--clips", type=int, nargs="+", default=[1, 3, 5, 10, 20, 40])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--pretrained", default=resolve(PipelineConfig()).classifiers[0].name)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    dataset = load_dataset(given.data, group_by=given.group_by)
    if given.label:
        dataset = dataset.of(given.label)
    extractor = PoseExtractor.from_config(PipelineConfig()) if dataset.videos else None
    clips = [replace(clip, part="") for clip in check_dataset(*dataset.with_poses(extractor)).clips]
    before = known(given.out)
    print("| clips per label | way | top-1, mean | 95 % interval | trainings | test clips | processor s |")
    print("|---:|---|---:|---|---:|---:|---:|")
    for count in given.clips:
        draws = {seed: both for seed in range(given.seeds) if (both := drawn(clips, count, seed)) is not None}
        if not draws:
            print(f"| {count} | none: a label has too few clips | | | | | |", flush=True)
            continue
        for way in given.ways:
            results = []
            for seed, (own, test) in draws.items():
                row = before.get((way, count, seed))
                if row is None:
                    start = process_time()
                    training = measured(way, given.pretrained, len(own), seed, given.epochs)
                    top1 = (frozen if way == "frozen" else trained)(training, own, test)
                    row = list(map(str, (way, count, seed, f"{top1:.4f}", len(test), f"{process_time() - start:.1f}")))
                    keep(given.out, row)
                results.append([float(cell) for cell in row[3:]])
            top1s, tests, seconds = zip(*results, strict=True)
            print(
                f"| {count} | {way} | {np.mean(top1s):.1%} | {interval(top1s)} | {len(top1s)} | {np.mean(tests):.0f} "
                f"| {np.mean(seconds):.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
