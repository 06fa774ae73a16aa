"""Training with interactions: which people a sample shows, and a model that tells who moves towards whom."""

from __future__ import annotations

import tomllib
from dataclasses import replace

import numpy as np
import pytest
import synthetic_people as people

from posec3d_cli.config import PipelineConfig
from posec3d_cli.datasets.clips import LabeledClip, LabeledVideo
from posec3d_cli.datasets.interactions import interactions_among, shows_two_apart, without_partner
from posec3d_cli.datasets.segments import Segment
from posec3d_cli.errors import BadCard, BadDataset
from posec3d_cli.evaluation.evaluate import as_video_poses
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.training.augment import Augmentation, augmented
from posec3d_cli.training.config import TrainingConfig, heatmap_spec
from posec3d_cli.training.dataset import TrainingDataset
from posec3d_cli.training.settings import Training
from posec3d_cli.training.setup import make_training, try_training
from posec3d_cli.training.train import train

TOGETHER = ("follow", "meet")
EACH = ClipSampling(frames=8, people="each", window_seconds=0.8)


def two_people(action, number, *, frames=24):
    """Two people of one size: they meet, one follows the other, or both move their arms where they stand."""
    generator = np.random.default_rng((number, len(action)))
    size, gap = generator.uniform(80, 200), generator.uniform(0.9, 1.2)
    steps = np.linspace(0, generator.uniform(0.25, 0.4), frames)[:, None, None] * np.array([1, 0])
    standing = np.repeat(people.standing()[None], frames, axis=0)
    if action == "arms":
        first, second = (people.moving("arms", frames, phase=generator.uniform()) for _ in range(2))
    else:
        first, second = standing + steps, standing + (steps if action == "follow" else -steps)
    both = np.stack([first, second + np.array([gap, 0])])
    if generator.random() < 0.5:  # the other way round, so that no direction tells the actions apart
        both = both * (-1, 1)
    keypoints = (both * size + (500, 100)).astype(np.float32)
    name = f"synthetic/{action}_two_{number}"
    scores = np.ones(keypoints.shape[:3], np.float32)
    return LabeledClip(name, action, name, "estimated", keypoints, scores, 30.0)


def clips(count, first=0):
    numbers = range(first, first + count)
    two = [two_people(action, number) for action in (*TOGETHER, "arms") for number in numbers]
    return [*two, *(people.labeled_clip(action, number) for action in ("arms", "legs") for number in numbers)]


@pytest.mark.parametrize("label", ["meet", "arms"])
def test_samples_of_interactions_show_two_people_and_others_one_or_two_who_are_alone(label):
    some = clips(3)
    own = [clip for clip in some if clip.label == label]
    seen = []
    for seed in range(40):
        generator = np.random.default_rng(seed)
        sequence, _ = augmented(own[seed % len(own)], some, EACH, Augmentation(), generator, interactions=TOGETHER)
        seen.append(len(sequence.keypoints))
    assert set(seen) == ({2} if label == "meet" else {1, 2})
    assert label == "meet" or 14 <= seen.count(2) <= 32  # 60 % of 40


def test_the_neighbor_of_a_single_action_may_be_from_the_same_clip():
    [clip] = [two_people("arms", 0)]
    settings = replace(Augmentation.none(), neighbor=1.0)
    gaps = set()
    for seed in range(8):
        sequence, _ = augmented(clip, [clip], EACH, settings, np.random.default_rng(seed), interactions=TOGETHER)
        assert len(sequence.keypoints) == 2
        middles = sequence.keypoints.mean(axis=(1, 2))
        gaps.add(round(float(np.ptp(middles[:, 0]) / np.ptp(sequence.keypoints[0, 0, :, 1])), 1))
    own = round(float(np.ptp(clip.keypoints.mean(axis=(1, 2))[:, 0]) / np.ptp(clip.keypoints[0, 0, :, 1])), 1)
    assert own in gaps
    assert len(gaps) > 1


def test_without_interactions_samples_are_what_they_were():
    some = clips(2)
    config = TrainingConfig("slowonly", heatmap_spec(size=16), EACH)
    plain = TrainingDataset(some, ["arms", "follow", "legs", "meet"], config, 0)
    generator = np.random.default_rng((config.seed, 0, 0))
    generator.random()
    sequence, _ = augmented(some[plain.order[0]], some, EACH, config.augmentation, generator)
    assert len(sequence.keypoints) == 1


def test_interactions_are_those_asked_for_or_those_of_rows_that_name_two_people(tmp_path):
    def row(label, person):
        return LabeledVideo(tmp_path / "a.mp4", "t/a", label, "g", segment=Segment(0, 9, person))

    given = [row("hug", (0, 3)), row("walk", 1), row("push", None)]
    assert interactions_among(given) == ("hug",)
    assert interactions_among(given, ["push", " hug "]) == ("hug", "push")
    assert interactions_among(given, None, known=("push", "kiss")) == ("hug", "push")
    assert interactions_among(given, None, known=("push", "kiss"), kept=("kiss",)) == ("hug", "kiss", "push")
    assert interactions_among(given[1:]) == ()
    with pytest.raises(BadDataset, match="'huk' is no label") as error:
        interactions_among(given, ["huk"])
    assert "hug" in error.value.hint
    with pytest.raises(BadDataset, match="all labels are interactions"):
        interactions_among(given, ["hug", "walk", "push"])


def test_clips_of_interactions_with_one_person_are_said_and_left_out():
    alone = people.labeled_clip("arms", 0)
    kept, lonely = without_partner([alone, replace(alone, label="meet", name="x"), two_people("meet", 0)], TOGETHER)
    assert [clip.label for clip in kept] == ["arms", "meet"]
    assert [(one.name, one.reason) for one in lonely] == [("x", "only one person was found, and two do this together")]


def test_whether_clips_show_two_people_who_do_something_alone():
    apart = [people.labeled_clip("arms", 0), two_people("meet", 0)]
    assert not shows_two_apart(apart, TOGETHER)
    assert shows_two_apart([*apart, two_people("arms", 0)], TOGETHER)


def test_a_graph_network_gets_room_for_two():
    training = make_training(TrainingConfig(), architecture="stgcn++", frames=8, interactions=TOGETHER, epochs=1)
    assert training.config.spec.people == 2
    try_training(training, ["arms", *TOGETHER], 4)
    with pytest.raises(BadCard, match="read in pairs of people"):
        make_training(TrainingConfig(), people="together", interactions=TOGETHER)
    with pytest.raises(BadCard, match="reads frames"):
        make_training(TrainingConfig(), architecture="rgb-only", interactions=TOGETHER)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A small network, trained on clips of people who meet, follow each other, or move alone."""
    config = TrainingConfig(
        "slowonly", heatmap_spec(size=16), EACH, epochs=10, batch_size=16, repeats=8, interactions=TOGETHER,
        augmentation=Augmentation().scaled(0.2), learning_rate=0.1,
    )  # fmt: skip
    network = {"base_channels": 8, "stage_blocks": [1, 1, 1]}
    out = tmp_path_factory.mktemp("pairs") / "model"
    figures = train(Training(config, network, held_out=0.2, command="posec3d train …"), clips(12), out)
    return out, figures


def test_the_card_names_the_interactions(model):
    out, _ = model
    card = tomllib.loads((out / "model.toml").read_text())
    assert card["recipe"]["interactions"] == list(TOGETHER)


def test_it_tells_who_moves_towards_whom_and_who_does_something_alone(model):
    out, figures = model
    assert figures["all"]["top1"] >= 0.7
    recognizer = ActionRecognizer.from_config(PipelineConfig(classifiers=(out,), device="cpu"))
    answers = {}
    expected = {action: {((0, 1), action)} for action in TOGETHER} | {"arms": {(0, "arms"), (1, "arms")}}
    for action in expected:
        results = [recognizer.recognize(as_video_poses(two_people(action, number))) for number in range(100, 110)]
        answers[action] = [{(one.person, one.answer(0)) for one in result.segments} for result in results]
    for action, segments in expected.items():
        assert sum(one == segments for one in answers[action]) >= 8, answers
