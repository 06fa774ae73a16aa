"""Objects in the volumes of a training: seen by the same camera as people, sometimes dropped, up to a prediction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import synthetic_people as people

from posec3d_cli.config import PipelineConfig
from posec3d_cli.errors import BadCard
from posec3d_cli.evaluation.evaluate import as_video_poses, evaluate
from posec3d_cli.hub.catalog import load_card
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.training.augment import Augmentation, augmented
from posec3d_cli.training.config import DRAWN, NONE, TrainingConfig, heatmap_spec
from posec3d_cli.training.dataset import TrainingDataset
from posec3d_cli.training.finetune import load_pretrained
from posec3d_cli.training.objects import CHOICE
from posec3d_cli.training.settings import Training
from posec3d_cli.training.setup import make_training, unlike
from posec3d_cli.training.train import train
from posec3d_cli.transforms.object_groups import GROUPS

SAMPLING = ClipSampling(frames=8, people="each")
CONFIG = TrainingConfig("c3d-light", heatmap_spec(size=16), SAMPLING, epochs=4, repeats=6, batch_size=8, objects=DRAWN)
CLIP = people.with_object(people.labeled_clip("arms"), "cup")
SHOWN = replace(Augmentation(), object_drop=0.0, group_drop=0.0, jitter=0.0, wobble=0.0, swap=0.0, stray=0.0)


def sample(settings, seed, **options):
    return augmented(CLIP, [CLIP], SAMPLING, settings, np.random.default_rng(seed), **options)[0]


@pytest.mark.parametrize("seed", range(12))
def test_the_cup_stays_in_the_hand_whatever_the_camera_does(seed):
    sequence = sample(SHOWN, seed, with_objects=True)
    found = sequence.objects.take(sequence.objects.found)
    middles = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
    wrists = sequence.keypoints[0, found.columns][:, [9, 10]]  # the right one in a mirror image
    size = np.ptp(sequence.keypoints[0, ..., 1])
    assert len(middles) == len(sequence)
    near = np.linalg.norm(wrists - middles[:, None], axis=-1).min(axis=1)
    assert near.max() < 0.15 * size, "half a frame off at most"
    assert np.median(near) < 0.06 * size


def test_poses_are_augmented_the_same_with_and_without_objects():
    one, other = sample(Augmentation(), 3), sample(Augmentation(), 3, with_objects=True)
    assert np.array_equal(one.keypoints, other.keypoints)
    assert np.array_equal(one.scores, other.scores)
    assert one.objects is None


def test_samples_are_shown_without_any_objects_and_without_groups_of_them():
    dropped = [sample(Augmentation(), seed, with_objects=True).objects for seed in range(60)]
    without = sum(one is None for one in dropped)
    assert 8 <= without <= 30
    assert any(one is not None and not len(one) for one in dropped)
    assert sample(replace(SHOWN, object_drop=1.0), 0, with_objects=True).objects is None


def test_the_inputs_of_a_training_have_the_channels_of_objects():
    config = replace(CONFIG, augmentation=replace(Augmentation.none(), served=1.0))
    values, _ = TrainingDataset([CLIP], ["arms", "legs"], config, 0)[0]
    assert values.shape == (13 + len(GROUPS), 8, 16, 16)
    assert config.in_channels == 23
    channels = values[13:].amax(dim=(1, 2, 3))
    assert [name for name, value in zip(GROUPS, channels.tolist(), strict=True) if value > 0] == ["bottle, cup"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    clips = people.holding(8, {"catch": "sports ball", "pour": "cup"})
    out = tmp_path_factory.mktemp("run") / "model"
    training = Training(replace(CONFIG, augmentation=Augmentation.none()), {"base_channels": 4}, held_out=0.25)
    return out, train(training, clips, out), clips


def test_a_trained_model_reads_objects_from_its_card_to_its_prediction(made):
    out, figures, clips = made
    card = load_card(out)
    assert (card.stage, card.recipe["objects"], card.recipe["network"]["in_channels"]) == (
        "posec3d-objects", {"score_threshold": 0.1}, 23,
    )  # fmt: skip
    assert CHOICE not in figures
    recognizer = ActionRecognizer.from_config(PipelineConfig(classifiers=(out,), device="cpu", precision="fp32"))
    assert recognizer.used.builder == "pose-objects"
    assert evaluate(recognizer, clips).top1 > 0.9, "only objects tell these apart"
    without = recognizer.recognize(as_video_poses(replace(clips[0], objects=())))
    assert without.scores is not None


def test_it_is_fine_tuned_with_objects_and_not_without(made):
    out, _, _ = made
    start = load_pretrained(load_card(out), replace(CONFIG, objects="auto"))
    assert start.config.objects == DRAWN
    assert make_training(CONFIG, start).config.in_channels == 23
    with pytest.raises(BadCard, match="reads objects as channels"):
        load_pretrained(load_card(out), replace(CONFIG, objects=NONE))


def test_a_model_of_poses_cannot_be_fine_tuned_to_objects(made, tmp_path):
    plain = replace(CONFIG, objects=NONE, epochs=1, repeats=1)
    train(Training(plain, {"base_channels": 4}, held_out=0.25), people.labeled_clips(4), tmp_path / "plain")
    start = load_pretrained(load_card(tmp_path / "plain"), plain)
    assert unlike(start, objects=DRAWN) == "--objects drawn is not that of plain, not drawn"
    with pytest.raises(BadCard, match="plain has in_channels 13, got 23"):
        make_training(plain, start, objects=DRAWN)


def test_a_graph_network_has_no_volumes_to_draw_in():
    with pytest.raises(BadCard, match=r"stgcn\+\+ reads joints, not heatmap volumes in which objects can be drawn"):
        make_training(CONFIG, architecture="stgcn++", objects=DRAWN)
