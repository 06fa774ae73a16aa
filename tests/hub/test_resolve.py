"""Which models a config means, and what tells two pipelines apart."""

from __future__ import annotations

from dataclasses import replace

import pytest
import random_cards

from posec3d_cli import results
from posec3d_cli.config import PipelineConfig
from posec3d_cli.errors import BadCard, ConfigError, UnknownModel
from posec3d_cli.hub.resolve import ensemble_of, resolve
from posec3d_cli.recognition.recognizer import ActionRecognizer

ESTIMATION = ("detector", "pose")


@pytest.fixture(scope="module")
def cards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cards")
    return random_cards.write_card(folder / "joint", seed=1), random_cards.write_card(folder / "limb", seed=2)


def fingerprint(kinds=ESTIMATION, **settings):
    return resolve(PipelineConfig(**settings)).fingerprint(kinds)


@pytest.fixture(scope="module")
def careful(tmp_path_factory):
    folder = tmp_path_factory.mktemp("careful")
    return [
        random_cards.write_card(folder / f"at-{score}", seed=1, recipe=f"min_score = {score}") for score in (0.3, 0.6)
    ]


def min_score(**settings):
    return resolve(PipelineConfig(**settings)).min_score


def test_the_least_score_is_that_of_the_card_unless_the_config_says_another(careful):
    assert min_score(classifiers=("posec3d-daily33",)) == 0
    assert min_score(classifiers=careful[1:]) == 0.6
    assert min_score(classifiers=careful[1:], min_score=0) == 0
    assert min_score(classifiers=careful[1:], min_score=0.2) == 0.2
    assert min_score(classifiers=careful[1:], classifier_settings={"min_score": 0.7}) == 0.7


def test_the_least_score_of_an_ensemble_is_the_weighted_mean_of_its_cards(careful, cards):
    assert min_score(classifiers=careful) == 0.45
    assert min_score(classifiers=careful, ensemble_weights=(2, 1)) == 0.4
    assert min_score(classifiers=(careful[1], cards[0])) == 0.3


@pytest.mark.parametrize("wrong", ["-0.1", "1.5", "nan", '"high"', "true"])
def test_a_least_score_that_is_no_share_is_refused(tmp_path, wrong):
    card = random_cards.write_card(tmp_path / "odd", seed=1, recipe=f"min_score = {wrong}")
    with pytest.raises(BadCard, match=r"odd: recipe\.min_score must be a number in \[0, 1\], got"):
        min_score(classifiers=(card,))


def test_the_least_score_of_a_classifier_changes_no_score_and_no_fingerprint(careful, cards, tmp_path):
    alike = random_cards.write_card(tmp_path / careful[0].name, seed=1, recipe="min_score = 0.9")
    kinds = ("detector", "pose", "classifier")
    there = fingerprint(kinds, classifiers=careful[:1])
    assert fingerprint(kinds, classifiers=(alike,)) == there
    assert fingerprint(kinds, classifiers=(alike,), classifier_settings={"min_score": 0.1}) == there
    assert fingerprint(kinds, detector_settings={"min_score": 0.1}) != fingerprint(kinds)


def test_a_recognizer_says_the_least_score_of_its_answers(careful):
    assert ActionRecognizer.from_config(PipelineConfig(classifiers=careful)).used.min_score == 0.45
    assert ActionRecognizer.from_config(PipelineConfig(classifiers=careful, min_score=0.1)).used.min_score == 0.1


def test_what_is_not_named_is_that_of_the_pipeline_card(cards):
    whole = resolve(PipelineConfig("light"))
    assert [card.kind for card in whole.cards()] == ["detector", "pose", *["classifier"] * 3]
    assert whole.name == "light"
    other = resolve(PipelineConfig("light", pose="movenet-lightning", classifiers=cards))
    assert [card.name for card in other.cards()] == [whole.detector.name, "movenet-lightning", "joint", "limb"]
    assert other.name is None
    assert other.cards(["pose"]) == [other.pose]


@pytest.mark.parametrize("wrong", [{"pipeline": "lihgt"}, {"detector": "movenet-thunder"}, {"classifiers": ("none",)}])
def test_a_model_that_is_not_there_or_of_another_kind_is_refused(wrong):
    with pytest.raises(UnknownModel):
        resolve(PipelineConfig(**wrong))


def test_two_classifiers_of_one_name_are_refused(cards):
    with pytest.raises(UnknownModel, match="have the same name: joint, joint"):
        resolve(PipelineConfig(classifiers=(cards[0], cards[0])))


def test_names_with_a_plus_between_them_are_as_many_models(cards, tmp_path):
    joint, limb = map(str, cards)
    assert ensemble_of(f"{joint}+{limb}") == (joint, limb)
    odd = str(random_cards.write_card(tmp_path / "a+b", seed=3))
    assert ensemble_of(odd) == (odd,)


def test_each_classifier_has_a_weight(cards):
    assert list(resolve(PipelineConfig(classifiers=cards)).weights) == [1.0, 1.0]
    assert list(resolve(PipelineConfig(classifiers=cards, ensemble_weights=(2, 1))).weights) == [2, 1]
    with pytest.raises(ConfigError, match=r"the weights 2:1 are 2, and posec3d-daily33 is 1 classifier"):
        resolve(PipelineConfig(classifiers=("posec3d-daily33",), ensemble_weights=(2, 1)))


def test_cards_that_lie_nowhere_can_stand_in(cards):
    whole = resolve(PipelineConfig())
    other = replace(whole, detector=replace(whole.detector, name="mine"))
    assert other.cards(["detector"])[0].name == "mine"
    assert other.fingerprint() != whole.fingerprint()


def test_a_setting_or_the_file_that_it_names_changes_the_fingerprint(tmp_path):
    file = tmp_path / "weights.pth"
    file.write_bytes(b"one")
    before = fingerprint(pose_settings={"weights": str(file)})
    assert before == fingerprint(pose_settings={"weights": str(file)})
    assert before != fingerprint(detector_settings={"weights": str(file)})
    assert before != fingerprint()
    file.write_bytes(b"two")
    assert before != fingerprint(pose_settings={"weights": str(file)})


def test_settings_of_a_stage_that_takes_no_part_change_nothing():
    others = {"classifier_settings": {"people": "each"}, "views": 2, "precision": "fp32"}
    assert fingerprint(**others) == fingerprint()
    assert fingerprint(["classifier"], **others) != fingerprint(["classifier"])


@pytest.mark.parametrize(
    "other",
    [
        *(
            {"detect_every": 3},
            {"device": "cpu"},
            {"reader": "decord"},
            {"views": 2},
            {"flip": True},
            {"people": "each"},
        ),
        *({"window_seconds": 0}, {"precision": "fp32"}, {"builder": "joints"}, {"ensemble_weights": (2.0, 1.0, 1.0)}),
    ],
)
def test_each_setting_that_shapes_an_answer_changes_its_fingerprint(other):
    kinds = ("detector", "pose", "classifier")
    assert fingerprint(kinds, **other) != fingerprint(kinds)


@pytest.mark.parametrize("other", [{"offline": True}, {"cache_dir": None}, {"min_score": 0.5}])
def test_where_things_lie_and_what_is_said_changes_nothing(other):
    kinds = ("detector", "pose", "classifier")
    assert fingerprint(kinds, **other) == fingerprint(kinds)


def test_poses_of_another_version_have_another_fingerprint(monkeypatch):
    before = fingerprint()
    monkeypatch.setattr(results, "POSES_VERSION", results.POSES_VERSION + 1)
    assert fingerprint() != before
    assert resolve(PipelineConfig()).fingerprint(every_frame=True) != resolve(PipelineConfig()).fingerprint()
