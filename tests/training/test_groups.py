"""Group activity: who moves towards whom, told from everybody in one volume and not from each person alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import synthetic_people
import torch

from posec3d_cli.datasets.clips import ESTIMATED, LabeledClip
from posec3d_cli.nets import build_network
from posec3d_cli.training.augment import Augmentation
from posec3d_cli.training.config import TrainingConfig
from posec3d_cli.training.dataset import TrainingDataset
from posec3d_cli.training.loop import EVERY, fit, validate
from posec3d_cli.training.setup import make_training

pytestmark = pytest.mark.usefixtures("one_thread")
WAYS = {"meet": (1, -1), "part": (-1, 1)}
BASE = TrainingConfig(batch_size=8, learning_rate=0.05, augmentation=Augmentation.none())


def group(label, number):
    """Two people side by side; each goes left in one activity and right in the other, so that neither alone tells."""
    chance = np.random.default_rng((sorted(WAYS).index(label), number))
    pose = np.asarray(synthetic_people.moving("arms")[0], np.float32) * 60
    steps = np.linspace(-0.5, 0.5, 24, dtype=np.float32)[:, None]
    keypoints = np.zeros((2, 24, 17, 2), np.float32)
    for person, way in enumerate(WAYS[label]):
        x = 120 + 140 * person + way * chance.uniform(60, 90) * steps + chance.uniform(-10, 10)
        keypoints[person] = pose + np.stack([x, np.full_like(x, chance.uniform(20, 60))], axis=-1)
    order = chance.permutation(2)
    scores = np.full((2, 24, 17), 0.9, np.float32)
    name = f"{label}_{number}"
    return LabeledClip(name, label, name, ESTIMATED, keypoints[order], scores, 24.0, (240, 400))


def groups(count, first=0):
    return [group(label, first + number) for label in WAYS for number in range(count)]


def accuracy(people, epochs):
    training = make_training(BASE, architecture="slowonly", people=people, window=0, frames=12, width=16, size=16)
    config = replace(training.config, repeats=6, epochs=epochs)
    options = {**training.options, "base_channels": 4, "stage_blocks": (1, 1, 1)}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build_network("slowonly", 2, options)
    learned = groups(12)
    averaged = fit(network, lambda epoch: TrainingDataset(learned, sorted(WAYS), config, epoch), config)
    return validate(averaged, groups(12, 100), sorted(WAYS), config).accuracy[EVERY]


def test_everybody_in_one_volume_tells_who_moves_towards_whom_and_single_people_do_not():
    assert accuracy("together", 8) > 0.9
    assert accuracy("each", 3) < 0.8
