from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from posec3d_cli.errors import BadCard, StageMismatch, WeightsMismatch
from posec3d_cli.nets import build_network
from posec3d_cli.stages.classifiers.posec3d import VOXELS_PER_BATCH, PoseC3D
from posec3d_cli.stages.classifiers.torch_networks import TorchNetworks
from posec3d_cli.stages.protocols import ActionClassifier
from posec3d_cli.testing import check_classifier
from posec3d_cli.types import HeatmapVolume

pytestmark = pytest.mark.usefixtures("calm_torch")
HEATMAP_NETWORKS = ("slowonly", "c3d-light", "x3d-shallow")
LABELS = ("clap", "jump", "run", "wave")
NETWORK = {"in_channels": 3, "base_channels": 8}


@dataclass
class Card:
    recipe: Mapping[str, Any]
    labels: tuple[str, ...] = LABELS
    name: str = "tiny"


def worn_network(architecture: str = "slowonly", **options: Any) -> torch.nn.Module:
    """A network whose batch norms and head look trained: no layer passes only zeros, and the classes differ."""
    network = build_network(architecture, len(LABELS), {**NETWORK, **options}).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm3d):
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(std=0.1)
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 1.5)
    network.cls_head.fc_cls.weight.data.normal_(std=0.5)
    return network


def save(state: Mapping[str, Tensor], folder: Path) -> dict[str, Path]:
    path = folder / "weights.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, path)
    return {"weights": path}


def load(state: Mapping[str, Tensor], folder: Path, recipe: Mapping[str, Any] | None = None, **options: Any) -> PoseC3D:
    card = Card(recipe or {"architecture": "slowonly", "network": NETWORK})
    return PoseC3D.from_card(card, save(state, folder), precision=options.pop("precision", "fp32"), **options)


def volume(views: int, *, frames: int = 8, size: int = 16, seed: int = 0) -> HeatmapVolume:
    values = np.random.default_rng(seed).random((views, 3, frames, size, size), dtype=np.float32)
    return HeatmapVolume(values)


def expected(network: torch.nn.Module, volume: HeatmapVolume) -> np.ndarray:
    """The definition, view by view, with the network as it was trained."""
    with torch.no_grad():
        views = [network(torch.from_numpy(view)[None]).softmax(1)[0] for view in volume.values]
    return torch.stack(views).mean(0).numpy()


@pytest.mark.parametrize("architecture", HEATMAP_NETWORKS)
def test_scores_are_the_mean_over_views_of_the_softmax(architecture: str, tmp_path: Path) -> None:
    network = worn_network(architecture)
    classifier = load(network.state_dict(), tmp_path, {"architecture": architecture, "network": NETWORK})
    (scores,) = classifier.classify([volume(5, size=32)])
    assert scores.labels == LABELS
    assert scores.probabilities.std() > 0.01
    np.testing.assert_allclose(scores.probabilities, expected(network, volume(5, size=32)), atol=1e-5)


def test_it_is_an_action_classifier(tmp_path: Path) -> None:
    classifier = load(worn_network().state_dict(), tmp_path)
    assert isinstance(classifier, ActionClassifier)
    assert classifier.labels == LABELS
    assert classifier.precision == "fp32"


def test_volumes_of_different_shapes_come_back_in_order(tmp_path: Path) -> None:
    network = worn_network()
    volumes = [volume(2, seed=1), volume(1, frames=4, size=24, seed=2), volume(3, seed=3), volume(1, size=24, seed=4)]
    results = load(network.state_dict(), tmp_path).classify(volumes)
    for given, scores in zip(volumes, results, strict=True):
        np.testing.assert_allclose(scores.probabilities, expected(network, given), atol=1e-5)


def test_no_volumes_give_no_scores(tmp_path: Path) -> None:
    assert load(worn_network().state_dict(), tmp_path).classify([]) == []


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_the_number_of_views_per_batch_changes_no_result(size: int, tmp_path: Path) -> None:
    network = worn_network()
    volumes = [volume(3, seed=1), volume(4, seed=2)]
    for given, scores in zip(
        volumes, load(network.state_dict(), tmp_path, views_per_batch=size).classify(volumes), strict=True
    ):
        np.testing.assert_allclose(scores.probabilities, expected(network, given), atol=1e-5)


def test_no_batch_is_larger_than_asked_for(tmp_path: Path) -> None:
    classifier = load(worn_network().state_dict(), tmp_path, views_per_batch=3)
    sizes: list[int] = []
    classifier.networks.modules[0].backbone.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    classifier.classify([volume(5), volume(2), volume(2, frames=4)])
    assert sizes == [3, 3, 1, 2]


def test_large_views_share_smaller_batches_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(VOXELS_PER_BATCH, "cpu", 2 * 8 * 16 * 16)
    classifier = load(worn_network().state_dict(), tmp_path)
    sizes: list[tuple[int, ...]] = []
    classifier.networks.modules[0].backbone.register_forward_pre_hook(
        lambda _, inputs: sizes.append(tuple(inputs[0].shape))
    )
    classifier.classify([volume(3), volume(3, size=32)])
    assert sizes == [(2, 3, 8, 16, 16), (1, 3, 8, 16, 16), *[(1, 3, 8, 32, 32)] * 3]


def test_views_per_batch_must_be_positive(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 1, got 0"):
        load(worn_network().state_dict(), tmp_path, views_per_batch=0)


def test_the_same_volume_gives_the_same_bits(tmp_path: Path) -> None:
    classifier = load(worn_network().state_dict(), tmp_path)
    first, second = (classifier.classify([volume(3)])[0].probabilities for _ in range(2))
    assert np.array_equal(first, second)


def test_loading_and_classifying_leave_the_random_state_alone(tmp_path: Path) -> None:
    files = worn_network().state_dict()
    before = torch.get_rng_state()
    load(files, tmp_path).classify([volume(1)])
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_nobody_gives_finite_probabilities(precision: str, tmp_path: Path) -> None:
    classifier = load(worn_network().state_dict(), tmp_path, precision=precision)
    (scores,) = classifier.classify([HeatmapVolume(np.zeros((2, 3, 8, 16, 16), np.float32))])
    assert np.isfinite(scores.probabilities).all()
    assert scores.probabilities.sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("architecture", HEATMAP_NETWORKS)
def test_bf16_agrees_with_fp32(architecture: str, tmp_path: Path) -> None:
    state = worn_network(architecture).state_dict()
    recipe = {"architecture": architecture, "network": NETWORK}
    fp32 = load(state, tmp_path, recipe)
    bf16 = load(state, tmp_path, recipe, precision="bf16")
    assert bf16.precision == "bf16"
    volumes = [volume(1, seed=seed) for seed in range(24)]
    volumes += [HeatmapVolume(given.values * (given.values > 0.9)) for given in volumes]
    agreed = 0
    for exact, rounded in zip(fp32.classify(volumes), bf16.classify(volumes), strict=True):
        np.testing.assert_allclose(rounded.probabilities, exact.probabilities, atol=0.05)
        agreed += exact.top(1)[0][0] == rounded.top(1)[0][0]
    assert agreed >= 0.95 * len(volumes)


def test_weights_in_half_precision_are_widened(tmp_path: Path) -> None:
    network = worn_network()
    halves = {k: v.half() if v.is_floating_point() else v for k, v in network.state_dict().items()}
    (scores,) = load(halves, tmp_path).classify([volume(2)])
    assert load(halves, tmp_path).networks.modules[0].backbone.conv1.conv.weight.dtype == torch.float32
    np.testing.assert_allclose(scores.probabilities, expected(network, volume(2)), atol=5e-3)


def test_a_torch_checkpoint_loads_as_well(tmp_path: Path) -> None:
    network = worn_network()
    path = tmp_path / "epoch_24.pth"
    torch.save({"state_dict": network.state_dict(), "meta": {"epoch": 24}}, path)
    card = Card({"architecture": "slowonly", "network": NETWORK})
    (scores,) = PoseC3D.from_card(card, {"weights": path}, precision="fp32").classify([volume(1)])
    np.testing.assert_allclose(scores.probabilities, expected(network, volume(1)), atol=1e-5)


def test_too_few_labels_are_named_as_the_cause(tmp_path: Path) -> None:
    files = save(worn_network().state_dict(), tmp_path)
    card = Card({"architecture": "slowonly", "network": NETWORK}, labels=LABELS[:3])
    with pytest.raises(WeightsMismatch, match="the card lists 3 labels, the weights have 4"):
        PoseC3D.from_card(card, files)


def test_other_stages_are_named_as_the_cause_with_both_numbers_of_blocks_and_the_card(tmp_path: Path) -> None:
    files = save(worn_network(stage_blocks=(3, 4, 6)).state_dict(), tmp_path)
    with pytest.raises(WeightsMismatch) as caught:
        PoseC3D.from_card(Card({"architecture": "slowonly", "network": NETWORK}, labels=LABELS[:3]), files)
    assert caught.value.what.startswith(f"tiny: {files['weights']}: ")
    assert "stages of (4, 6, 3) blocks, the weights have (3, 4, 6)" in caught.value.what
    assert "stage_blocks" in caught.value.hint


def test_missing_and_unexpected_tensors_are_named(tmp_path: Path) -> None:
    state = worn_network().state_dict()
    state["head.bias"] = state.pop("cls_head.fc_cls.bias")
    with pytest.raises(WeightsMismatch) as caught:
        load(state, tmp_path)
    assert "1 missing: cls_head.fc_cls.bias" in caught.value.what
    assert "1 unexpected: head.bias" in caught.value.what
    assert "weights.safetensors" in caught.value.what


def test_tensors_of_another_shape_are_named_with_both_shapes(tmp_path: Path) -> None:
    with pytest.raises(WeightsMismatch) as caught:
        load(worn_network(in_channels=4).state_dict(), tmp_path)
    assert "1 of another shape: backbone.conv1.conv.weight is (8, 4, 1, 7, 7) instead of (8, 3, 1, 7, 7)" in (
        caught.value.what
    )


def test_a_long_list_of_names_is_cut(tmp_path: Path) -> None:
    with pytest.raises(WeightsMismatch, match=r"\d+ missing: .* and \d+ more; \d+ unexpected: .* and \d+ more"):
        load(worn_network("c3d-light").state_dict(), tmp_path)


def test_a_volume_of_other_joints_is_refused(tmp_path: Path) -> None:
    classifier = load(worn_network().state_dict(), tmp_path)
    with pytest.raises(StageMismatch, match="of 3 channels, got 17"):
        classifier.classify([HeatmapVolume(np.zeros((1, 17, 4, 16, 16), np.float32))])


def test_a_volume_without_views_is_refused(tmp_path: Path) -> None:
    classifier = load(worn_network().state_dict(), tmp_path)
    with pytest.raises(StageMismatch, match="at least one view"):
        classifier.classify([volume(1), HeatmapVolume(np.zeros((0, 3, 4, 16, 16), np.float32))])


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ({}, "recipe.architecture is missing"),
        ({"architecture": "slowfast"}, "'slowfast'"),
        ({"architecture": "slowonly", "netwrok": {}}, "unknown key recipe.netwrok = {}"),
        ({"architecture": "slowonly", "network": 3}, "must be a table"),
        ({"architecture": "slowonly", "network": {"chanels": 3}}, "no option 'chanels'"),
        ({"architecture": "slowonly", "people": "apart"}, "one of each, together, got 'apart'"),
        ({"architecture": "slowonly", "temperature": 0}, r"recipe\.temperature must be a number above 0, got 0"),
        ({"architecture": "slowonly", "temperature": -1.5}, "number above 0, got -1.5"),
        ({"architecture": "slowonly", "temperature": math.inf}, "number above 0, got inf"),
        ({"architecture": "slowonly", "temperature": math.nan}, "number above 0, got nan"),
        ({"architecture": "slowonly", "temperature": True}, "number above 0, got True"),
        ({"architecture": "slowonly", "temperature": "hot"}, "number above 0, got 'hot'"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(recipe: Mapping[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(BadCard, match=said):
        PoseC3D.from_card(Card(recipe), {"weights": tmp_path / "weights.safetensors"})


def test_the_settings_of_other_stages_are_let_through(tmp_path: Path) -> None:
    recipe = {"architecture": "slowonly", "network": NETWORK, "people": "each", "heatmaps": {"size": 56}, "clip": {}}
    assert load(worn_network().state_dict(), tmp_path, recipe).labels == LABELS


def test_several_files_are_as_many_networks_whose_probabilities_are_averaged(tmp_path: Path) -> None:
    files: dict[str, Path] = {}
    alone = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        state = worn_network().state_dict()
        alone.append(load(state, tmp_path / name).classify([volume(2)])[0].probabilities)
        files[name] = save(state, tmp_path / name)["weights"]
    recipe = {"architecture": "slowonly", "network": NETWORK}
    both = PoseC3D.from_card(Card(recipe), files).classify([volume(2)])[0].probabilities
    assert np.abs(alone[0] - alone[1]).max() > 0.01
    assert np.allclose(both, np.mean(alone, axis=0), atol=1e-6)


def test_each_of_several_files_is_checked(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    good = save(worn_network().state_dict(), tmp_path)["weights"]
    other = save(worn_network(base_channels=16).state_dict(), tmp_path / "other")["weights"]
    with pytest.raises(WeightsMismatch, match="other"):
        PoseC3D.from_card(Card({"architecture": "slowonly", "network": NETWORK}), {"a": good, "b": other})


def test_a_card_without_labels_or_without_files_is_refused(tmp_path: Path) -> None:
    recipe = {"architecture": "slowonly", "network": NETWORK}
    with pytest.raises(BadCard, match="needs labels"):
        PoseC3D.from_card(Card(recipe, labels=()), {"weights": tmp_path})
    with pytest.raises(BadCard, match="the card names none"):
        PoseC3D.from_card(Card(recipe), {})


def quiet(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of a network whose logits are a few units apart, so that no answer is quite certain."""
    return {name: tensor * 0.02 if name == "cls_head.fc_cls.weight" else tensor for name, tensor in state.items()}


def classifier_of_two(folder: Path, labels: tuple[str, ...] = LABELS, **options: Any) -> PoseC3D:
    """Two networks that differ, the same in every call."""
    files: dict[str, Path] = {}
    for seed in (1, 2):
        torch.manual_seed(seed)
        (folder / str(seed)).mkdir(exist_ok=True)
        files[str(seed)] = save(quiet(worn_network().state_dict()), folder / str(seed))["weights"]
    card = Card({"architecture": "slowonly", "network": NETWORK, **options}, labels)
    return PoseC3D.from_card(card, files, precision="fp32")


def test_a_temperature_of_1_changes_no_bit(tmp_path: Path) -> None:
    volumes = [volume(3, seed=1), volume(2, seed=2)]
    plain, asked = classifier_of_two(tmp_path), classifier_of_two(tmp_path, temperature=1)
    assert (plain.temperature, asked.temperature) == (1.0, 1)
    for before, after in zip(plain.classify(volumes), asked.classify(volumes), strict=True):
        assert np.array_equal(before.probabilities, after.probabilities)


def test_a_higher_temperature_makes_answers_flatter_and_leaves_the_best_action_of_a_network(tmp_path: Path) -> None:
    state = quiet(worn_network().state_dict())
    recipe = {"architecture": "slowonly", "network": NETWORK}
    answers = [
        load(state, tmp_path, {**recipe, "temperature": temperature}).classify([volume(1)])[0].probabilities
        for temperature in (1.0, 2.0, 4.0, 8.0)
    ]
    assert len({int(one.argmax()) for one in answers}) == 1
    most = [one.max() for one in answers]
    assert most == sorted(most, reverse=True)
    assert most[0] - most[-1] > 0.1
    roots = answers[0].astype(np.float64) ** 0.5  # softmax(x / T) is softmax(x) to the power of 1 / T, scaled
    np.testing.assert_allclose(answers[1], roots / roots.sum(), atol=1e-6)


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_the_logits_are_those_of_each_network_and_view_and_make_the_answer(temperature: float, tmp_path: Path) -> None:
    classifier = classifier_of_two(tmp_path, temperature=temperature)
    volumes = [volume(3, seed=1), volume(1, frames=4, seed=2), volume(2, seed=3)]
    logits = classifier.logits(volumes)
    assert [one.shape for one in logits] == [(2, 3, 4), (2, 1, 4), (2, 2, 4)]
    assert all(one.dtype == np.float32 for one in logits)
    for one, scores in zip(logits, classifier.classify(volumes), strict=True):
        mean = torch.from_numpy(one / temperature).softmax(-1).mean((0, 1))
        np.testing.assert_allclose(scores.probabilities, mean, atol=1e-6)
    with pytest.raises(StageMismatch, match="volumes of 3 channels, got 2"):
        classifier.logits([HeatmapVolume(np.zeros((1, 2, 8, 16, 16), np.float32))])


REPEATED = ("walk", "unknown", "jump", "unknown")


def test_outputs_with_the_same_label_are_summed_after_the_softmax(tmp_path: Path) -> None:
    volumes = [volume(3, seed=1), volume(1, frames=4, seed=2)]
    plain = classifier_of_two(tmp_path, temperature=2.0)
    summed = classifier_of_two(tmp_path, labels=REPEATED, temperature=2.0)
    assert (summed.labels, summed.outputs) == (("walk", "unknown", "jump"), REPEATED)
    assert (plain.labels, plain.outputs) == (LABELS, LABELS)
    for one, other in zip(plain.classify(volumes), summed.classify(volumes), strict=True):
        walk, first, jump, second = one.probabilities
        assert other.labels == summed.labels
        np.testing.assert_allclose(other.probabilities, [walk, first + second, jump], atol=1e-6)
    for one, other in zip(plain.logits(volumes), summed.logits(volumes), strict=True):
        assert np.array_equal(one, other)
    check_classifier(summed, volumes)


def test_a_temperature_must_be_positive(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="temperature must be above 0, got 0"):
        PoseC3D(TorchNetworks([worn_network()]), LABELS, temperature=0)
