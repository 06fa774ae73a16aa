"""ClipPrediction: the predicted labels of one clip of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass, field

from posec3d_cli.results import UNKNOWN
from posec3d_cli.types import Floats

BEST = 5
"""The number of labels that a prediction keeps."""


@dataclass(frozen=True)
class ClipPrediction:
    """The predicted labels of one clip.

    Attributes:
        clip: name of the clip.
        ground_truth: label of the clip.
        best: at most BEST predicted labels with their probabilities, best first; empty if no person was found.
        scores: `(C,)` float32, the probability of each label of the classifier; None if no person was found, or they
            are not known.
        sureness: see `posec3d_cli.results.ClipResult`; None: the probability of the best label.
        unknown: the probability of the label `unknown`; 0 where the classifier has none, or it is ruled out.
    """

    clip: str
    ground_truth: str
    best: tuple[tuple[str, float], ...]
    scores: Floats | None = field(default=None, repr=False, compare=False)
    sureness: float | None = field(default=None, repr=False, compare=False)
    unknown: float = field(default=0.0, repr=False, compare=False)

    @property
    def source(self) -> str:
        """The source of the clip, the first part of its name; empty for a name without a slash."""
        name, slash, _ = self.clip.partition("/")
        return name if slash else ""

    @property
    def label(self) -> str:
        """The best label; empty if no person was found."""
        return self.best[0][0] if self.best else ""

    @property
    def confidence(self) -> float:
        """The probability of the best label; 0 if no person was found."""
        return self.best[0][1] if self.best else 0.0

    @property
    def correct(self) -> bool:
        """Whether the best label is the ground truth."""
        return self.label == self.ground_truth

    @property
    def known(self) -> tuple[str, float]:
        """The best label other than `unknown` with its probability; empty and 0 if there is none."""
        return next((one for one in self.best if one[0] != UNKNOWN), ("", 0.0))

    @property
    def score(self) -> float:
        """The probability of the best label other than `unknown` where no label but these two is possible.

        So it counts both that decide the answer. Where the classifier has no label `unknown` it is that of the best
        label among all. 0 without a person.
        """
        probability = self.known[1]
        return probability / (probability + self.unknown) if self.unknown and probability else probability

    @property
    def least(self) -> float:
        """The largest `min_score` at which the answer is a label, to six digits; below 0 if there is none."""
        sureness = self.confidence if self.sureness is None else self.sureness
        return -1.0 if self.label in ("", UNKNOWN) else round(sureness, 6)
