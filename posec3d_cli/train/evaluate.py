"""How often a classifier is right, measured by the same code that predicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from posec3d_cli.action_reader import ActionReader
from posec3d_cli.errors import BadDataset
from posec3d_cli.pose_files.clip import from_slots, posed_clip
from posec3d_cli.prediction import PosedVideo
from posec3d_cli.reading import Reading
from posec3d_cli.train.examples import RECORDED, Example
from posec3d_cli.types import Ints


@dataclass(frozen=True, eq=False)
class Report:
    """What was measured.

    Attributes:
        labels: the classes, in the classifier's order.
        confusion: `(C, C)` int64, clips of class row that were called class column.
        top5: clips whose class was among the five best.
        wrong: (clip, its class, what it was called, with what probability) of every mistake.
        nobody: clips in which nobody was found; they count as mistakes and are in no column.
    """

    labels: tuple[str, ...]
    confusion: Ints
    top5: int
    clips: int
    wrong: tuple[tuple[str, str, str, float], ...]
    nobody: tuple[str, ...]

    @property
    def top1(self) -> float:
        """The part of the clips that was named rightly."""
        return float(np.trace(self.confusion) / self.clips)

    @property
    def interval(self) -> tuple[float, float]:
        """The Wilson 95 % interval of `top1`."""
        z, n, p = 1.96, self.clips, self.top1
        middle, half = p + z * z / (2 * n), z * float(np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)))
        return (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)

    @property
    def mean_class(self) -> float:
        """The mean over classes that occur of the part of their clips that was named rightly."""
        known = self.confusion.sum(axis=1)
        known = known + np.array(
            [sum(label == truth for _, truth, name, _ in self.wrong if not name) for label in self.labels]
        )
        there = known > 0
        return float((np.diag(self.confusion)[there] / known[there]).mean())

    def figures(self) -> dict[str, Any]:
        """The report as plain values, for JSON."""
        return {
            "clips": self.clips,
            "top1": round(self.top1, 4),
            "top1_interval": [round(edge, 4) for edge in self.interval],
            "top5": round(self.top5 / self.clips, 4),
            "mean_class": round(self.mean_class, 4),
            "nobody": list(self.nobody),
            "confusion": {"labels": list(self.labels), "rows_are_truth": self.confusion.tolist()},
            "mistakes": [
                {"clip": clip, "truth": truth, "named": name or None, "probability": round(score, 4)}
                for clip, truth, name, score in self.wrong
            ],
        }


def evaluate(
    actions: ActionReader,
    examples: Sequence[Example],
    reading: Reading | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Let a classifier name examples whose poses are known.

    Raises:
        BadDataset: there are none, or some have labels that the classifier does not know.
    """
    if not examples:
        raise BadDataset("there is nothing to evaluate")
    labels = actions.labels
    unknown = sorted({example.label for example in examples} - set(labels))
    if unknown:
        raise BadDataset(
            f"the classifier does not know the labels {', '.join(unknown)}", hint=f"it knows {', '.join(labels)}"
        )
    confusion = np.zeros((len(labels), len(labels)), np.int64)
    wrong: list[tuple[str, str, str, float]] = []
    nobody: list[str] = []
    top5 = 0
    for number, example in enumerate(examples):
        progress(number, len(examples))
        scores = actions.read(as_posed(example), reading).scores
        if scores is None:
            nobody.append(example.name)
            wrong.append((example.name, example.label, "", 0.0))
            continue
        best = scores.top(5)
        top5 += any(label == example.label for label, _ in best)
        name, score = best[0]
        confusion[labels.index(example.label), labels.index(name)] += 1
        if name != example.label:
            wrong.append((example.name, example.label, name, score))
    progress(len(examples), len(examples))
    return Report(labels, confusion, top5, len(examples), tuple(wrong), tuple(nobody))


def as_posed(example: Example) -> PosedVideo:
    """An example as if a detector and a pose estimator had found it: everybody who shows a joint, frame by frame.

    Raises:
        BadDataset: the example is a 3D recording.
    """
    if example.origin == RECORDED:
        raise BadDataset(f"{example.name} is a 3D recording: project it through a camera first")
    fps = Fraction(example.fps).limit_denominator(1001)
    return posed_clip(Path(example.name), from_slots(example.keypoints, example.scores), fps=fps)
