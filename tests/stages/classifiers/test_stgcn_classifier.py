from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import random_cards
import torch
from safetensors.torch import save_file

from posec3d_cli.errors import BadCard, StageMismatch, WeightsMismatch
from posec3d_cli.nets import build_network
from posec3d_cli.stages.classifiers.posec3d import PoseC3D
from posec3d_cli.stages.classifiers.stgcn import JOINTS_PER_BATCH, STGCN
from posec3d_cli.stages.protocols import ActionClassifier
from posec3d_cli.types import HeatmapVolume, JointClips

pytestmark = pytest.mark.usefixtures("one_thread")
LABELS = ("clap", "jump", "run", "wave")
NETWORK = {"base_channels": 12}
RECIPE = {"architecture": "stgcn++", "network": NETWORK}


@dataclass
class Card:
    recipe: Mapping[str, Any]
    labels: tuple[str, ...] = LABELS
    name: str = "tiny"


def save(folder: Path, seed: int = 0, **options: Any) -> Path:
    path = folder / f"weights-{seed}.safetensors"
    save_file(random_cards.random_state("stgcn++", len(LABELS), {**NETWORK, **options}, seed), path)
    return path


def load(folder: Path, seeds: tuple[int, ...] = (0,), *, precision: str = "fp32", **options: Any) -> STGCN:
    files = {f"file {seed}": save(folder, seed) for seed in seeds}
    return STGCN.from_card(Card(RECIPE), files, precision=precision, **options)


def clips(views: int, *, people: int = 1, frames: int = 8, seed: int = 0) -> JointClips:
    values = np.random.default_rng(seed).uniform(-1, 1, (views, people, frames, 17, 3))
    return JointClips(values.astype(np.float32))


def expected(seed: int, given: JointClips) -> np.ndarray:
    """The definition, view by view, with the network as it was trained."""
    network = build_network("stgcn++", len(LABELS), NETWORK).eval()
    network.load_state_dict(random_cards.random_state("stgcn++", len(LABELS), NETWORK, seed))
    with torch.no_grad():
        views = [network(torch.from_numpy(view)[None]).softmax(1)[0] for view in given.values]
    return torch.stack(views).mean(0).numpy()


def test_it_is_an_action_classifier(tmp_path: Path) -> None:
    classifier = load(tmp_path)
    assert isinstance(classifier, ActionClassifier)
    assert (classifier.labels, classifier.precision, classifier.builder) == (LABELS, "fp32", "graph")


def test_clips_of_different_shapes_come_back_in_order(tmp_path: Path) -> None:
    several = [clips(2, seed=1), clips(1, frames=5, seed=2), clips(3, seed=3), clips(1, people=2, seed=4)]
    for given, scores in zip(several, load(tmp_path).classify(several), strict=True):
        assert scores.probabilities.std() > 0.01
        np.testing.assert_allclose(scores.probabilities, expected(0, given), atol=1e-5)


def test_several_files_are_as_many_networks_whose_probabilities_are_averaged(tmp_path: Path) -> None:
    (both,) = load(tmp_path, (0, 1)).classify([clips(2)])
    one, other = expected(0, clips(2)), expected(1, clips(2))
    assert np.abs(one - other).max() > 0.01
    np.testing.assert_allclose(both.probabilities, (one + other) / 2, atol=1e-5)


def test_bf16_agrees_with_fp32(tmp_path: Path) -> None:
    several = [clips(1, seed=seed) for seed in range(8)]
    exact, rounded = load(tmp_path), load(tmp_path, precision="bf16")
    assert rounded.precision == "bf16"
    for one, other in zip(exact.classify(several), rounded.classify(several), strict=True):
        np.testing.assert_allclose(other.probabilities, one.probabilities, atol=0.05)


def test_no_batch_holds_more_than_a_few_joints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(JOINTS_PER_BATCH, "cpu", 2 * 8 * 17)
    classifier = load(tmp_path)
    sizes: list[tuple[int, ...]] = []
    classifier.networks.modules[0].backbone.register_forward_pre_hook(
        lambda _, inputs: sizes.append(tuple(inputs[0].shape))
    )
    classifier.classify([clips(3), clips(2, people=2)])
    assert sizes == [(2, 1, 8, 17, 3), (1, 1, 8, 17, 3), *[(1, 2, 8, 17, 3)] * 2]


@pytest.mark.parametrize("shape", [(1, 1, 8, 16, 3), (1, 1, 8, 17, 2), (1, 0, 8, 17, 3), (1, 1, 0, 17, 3)])
def test_clips_of_other_joints_or_of_nothing_are_refused(shape, tmp_path: Path) -> None:
    with pytest.raises(StageMismatch, match=r"reads clips of \(M, T, 17, 3\) joints, got"):
        load(tmp_path).classify([JointClips(np.zeros(shape, np.float32))])


def test_what_the_other_kind_of_classifier_reads_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StageMismatch, match="reads a JointClips, got a HeatmapVolume") as caught:
        load(tmp_path).classify([HeatmapVolume(np.zeros((1, 17, 8, 8, 8), np.float32))])
    assert "'graph'" in caught.value.hint
    network = {"base_channels": 4, "stage_blocks": [1, 1, 1]}
    path = tmp_path / "volumes.safetensors"
    save_file(random_cards.random_state("slowonly", len(LABELS), network, 0), path)
    volumes = PoseC3D.from_card(Card({"architecture": "slowonly", "network": network}), {"weights": path})
    with pytest.raises(StageMismatch, match="reads a HeatmapVolume, got a JointClips"):
        volumes.classify([clips(1)])


def test_a_clip_without_views_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StageMismatch, match="at least one view"):
        load(tmp_path).classify([clips(0)])


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ({"architecture": "slowonly"}, "STGCN runs networks of joints, and 'slowonly' reads heatmaps"),
        ({**RECIPE, "heatmaps": {}}, "unknown key recipe.heatmaps = {}"),
        ({**RECIPE, "network": {"stage_blocks": [1]}}, "no option 'stage_blocks'"),
    ],
)
def test_a_recipe_for_another_kind_of_network_is_refused(recipe, said, tmp_path: Path) -> None:
    with pytest.raises(BadCard, match=said):
        STGCN.from_card(Card(recipe), {"weights": tmp_path})


def test_volumes_are_not_read_by_a_network_of_joints(tmp_path: Path) -> None:
    with pytest.raises(BadCard, match="PoseC3D runs networks of heatmaps, and 'stgcn\\+\\+' reads joints"):
        PoseC3D.from_card(Card(RECIPE), {"weights": tmp_path})


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsMismatch, match="of another shape"):
        STGCN.from_card(Card(RECIPE), {"weights": save(tmp_path, base_channels=6)})
    with pytest.raises(WeightsMismatch, match="the card lists 3 labels, the weights have 4"):
        STGCN.from_card(Card(RECIPE, LABELS[:3]), {"weights": save(tmp_path)})
