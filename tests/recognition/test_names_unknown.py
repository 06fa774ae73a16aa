"""A classifier whose own label `unknown` may be the answer, and what `min_score` 0 makes of it."""

from __future__ import annotations

import numpy as np
import pytest
import random_cards
import synthetic_people as people

from posec3d_cli.config import PipelineConfig
from posec3d_cli.datasets.clips import ANNOTATED, LabeledClip
from posec3d_cli.evaluation.evaluate import as_video_poses
from posec3d_cli.hub.resolve import resolve
from posec3d_cli.recognition.recognizer import ActionRecognizer

KINDS = ("detector", "pose", "classifier")


@pytest.fixture(scope="module")
def video_poses():
    first, second = people.moving("arms", 60, speed=0.6), people.moving("legs", 60, speed=1.3)
    keypoints = np.stack([first * 200 + (120, 60), second * 150 + (420, 90)]).astype(np.float32)
    return as_video_poses(
        LabeledClip("clip", "arms", "g", ANNOTATED, keypoints, np.ones((2, 60, 17), np.float32), 30.0)
    )


@pytest.fixture(scope="module")
def unsure(tmp_path_factory, video_poses):
    """A card whose best label for these poses is `unknown`, and the labels that it had before."""
    folder = tmp_path_factory.mktemp("unsure")
    plain = random_cards.write_card(folder / "plain", seed=4)
    best = recognizer(plain).recognize(video_poses).scores.top(1)[0][0]
    labels = tuple("unknown" if label == best else label for label in random_cards.LABELS)
    return random_cards.write_card(folder / "unsure", seed=4, labels=labels, recipe="min_score = 0.01")


def recognizer(card, **settings):
    return ActionRecognizer.from_config(PipelineConfig(classifiers=(card,), people="each", **settings))


def test_with_a_least_score_of_0_the_answer_is_the_best_of_the_other_labels(unsure, video_poses):
    told = recognizer(unsure).recognize(video_poses)
    named = recognizer(unsure, min_score=0).recognize(video_poses)
    assert told.answer() == "unknown"
    assert (named.answer(), named.guess()) == (told.guess()[0], None)
    for scores in (named.scores, *(one.scores for one in (*named.people, *named.windows))):
        assert dict(zip(scores.labels, scores.probabilities, strict=True))["unknown"] == 0
        assert scores.probabilities.sum() == pytest.approx(1)
    assert {one.answer(0) for one in named.segments}.isdisjoint({"unknown"})


def test_of_one_person_the_other_probabilities_keep_their_ratios(unsure, video_poses):
    told = recognizer(unsure, person=0).recognize(video_poses).scores
    named = recognizer(unsure, person=0, min_score=0).recognize(video_poses).scores
    others = np.array(told.labels) != "unknown"
    expected = told.probabilities[others] / told.probabilities[others].sum()
    assert named.probabilities[others] == pytest.approx(expected, abs=1e-6)


def test_scores_with_and_without_the_label_are_no_saved_results_of_each_other(unsure, tmp_path):
    def fingerprint(card, **settings):
        return resolve(PipelineConfig(classifiers=(card,), **settings)).fingerprint(KINDS)

    assert fingerprint(unsure, min_score=0) != fingerprint(unsure)
    assert fingerprint(unsure, min_score=0.3) == fingerprint(unsure)
    plain = random_cards.write_card(tmp_path / "plain", seed=4)
    assert fingerprint(plain, min_score=0) == fingerprint(plain)
