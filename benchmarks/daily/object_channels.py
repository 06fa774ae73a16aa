"""Which way of reading objects pays: none, the linear reading, channels of the volume, or both.

    python benchmarks/daily/object_channels.py SETS OUT [--seeds N] [--epochs N] [--clips N]

For each seed, C3D-light is trained from scratch on the clips of `jhmdb.csv` and `web.csv` in SETS (see sets.py), from
pose files which hold objects, with volumes of the joints alone and with channels of objects besides; the half `a` of
the validation clips chooses the epoch, and whether a linear reading of objects is kept, and how much it counts. The
models stay in OUT, and those that are there are not trained again. Prints, for the half `b` of each source, which chose
nothing: the mean top-1 over the seeds of each way, and how it differs from the joints alone, with an interval of 95 %
from a bootstrap over source videos. The last rows are the ways with all objects taken away from the clips: never worse
without. `--clips N` takes every N-th training clip, to try the program.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from objects import apart_from, with_strength
from ship import clips_of, recognizer_of

from posec3d_cli import ActionRecognizer, LabeledClip
from posec3d_cli.datasets.clips import TRAINING, VALIDATION
from posec3d_cli.evaluation.evaluate import predict_clips
from posec3d_cli.training.config import AUTO, DRAWN, TrainingConfig
from posec3d_cli.training.objects import choose_objects
from posec3d_cli.training.setup import make_training
from posec3d_cli.training.train import train

WAYS = ("joints", "joints and reading", "channels", "channels and reading")
SOURCES = {"J-HMDB": ("jhmdb_a", "jhmdb_b"), "web": ("web_known_a", "web_known_b")}
RESAMPLES = 2000


def trained(folder: Path, objects: str, clips: Sequence[LabeledClip], seed: int, epochs: int | None) -> Path:
    """The folder of a model, which is trained unless it is complete."""
    done = folder / "done"
    if not done.exists():
        training = make_training(TrainingConfig(seed=seed), objects=objects, epochs=epochs, clips=len(clips))
        train(training, clips, folder, resume=(folder / "checkpoint.pt").exists())
        done.touch()
    return folder


def ways_of(out: Path, clips: Sequence[LabeledClip], seed: int, epochs: int | None) -> dict[str, ActionRecognizer]:
    """A recognizer of each way, of one seed."""
    learned = [clip for clip in clips if clip.part == TRAINING]
    chosen = [clip for clip in clips if clip.part == VALIDATION]
    found: dict[str, ActionRecognizer] = {}
    for name, objects in {"joints": AUTO, "channels": DRAWN}.items():
        folder = trained(out / f"{name}-{seed}", objects, clips, seed, epochs)
        recognizer = recognizer_of([folder])
        [member] = recognizer.members
        if objects == AUTO:
            reading = member.objects
        else:
            reading, _ = choose_objects(folder, learned, chosen, device="cpu", precision="fp32")
        alone = ActionRecognizer([replace(member, objects=None)], used=recognizer.used, sampling=recognizer.sampling)
        found[name] = alone
        found[f"{name} and reading"] = alone if reading is None else with_strength(alone, reading, 1.0)
    return found


def correct(recognizer: ActionRecognizer, clips: Sequence[LabeledClip]) -> list[bool]:
    """Whether each clip is answered rightly."""
    return [one.correct for one in predict_clips(recognizer, clips)]


def difference(one: np.ndarray, other: np.ndarray, groups: Sequence[str]) -> tuple[float, float, float]:
    """The mean of `(seeds, N)` answers less that of others, with its interval, by a bootstrap over groups of clips."""
    each = (one - other).mean(axis=0)
    names, place = np.unique(groups, return_inverse=True)
    sums = np.bincount(place, weights=each, minlength=len(names))
    sizes = np.bincount(place, minlength=len(names))
    drawn = np.random.default_rng(0).integers(len(names), size=(RESAMPLES, len(names)))
    low, high = np.quantile(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1), [0.025, 0.975])
    return float(each.mean()), float(low), float(high)


def rows(answers: Mapping[str, np.ndarray], groups: Sequence[str]) -> list[list[str]]:
    """A row for each way: its name, its top-1, and its difference from the joints alone in points."""
    told = []
    for way, right in answers.items():
        mean, low, high = (100 * value for value in difference(right, answers["joints"], groups))
        apart = "" if way == "joints" else f"{mean:+.1f} ({low:+.1f} to {high:+.1f})"
        told.append(
            [way, f"{right.mean():.1%}", f"{right.mean(axis=1).min():.1%} to {right.mean(axis=1).max():.1%}", apart]
        )
    return told


def main() -> None:
    """Train what is missing, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", type=Path, metavar="SETS")
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--seeds", type=int, default=3, metavar="N")
    parser.add_argument("--epochs", type=int, metavar="N")
    parser.add_argument("--clips", type=int, default=1, metavar="N", help="Take every N-th training clip.")
    given = parser.parse_args()
    halves = {
        half: clips_of([given.sets / f"{parts[number]}.csv" for parts in SOURCES.values()])
        for number, half in enumerate("ab")
    }
    learned = apart_from(clips_of([given.sets / "jhmdb.csv", given.sets / "web.csv"]), halves["a"] + halves["b"])
    learned = learned[:: given.clips]
    labels = {clip.label for clip in learned}
    clips = [replace(clip, part=TRAINING) for clip in learned]
    clips += [replace(clip, part=VALIDATION) for clip in halves["a"] if clip.label in labels]
    recognizers = [ways_of(given.out, clips, seed, given.epochs) for seed in range(given.seeds)]
    for source, (_, part) in SOURCES.items():
        tested = [clip for clip in clips_of([given.sets / f"{part}.csv"]) if clip.label in labels]
        bare = [replace(clip, objects=()) for clip in tested]
        answers = {way: np.array([correct(one[way], tested) for one in recognizers], float) for way in WAYS}
        answers["channels, objects removed"] = np.array([correct(one["channels"], bare) for one in recognizers], float)
        print(f"\n{source}, {len(tested)} clips, {given.seeds} seeds\n")
        print("| way | top-1 | over the seeds | against the joints, points |\n|---|---:|---|---:|")
        for row in rows(answers, [clip.group for clip in tested]):
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
