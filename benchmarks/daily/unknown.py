"""How well known actions are told from others by different scores of the default models.

    python benchmarks/daily/unknown.py SETS DATA/poses/PACK.pkl… --model MODEL [--model MODEL…]

Of each half of the validation clips in SETS (see sets.py) prints, for each score, the area under the ROC curve of the
known actions of J-HMDB and the web against the others of the web, and which share of the others is `unknown` where the
score loses one right answer in eight. Answers are those of the mean of the models, of the poses alone. The scores:

- best action: the probability of the best known action, averaged over windows and people: what answers go by;
- margin: the way to the second best; entropy: of all outputs, negative;
- known actions: the probability of all known actions together;
- best or unknown: the probability of the best action where all other known ones are ruled out;
- product: best action times the odds of all known actions together;
- energy: log-sum-exp of the logits of the known actions; log odds: minus that of all other outputs;
- neighbours: the mean cosine similarity of the features to the five nearest training clips of known actions;
- Mahalanobis: the negative distance of the features to the nearest mean of a known action (Lee et al., 2018), and the
  relative one, less that to the mean of all (Ren et al., 2021);
- models agree, windows agree: how near their probabilities are to their mean.

The energies, distances and neighbours are taken of each person in each window, by each model, and averaged as
probabilities are.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
from objects import apart_from
from scipy.special import logsumexp, softmax
from ship import clips_of, recognizer_of

from posec3d_cli import ActionRecognizer, LabeledClip
from posec3d_cli.datasets.clips import RECORDED
from posec3d_cli.evaluation.evaluate import as_video_poses
from posec3d_cli.evaluation.metrics import area_under_roc
from posec3d_cli.hub.cards import network_files
from posec3d_cli.hub.catalog import load_card
from posec3d_cli.hub.weights import fetch
from posec3d_cli.nets.layers import Head
from posec3d_cli.results import UNKNOWN
from posec3d_cli.stages.classifiers.torch_networks import load_networks
from posec3d_cli.types import ActionScores, ClassifierInput, Floats

NEIGHBOURS = 5
SHRINKAGE = 1e-4
"""Added to the variances of features, which are of length 1."""
LOST = 1 / 8


@dataclass(frozen=True, eq=False)
class Reading:
    """What one model makes of one person in one window.

    Attributes:
        weight: of the person in the window.
        logits: `(O,)` of the outputs, divided by the temperature.
        features: `(F,)` what its last layer reads, scaled to a length of 1.
    """

    weight: float
    logits: Floats
    features: Floats


class Watched:
    """The network of a model as a classifier that remembers what led to its answers."""

    def __init__(self, model: Path) -> None:
        self.card = card = load_card(model)
        weights = network_files(fetch(card)).values()
        options = card.recipe.get("network", {})
        [self.network] = load_networks(card.name, weights, card.recipe["architecture"], len(card.labels), options)
        self.network.eval()
        self.head = cast(Head, self.network.cls_head)
        self.outputs, self.labels = card.labels, tuple(dict.fromkeys(card.labels))
        self.temperature = float(card.recipe.get("temperature", 1.0))
        self.seen: dict[bytes, tuple[Floats, Floats]] = {}

    @torch.inference_mode()
    def classify(self, volumes: Sequence[ClassifierInput]) -> list[ActionScores]:
        """The scores of inputs of one view each."""
        batch = torch.from_numpy(np.concatenate([volume.arrays[0] for volume in volumes]))
        features = Head.pool(self.network.backbone(batch))
        logits = (self.head.fc_cls(features) / self.temperature).numpy()
        lengths = torch.linalg.vector_norm(features, dim=1, keepdim=True)
        answers = []
        for own, direction in zip(logits, (features / lengths).numpy(), strict=True):
            answer = ActionScores.of_outputs(softmax(own), self.outputs)
            self.seen[answer.probabilities.tobytes()] = own, direction
            answers.append(answer)
        return answers


def check_alike(watched: Sequence[Watched]) -> None:
    """Refuse models whose outputs are not the same, in the same order."""
    for one in watched[1:]:
        if one.outputs != watched[0].outputs:
            raise SystemExit(f"{one.card.name} has other outputs than {watched[0].card.name}: their mean says nothing")


def readings(recognizer: ActionRecognizer, watched: Watched, clips: Sequence[LabeledClip]) -> list[list[list[Reading]]]:
    """Of each clip, each window and each person in it what a model reads; windows without people are left out."""
    [member] = recognizer.members
    watching = ActionRecognizer([replace(member, classifier=watched, objects=None)])
    found = []
    for result in watching.recognize_many(map(as_video_poses, clips)):
        windows = [
            [
                Reading(one.weight, *watched.seen[np.asarray(one.scores.probabilities).tobytes()])
                for one in window.people
            ]
            for window in result.windows
        ]
        found.append([people for people in windows if people])
    return found


@dataclass(frozen=True, eq=False)
class Learned:
    """The features of training clips in a model.

    Attributes:
        features: `(N, F)` of each clip, of a length of 1.
        labels: `(N,)`.
        known: `(N,)` whether the label is named.
        means: `(L, F)` of each known label.
        within: `(F, F)` the inverse covariance around the labels' own means.
        overall: `(F, F)` that around the mean of all.
    """

    features: Floats
    labels: np.ndarray
    known: np.ndarray
    means: Floats
    within: Floats
    overall: Floats

    @classmethod
    def of(cls, clips: Sequence[LabeledClip], read: Sequence[list[list[Reading]]], named: Collection[str]) -> Learned:
        """Of each clip the mean over its windows, of the person with the largest weight."""
        rows = [
            (clip.label, np.mean([max(people, key=lambda one: one.weight).features for people in windows], axis=0))
            for clip, windows in zip(clips, read, strict=True)
            if windows
        ]
        labels = np.array([label for label, _ in rows])
        features = np.stack([row / np.linalg.norm(row) for _, row in rows])
        of_label = {label: features[labels == label].mean(axis=0) for label in sorted(set(labels.tolist()))}
        apart = features - np.stack([of_label[label] for label in labels.tolist()])
        means = np.stack([mean for label, mean in of_label.items() if label in named])
        known = np.array([label in named for label in labels.tolist()])
        return cls(features, labels, known, means, _inverse(apart), _inverse(features - features.mean(axis=0)))

    def similarity(self, features: Floats) -> float:
        """The mean cosine similarity to the nearest clips of known actions."""
        return float(np.sort(self.features[self.known] @ features)[-NEIGHBOURS:].mean())

    def distance(self, features: Floats) -> float:
        """The squared Mahalanobis distance to the nearest known action."""
        apart = features - self.means
        return float(np.einsum("lf,fg,lg->l", apart, self.within, apart).min())

    def distance_overall(self, features: Floats) -> float:
        """The squared Mahalanobis distance to the mean of all training clips."""
        apart = features - self.features.mean(axis=0)
        return float(apart @ self.overall @ apart)


def _inverse(apart: Floats) -> Floats:
    covariance = apart.T @ apart / len(apart) + SHRINKAGE * np.eye(apart.shape[1])
    return np.asarray(np.linalg.inv(covariance))


def scores_of(
    models: Sequence[list[list[Reading]]], learned: Sequence[Learned], known: np.ndarray
) -> tuple[int, dict[str, float]] | None:
    """The best known output of a clip and its scores, the higher the likelier known; None where nobody was found.

    Args:
        models: of each model what it reads, the same windows and people.
        learned: of each model.
        known: `(O,)` whether an output is of a known action.
    """

    def averaged(value: Callable[[Reading, Learned], float]) -> float:
        """The mean of a score over models, people by their weight, and windows."""
        each = [
            [
                np.average([value(one, data) for one in people], weights=[one.weight for one in people])
                for people in windows
            ]
            for windows, data in zip(models, learned, strict=True)
        ]
        return float(np.mean(each))

    if not models[0]:
        return None
    chances = np.array(
        [
            [
                np.average([softmax(one.logits) for one in people], axis=0, weights=[one.weight for one in people])
                for people in windows
            ]
            for windows in models
        ]
    )  # (models, windows, O)
    mean = chances.mean(axis=(0, 1))
    first, second = np.sort(mean[known])[-1:-3:-1]
    together = mean[known].sum()
    scores = {
        "best action": first,
        "margin": first - second,
        "entropy": float((mean * np.log(mean)).sum()),
        "known actions": together,
        "best or unknown": first / (first + 1 - together),
        "product": first * together / (1 - together),
        "energy": averaged(lambda one, _: float(logsumexp(one.logits[known]))),
        "log odds": averaged(lambda one, _: float(logsumexp(one.logits[known]) - logsumexp(one.logits[~known]))),
        "neighbours": averaged(lambda one, data: data.similarity(one.features)),
        "Mahalanobis": averaged(lambda one, data: -data.distance(one.features)),
        "relative Mahalanobis": averaged(
            lambda one, data: data.distance_overall(one.features) - data.distance(one.features)
        ),
        "models agree": -float(np.abs(chances.mean(axis=1) - mean).sum(axis=-1).mean()),
        "windows agree": -float(np.abs(chances.mean(axis=0) - mean).sum(axis=-1).mean()),
    }
    return int(np.where(known, mean, 0).argmax()), scores


def separation(known: Sequence[float], right: Sequence[float], others: Sequence[float]) -> tuple[float, float]:
    """The area under the ROC curve, and the share of the others below the score that loses one right one in eight.

    Args:
        known: the scores of clips of known actions.
        right: those of them whose best known action is right.
        others: the scores of clips of other actions.
    """
    return area_under_roc(known, others), float(np.mean(np.array(others) < np.quantile(right, LOST)))


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", type=Path, metavar="SETS")
    parser.add_argument("packs", nargs="*", type=Path, metavar="PACK", help="Pose packs of the training, of 2D poses.")
    parser.add_argument("--model", action="append", required=True, type=Path, metavar="MODEL")
    given = parser.parse_args()
    halves = {
        half: clips_of([given.sets / f"{part}_{half}.csv" for part in ("jhmdb", "web_known", "web_other")])
        for half in "ab"
    }
    clips = [one for half in halves.values() for one in half]
    tables = [given.sets / "jhmdb.csv", given.sets / "web.csv", *given.packs]
    training = [one for one in apart_from(clips_of(tables), clips) if one.origin != RECORDED]
    watched = [Watched(model) for model in given.model]
    check_alike(watched)
    outputs = np.array(watched[0].outputs)
    named = {*watched[0].labels} - {UNKNOWN}
    read, learned = [], []
    for model, one in zip(given.model, watched, strict=True):
        recognizer = recognizer_of([model])
        read.append(readings(recognizer, one, clips))
        learned.append(Learned.of(training, readings(recognizer, one, training), named))
    of_clip = [scores_of(models, learned, outputs != UNKNOWN) for models in zip(*read, strict=True)]
    print("| score | half a: AUROC | others unknown | half b: AUROC | others unknown |\n|---|---:|---:|---:|---:|")
    for name in next(found for found in of_clip if found is not None)[1]:
        cells = []
        for half in halves.values():
            answered = [
                (clip.label, outputs[found[0]], found[1][name])
                for clip, found in zip(clips, of_clip, strict=True)
                if found is not None and clip in half
            ]
            known = [value for label, _, value in answered if label in named]
            right = [value for label, answer, value in answered if label == answer]
            area, unknown = separation(known, right, [value for label, _, value in answered if label not in named])
            cells += [f"{area:.2f}", f"{unknown:.0%}"]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
