"""Several classifiers as one: the weighted mean of what each says by itself, in every part of the answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import fakes
import numpy as np
import pytest
import random_cards
import synthetic_people as people
import video_factory

from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.label_task import LabelTask
from posec3d_cli.config import PipelineConfig
from posec3d_cli.datasets.clips import ANNOTATED, LabeledClip
from posec3d_cli.errors import BadCard, ConfigError, StageMismatch, UnknownStage
from posec3d_cli.evaluation.evaluate import as_video_poses
from posec3d_cli.pipeline import Pipeline
from posec3d_cli.recognition.ensemble import ensemble_info
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.results import ModelInfo, PipelineInfo

WINDOWS = {"window_seconds": 1.0, "views": 2, "flip": True}


@pytest.fixture(scope="module")
def cards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cards")
    joint = random_cards.write_card(folder / "joint", seed=1)
    limb = random_cards.write_card(folder / "limb", seed=2, channels="limbs", sampler="mmaction2")
    return joint, limb


def reader(*classifiers, **options):
    config = PipelineConfig(classifiers=classifiers, device="cpu", precision="fp32", offline=True, **options)
    return ActionRecognizer.from_config(config)


@pytest.fixture(scope="module")
def video_poses():
    """Two people, of whom the second comes and goes."""
    first, second = people.moving("arms", 60, speed=0.6), people.moving("legs", 60, speed=1.3)
    keypoints = np.stack([first * 200 + (120, 60), second * 150 + (420, 90)]).astype(np.float32)
    scores = np.ones((2, 60, 17), np.float32)
    scores[1, 20:35] = 0
    return as_video_poses(LabeledClip("clip", "arms", "g", ANNOTATED, keypoints, scores, 30.0))


def probabilities(result):
    """Every list of probabilities of an answer, by whom or what it is about."""
    found = {"video": result.scores}
    found |= {f"window {window.start}": window.scores for window in result.windows}
    found |= {f"person {person.id}": person.scores for person in result.people if person.scores is not None}
    return {about: scores.probabilities for about, scores in found.items()}


@pytest.mark.parametrize("weights", [(), (2.0, 1.0)])
@pytest.mark.parametrize("whom", ["together", "each"])
@pytest.mark.parametrize("recognize", ["recognize", "recognize_file"])
def test_every_part_of_the_answer_is_the_weighted_mean_of_the_single_ones(cards, video_poses, weights, whom, recognize):
    fused, joint, limb = reader(*cards, ensemble_weights=weights), reader(cards[0]), reader(cards[1])
    answers = [
        getattr(one, recognize)(video_poses, one.sampling.changed(people=whom, **WINDOWS))
        for one in (fused, joint, limb)
    ]
    together, first, second = map(probabilities, answers)
    assert len(together) == 1 + 3 + (2 if whom == "each" else 0)
    assert together.keys() == first.keys() == second.keys()
    a, b = weights or (1.0, 1.0)
    for about, found in together.items():
        assert np.abs(first[about] - second[about]).max() > 0.01
        assert found == pytest.approx((a * first[about] + b * second[about]) / (a + b), abs=1e-6)
    used = {index for one in (joint, limb) for index in one.frames_needed(answers[0].sampling, 60, 30).tolist()}
    assert answers[0].frames_used == len(used) > answers[1].frames_used


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A classifier of volumes and one of joints."""
    folder = tmp_path_factory.mktemp("mixed")
    volumes = random_cards.write_card(folder / "volumes", seed=1)
    return volumes, random_cards.write_graph_card(folder / "graph", seed=2, stream="bone")


@pytest.mark.parametrize("whom", ["together", "each"])
def test_volumes_and_joints_are_read_side_by_side(mixed, video_poses, whom):
    fused, volumes, joints = reader(*mixed), reader(mixed[0]), reader(mixed[1])
    answers = [
        one.recognize(video_poses, one.sampling.changed(people=whom, **WINDOWS)) for one in (fused, volumes, joints)
    ]
    both, first, second = map(probabilities, answers)
    assert both.keys() == first.keys() == second.keys()
    for about, found in both.items():
        assert np.abs(first[about] - second[about]).max() > 0.01
        assert found == pytest.approx((first[about] + second[about]) / 2, abs=1e-6)
    assert [one.pipeline.builder for one in answers] == ["heatmap+graph", "heatmap", "graph"]
    assert answers[0].pipeline.models["classifier"].stage == "posec3d+stgcn"


def test_a_builder_that_is_asked_for_replaces_that_of_volumes_only(mixed):
    assert reader(*mixed, builder="estimator-heatmap").used.builder == "estimator-heatmap+graph"
    assert reader(*mixed, builder="heatmap").used.builder == "heatmap+graph"
    assert reader(mixed[1], builder="graph").used.builder == "graph"
    with pytest.raises(StageMismatch, match="no classifier of the pipeline reads the input of the builder 'heatmap'"):
        reader(mixed[1], builder="heatmap")
    with pytest.raises(BadCard, match="no table 'graph'"):
        reader(*mixed, builder="graph")
    with pytest.raises(UnknownStage, match="'grahp'"):
        reader(*mixed, builder="grahp")


def test_of_a_video_the_frames_of_both_are_posed_once_and_no_others(cards, tmp_path):
    clip = video_factory.write(tmp_path / "clip.mp4", 60, size=(96, 48))
    fake = fakes.pipeline(lambda index: [20 + index])

    def predict(*parts):
        fake.extractor.detector.seen.clear()
        result = Pipeline(fake.extractor, reader(*parts)).predict(clip)
        return result.scores.probabilities, list(fake.extractor.detector.seen)

    (joint, first), (limb, second), (fused, both) = predict(cards[0]), predict(cards[1]), predict(*cards)
    assert set(first) != set(second)
    assert both == sorted({*first, *second})
    assert fused == pytest.approx((joint + limb) / 2, abs=1e-6)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (("arms", "legs"), "joint and other cannot be an ensemble: they have 3 and 2 labels"),
        (("arms", "none", "legs"), "joint and other cannot be an ensemble: their class 1 is 'legs' and 'none'"),
    ],
)
def test_classifiers_of_other_actions_are_not_fused(cards, tmp_path, labels, said):
    other = random_cards.write_card(tmp_path / "other", seed=3, labels=labels)
    with pytest.raises(StageMismatch, match=said):
        reader(cards[0], other)


def test_classifiers_that_read_a_video_in_other_ways_are_not_fused(cards, tmp_path):
    other = random_cards.write_card(tmp_path / "other", seed=3, clip="window_seconds = 2.0")
    with pytest.raises(StageMismatch, match=r"window_seconds is None in the card of one and 2\.0 in that of the other"):
        reader(cards[0], other)


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ((1.0,), "the weights 1 are 1, and joint.limb is 2 classifiers"),
        ((0.0, 0.0), "the weights 0:0 must be"),
        ((2.0, -1.0), "the weights 2:-1 must be"),
        ((1.0, float("nan")), "the weights 1:nan must be"),
    ],
)
def test_weights_that_are_no_shares_are_refused(cards, weights, said):
    with pytest.raises(ConfigError, match=said):
        reader(*cards, ensemble_weights=weights)


def test_where_and_how_each_of_several_ran_is_recorded():
    used = [
        PipelineInfo(models={"classifier": ModelInfo(name, "stage", device, {})}, precision=precision)
        for name, device, precision in [("a", "cuda", "bf16"), ("b", "cpu", None), ("c", "cuda", "fp32")]
    ]
    together = ensemble_info(used, (1.0, 1.0, 1.0))
    assert together.models["classifier"].device == "cuda+cpu"
    assert together.precision == "bf16+fp32"
    assert ensemble_info(used[1:2] * 2, (1.0, 1.0)).precision is None


@pytest.fixture(scope="module")
def dataset_pickle(tmp_path_factory):
    return people.write_dataset_pickle(tmp_path_factory.mktemp("pack") / "pack.pkl", people.labeled_clips(1, frames=40))


def test_label_takes_several_and_does_again_what_other_weights_change(cards, dataset_pickle):
    both, config = cards, PipelineConfig(device="cpu", precision="fp32")
    tasks = [
        LabelTask(replace(config, classifiers=one, ensemble_weights=weights), only_poses=True)
        for one, weights in ((both, ()), (both, (2.0, 1.0)), (cards[:1], ()), (cards[1:], ()))
    ]
    assert len({task.fingerprint() for task in tasks}) == 4
    found = InputFile(Path(dataset_pickle), "pack.pkl")
    clips = []
    for task in tasks:
        task.prepare()
        clips.append(list(task.run(found, lambda done, total: None)))
    for fused, leaning, joint, limb in zip(*clips, strict=True):
        one, other, mean, lean = (
            dict(zip(result.scores.labels, result.scores.probabilities, strict=True))
            for result in (joint, limb, fused, leaning)
        )
        for label in mean:
            assert mean[label] == pytest.approx((one[label] + other[label]) / 2, abs=2e-6)
            assert lean[label] == pytest.approx((2 * one[label] + other[label]) / 3, abs=2e-6)
