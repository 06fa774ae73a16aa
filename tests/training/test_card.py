"""A trained network as a model folder, and that it then sees what it was trained on."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from posec3d_cli.config import PipelineConfig
from posec3d_cli.datasets.clips import ESTIMATED, LabeledClip
from posec3d_cli.evaluation.evaluate import as_video_poses
from posec3d_cli.hub.catalog import load_card
from posec3d_cli.nets import build_network
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.training.card import weights_name, write_card, write_weights
from posec3d_cli.training.config import TrainingConfig
from posec3d_cli.training.dataset import network_input
from posec3d_cli.training.summary import Trained
from posec3d_cli.types import ActionScores

RECIPE = TrainingConfig(architecture="slowonly", size=40)
OPTIONS = {"in_channels": 13, "base_channels": 4, "stage_blocks": [1, 1, 1]}


def trained(**changes):
    made = Trained(
        classes=["arme \u00fcber Kopf", "legs"],
        network=OPTIONS,
        recipe=RECIPE,
        window_seconds=None,
        people="together",
        command="posec3d train 'my clips'",
        start="",
        clips={"training": {"clips": 12}, "held_out": {}},
        history=[{"network": 0, "epoch": 1, "loss": 0.5, "rate": 0.1, "accuracy": None}],
        figures={},
    )
    return replace(made, **changes)


def network():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        fresh = build_network("slowonly", 2, OPTIONS).eval()
        for name, values in fresh.state_dict().items():  # as if it had been trained: nothing is all zero
            if values.is_floating_point():
                values.add_(torch.rand_like(values) if "running_var" in name else torch.randn_like(values), alpha=0.1)
    return fresh


def written(folder, net=None, **changes):
    folder.mkdir(exist_ok=True)
    write_weights(folder, 0, net or network())
    write_card(folder, trained(**changes), 1)
    return folder


@pytest.fixture
def folder(tmp_path):
    return written(tmp_path / "model")


class Seen:
    """A classifier that keeps the volumes that it is shown."""

    labels = ("a", "b")

    def __init__(self):
        self.volumes = []

    def classify(self, volumes):
        self.volumes += [volume.values for volume in volumes]
        return [ActionScores(np.array([0.5, 0.5], np.float32), self.labels) for _ in volumes]


def random_clip(seed, *, height, people_in=1):
    """People who jump about at random, some joints missing, some scores below the threshold."""
    generator = np.random.default_rng(seed)
    keypoints = generator.uniform(-0.2, 1, (people_in, 40, 17, 2)) * height * generator.uniform(0.5, 1.5, 2)
    scores = generator.uniform(0, 1, keypoints.shape[:3]) * (generator.random(keypoints.shape[:3]) < 0.8)
    return LabeledClip("clip", "legs", "g", ESTIMATED, keypoints.astype(np.float32), scores.astype(np.float32), 25.0)


def shown_and_given(clip, folder, recipe=RECIPE):
    """What the classifier is shown of a clip, and what the training would have given the network of the same frames."""
    [member] = ActionRecognizer.from_config(PipelineConfig(classifiers=(folder,), device="cpu")).members
    seen = Seen()
    actions = ActionRecognizer([replace(member, classifier=seen)])
    actions.recognize(as_video_poses(clip))
    frames = actions.sampling.plan(len(clip), Fraction(25))[0].clips[0]
    ((shown,),) = seen.volumes
    return shown, network_input(clip.keypoints[:, frames], clip.scores[:, frames], recipe)


def test_the_folder_is_a_card(folder):
    card = load_card(folder, "classifier")
    assert card.labels == ("arme \u00fcber Kopf", "legs")
    assert (card.stage, card.verified) == ("posec3d", True)
    assert card.recipe["network"] == OPTIONS
    assert card.recipe["heatmaps"]["size"] == [40, 40]
    assert card.recipe["clip"] == {"frames": 16, "sampler": "pyskl"}
    assert not list(folder.glob("*.part"))


def test_windows_and_single_people_are_noted_down(tmp_path):
    written(tmp_path / "model", window_seconds=2.0, people="each")
    sampling = ActionRecognizer.from_config(PipelineConfig(classifiers=(tmp_path / "model",), device="cpu")).sampling
    assert (sampling.window_seconds, sampling.stride_seconds, sampling.people) == (2.0, 1.0, "each")


def test_weights_are_stored_in_half_precision_and_counters_as_they_are(folder):
    kinds = {value.dtype for value in load_file(folder / weights_name(0)).values()}
    assert kinds == {torch.float16, torch.int64}


def test_the_classifier_answers_as_the_network_did(folder):
    clip = random_clip(0, height=20_000)
    config = PipelineConfig(classifiers=(folder,), device="cpu", precision="fp32")
    answer = ActionRecognizer.from_config(config).recognize(as_video_poses(clip)).scores
    _, volume = shown_and_given(clip, folder)
    with torch.inference_mode():
        expected = network()(torch.from_numpy(volume)[None]).softmax(1)[0].numpy()
    assert abs(expected[0] - 0.5) > 0.01  # the network does tell something
    assert np.allclose(answer.probabilities, expected, atol=5e-3)


@pytest.mark.parametrize("people_in", [1, 2])
@pytest.mark.parametrize(("height", "largest"), [(150, 0.25), (20_000, 0.012)])
def test_the_classifier_sees_what_the_training_drew(folder, height, largest, people_in):
    """Frames are cropped at whole pixels, the training crops anywhere: up to 2 pixels, less the larger people are.

    What remains is a Gaussian's edge, e**-4.5 high, that falls inside the window of one and outside the other's.
    """
    for seed in range(8):
        shown, drawn = shown_and_given(random_clip(seed, height=height, people_in=people_in), folder)
        assert shown.shape == drawn.shape == (13, 16, 40, 40)
        assert drawn.any()
        assert np.abs(shown - drawn).max() < largest


def test_where_the_crop_falls_on_whole_pixels_both_draw_the_same(folder):
    clip = random_clip(3, height=200, people_in=2)
    keypoints, scores = np.clip(clip.keypoints, 100, 260), clip.scores.copy()
    keypoints[0, :, 0], keypoints[0, :, 11] = 100, 260  # the crop reaches from 80 to 280 in both directions
    scores[0, :, [0, 11]] = 1
    shown, drawn = shown_and_given(replace(clip, keypoints=keypoints, scores=scores), folder)
    assert np.abs(shown - drawn).max() < 1e-4


def test_a_readme_of_ours_is_brought_up_to_date_and_one_of_the_user_is_kept(folder):
    readme = folder / "README.md"
    measured = {"clips": 8, "top1": 0.75, "top1_interval": [0.4, 0.9], "top5": 1.0, "mean_class": 0.7}
    written(folder, figures={"all": measured})
    assert "| all | 8 | 75.0% | 40% to 90% | 100.0% | 70.0% |" in readme.read_text()
    assert "posec3d train 'my clips'" in readme.read_text()
    readme.write_text("# Mine")
    written(folder)
    assert readme.read_text() == "# Mine"


def test_a_temperature_is_noted_down_and_obeyed(tmp_path):
    clip = as_video_poses(random_clip(0, height=300))

    def read(folder):
        return ActionRecognizer.from_config(PipelineConfig(classifiers=(folder,), device="cpu")).recognize(clip).scores

    plain, soft = (read(written(tmp_path / name, temperature=value)) for name, value in (("plain", 1.0), ("soft", 2.0)))
    assert "temperature" not in (tmp_path / "plain" / "model.toml").read_text()
    assert abs(soft.probabilities[0] - 0.5) < abs(plain.probabilities[0] - 0.5)


def test_limbs_are_drawn_for_the_classifier_as_for_the_training(tmp_path):
    recipe = replace(RECIPE, input="limb")
    folder = written(tmp_path / "model", recipe=recipe)
    shown, drawn = shown_and_given(random_clip(1, height=20_000), folder, recipe)
    assert shown.shape == drawn.shape == (13, 16, 40, 40)
    assert np.abs(shown - drawn).max() < 0.02


@pytest.mark.parametrize("stream", ["joint", "limb"])
def test_a_graph_network_reads_what_the_training_gave_it(tmp_path, stream):
    recipe = TrainingConfig(architecture="stgcn++", input=stream)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = build_network("stgcn++", 2, {"base_channels": 8}).eval()
    folder = written(tmp_path / "model", net, recipe=recipe, network={"base_channels": 8}, people="each")
    card = load_card(folder, "classifier")
    assert (card.stage, card.recipe["graph"]["stream"]) == ("stgcn", "bone" if stream == "limb" else "joint")
    clip = random_clip(2, height=300)
    clip = replace(clip, scores=np.maximum(clip.scores, 0.2))  # one person throughout, without a missing joint
    shown, given = shown_and_given(clip, folder, recipe)
    assert shown.shape == given.shape == (1, 16, 17, 3)
    # Tracks lose nothing here, so only the rounding of float32 may differ.
    assert np.abs(shown - given).max() < 1e-5
