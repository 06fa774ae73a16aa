"""What objects add to the answer of poses: never anything where there are none, and as a table that people can read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import random_cards
from hypothesis import given
from hypothesis import strategies as st

from posec3d_cli.answers import weighted_mean
from posec3d_cli.config import PipelineConfig
from posec3d_cli.datasets.clips import ESTIMATED, LabeledClip
from posec3d_cli.errors import BadCard
from posec3d_cli.evaluation.evaluate import as_video_poses
from posec3d_cli.recognition.objects import ObjectReading
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.training.objects import clip_features, fit_objects
from posec3d_cli.types import ActionScores, Objects

LABELS = ("catch", "pour", "run")
NAMES = ("sports ball", "cup")
BALLS = ObjectReading(NAMES, LABELS, np.array([[[1, 0, 0], [0, 0, 0]], [[2, -1, 0], [0, 3, 0]]], np.float32))


def scores(*probabilities):
    return ActionScores(np.array(probabilities, np.float32), LABELS)


def test_a_ball_at_the_hand_multiplies_the_odds_as_its_weights_say():
    moved = BALLS.apply(scores(0.2, 0.2, 0.6), np.array([[1, 0], [1, 0]], np.float32))
    odds = 0.2 * np.exp(3), 0.2 * np.exp(-1), 0.6
    assert moved.probabilities == pytest.approx(np.array(odds) / sum(odds), rel=1e-5)
    assert moved.without_objects == pytest.approx([0.2, 0.2, 0.6])


def test_objects_move_the_answer_about_a_person_by_their_share_of_the_window():
    moved = BALLS.apply(scores(0.2, 0.2, 0.6), np.array([[1, 0], [1, 0]], np.float32), 0.25)
    odds = 0.2 * np.exp(0.75), 0.2 * np.exp(-0.25), 0.6
    assert moved.probabilities == pytest.approx(np.array(odds) / sum(odds), rel=1e-5)


@pytest.mark.parametrize("features", [None, np.zeros((2, 2), np.float32)])
def test_without_objects_the_answer_is_that_of_the_poses_alone(features):
    answer = scores(0.2, 0.2, 0.6)
    assert BALLS.apply(answer, features) is answer


def test_the_mean_of_answers_keeps_what_the_poses_alone_say():
    moved = BALLS.apply(scores(0.2, 0.2, 0.6), np.ones((2, 2), np.float32))
    mean = weighted_mean([moved, scores(0.6, 0.2, 0.2)], [1, 1])
    assert mean.without_objects == pytest.approx([0.4, 0.2, 0.4])
    assert weighted_mean([scores(1, 0, 0), scores(0, 1, 0)], [1, 1]).without_objects is None


words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)


@given(st.lists(words, min_size=1, max_size=4, unique=True), st.lists(words, min_size=1, max_size=4, unique=True))
def test_a_table_that_was_written_is_read_back(tmp_path_factory, names, labels):
    rng = np.random.default_rng(len(names))
    weights = np.round(rng.normal(size=(2, len(names), len(labels))), 3).astype(np.float32)
    path = tmp_path_factory.mktemp("t") / "objects.csv"
    ObjectReading(tuple(names), tuple(labels), weights).write(path)
    found = ObjectReading.read(path, labels)
    assert (found.names, found.labels) == (tuple(names), tuple(labels))
    assert found.weights == pytest.approx(weights, rel=1e-3)


@pytest.mark.parametrize(
    "text",
    ["", "object,feature,catch\ncup,seen,1\n", "object,feature,catch,pour,run\ncup,above,1,2,3\n",
     "object,feature,catch,pour,run\ncup,seen,1,2\n", "object,feature,catch,pour,run\ncup,seen,1,2,nan\n"],
)  # fmt: skip
def test_a_table_that_does_not_suit_the_labels_is_refused(tmp_path, text):
    path = tmp_path / "objects.csv"
    path.write_text(text)
    with pytest.raises(BadCard, match=r"objects\.csv"):
        ObjectReading.read(path, LABELS)


def with_ball(clip, name="sports ball"):
    """The clip with an object in every frame, around the left wrist of the first person."""
    boxes = [np.array([[x - 5, y - 5, x + 5, y + 5]], np.float32) for x, y in clip.keypoints[0, :, 9]]
    number = np.array([NAMES.index(name)])
    return replace(clip, objects=tuple(Objects(box, np.full(1, 0.9, np.float32), number, NAMES) for box in boxes))


@pytest.fixture
def clip():
    rng = np.random.default_rng(0)
    keypoints = (rng.normal(size=(1, 40, 17, 2)).cumsum(axis=1) + 100 + 30 * rng.random((1, 1, 17, 2))).astype(
        np.float32
    )
    return LabeledClip("clip", "catch", "g", ESTIMATED, keypoints, np.full((1, 40, 17), 0.8, np.float32), 25.0)


def test_fitted_weights_tell_actions_apart_by_what_is_at_hand(clip):
    sampling = ClipSampling(frames=16, people="each")
    clips = [with_ball(clip, name) for name in NAMES for _ in range(6)]
    features = np.stack([clip_features(one, sampling, NAMES) for one in clips])
    assert features[0, :, 0] == pytest.approx([0.9, 0.9])
    assert clip_features(clip, sampling, NAMES) is None
    reading = fit_objects(features, np.repeat([0, 1], 6), NAMES, LABELS)
    even = scores(0.34, 0.33, 0.33)
    assert reading.apply(even, features[0]).top(1)[0][0] == "catch"
    assert reading.apply(even, features[-1]).top(1)[0][0] == "pour"
    assert not reading.weights[:, :, 2].any()


def test_a_model_folder_with_a_table_of_objects_uses_it_and_says_what_moved_the_answer(clip, tmp_path):
    card = random_cards.write_card(tmp_path / "model", seed=1)
    config = PipelineConfig(classifiers=(card,), device="cpu", precision="fp32", offline=True, people="each")
    plain = ActionRecognizer.from_config(config)
    poses_alone = plain.recognize(as_video_poses(with_ball(clip)))
    labels = plain.labels
    weights = np.zeros((2, 2, len(labels)), np.float32)
    weights[1, 0, 0] = 50
    random_cards.add_file(card, "objects", lambda path: ObjectReading(NAMES, labels, weights).write(path))
    reader = ActionRecognizer.from_config(config)
    answer = reader.recognize(as_video_poses(with_ball(clip)))
    assert answer.scores.top(1)[0] == (labels[0], pytest.approx(1, abs=1e-3))
    assert answer.scores.without_objects == pytest.approx(poses_alone.scores.probabilities, abs=1e-6)
    assert answer.windows[0].people[0].objects == (("sports ball", pytest.approx(0.9)),)
    found = answer.to_dict()
    assert found["without_objects"]["label"] == poses_alone.scores.top(1)[0][0]
    assert found["windows"][0]["people"][0]["objects"] == [{"name": "sports ball", "at_hand": 0.9}]
    without = reader.recognize(as_video_poses(clip))
    assert without.scores.probabilities == pytest.approx(plain.recognize(as_video_poses(clip)).scores.probabilities)
    assert without.scores.without_objects is None
