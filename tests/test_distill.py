"""The program that distils several networks into one: what it shows the student, and what it asks of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from benchmark_modules import imported

from posec3d_cli.transforms.joint_features import graph_features


@pytest.fixture(scope="module")
def distill():
    with imported("daily", ["ship", "objects", "unknown", "distill"]) as modules:
        yield modules["distill"]


class Samples:
    """One sample of an action, and one in which nobody moves."""

    joints = torch.from_numpy(np.random.default_rng(3).random((1, 8, 17, 3), dtype=np.float32))
    targets = torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25]])

    def __len__(self):
        return 2

    def __getitem__(self, item):
        return self.joints, self.targets[item]


class Teacher:
    """Says what it is told to."""

    def __init__(self, *chances):
        self.chances = torch.tensor(chances)

    def probabilities(self, joints):
        assert joints.shape == (1, 1, 8, 17, 3)
        return self.chances


def test_bones_are_those_of_predictions(distill):
    generator = np.random.default_rng(0)
    keypoints = generator.random((1, 6, 17, 2), np.float32) * 200
    scores = np.where(generator.random((1, 6, 17)) < 0.3, 0, generator.random((1, 6, 17))).astype(np.float32)
    joints = torch.from_numpy(graph_features(keypoints, scores))
    expected = graph_features(keypoints, scores, stream="bone")
    np.testing.assert_allclose(distill.bones(joints).numpy(), expected, atol=1e-6)


def test_a_share_of_the_target_is_the_mean_of_the_teachers(distill):
    teachers = [Teacher(0.5, 0.5, 0.0, 0.0), Teacher(0.1, 0.1, 0.8, 0.0)]
    dataset = distill.Distilled(Samples(), teachers, 0.5, as_bones=False)
    joints, target = dataset[0]
    assert target.tolist() == pytest.approx([0.5 * 0.925 + 0.15, 0.5 * 0.025 + 0.15, 0.5 * 0.025 + 0.2, 0.5 * 0.025])
    assert torch.equal(joints, Samples.joints)
    assert dataset[1][1].tolist() == [0.25] * 4
    shown, _ = distill.Distilled(Samples(), teachers, 0.5, as_bones=True)[0]
    assert torch.equal(shown, distill.bones(Samples.joints))
