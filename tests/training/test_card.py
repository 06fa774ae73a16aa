"""A trained network as a model folder, and that it then sees what it was trained on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from msgspec import structs
from safetensors.torch import load_file

from posec3d_cli.config import PipelineConfig
from posec3d_cli.datasets.clips import ESTIMATED, LabeledClip
from posec3d_cli.evaluation.evaluate import as_video_poses
from posec3d_cli.hub.catalog import load_card
from posec3d_cli.nets import build_network
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.training.augment import Augmentation
from posec3d_cli.training.card import weights_name, write_card, write_weights
from posec3d_cli.training.config import TrainingConfig, heatmap_spec, joint_spec
from posec3d_cli.training.dataset import TrainingDataset
from posec3d_cli.training.summary import Trained
from posec3d_cli.transforms.heatmaps import HeatmapSpec
from posec3d_cli.transforms.joint_features import JointSpec
from posec3d_cli.types import ActionScores

CONFIG = TrainingConfig(
    architecture="slowonly", spec=heatmap_spec(size=40), sampling=ClipSampling(frames=16, people="together")
)
OPTIONS = {"in_channels": 13, "base_channels": 4, "stage_blocks": [1, 1, 1]}


def trained(**changes):
    made = Trained(
        classes=["arme \u00fcber Kopf", "legs"],
        network=OPTIONS,
        config=CONFIG,
        command="posec3d train 'my clips'",
        start=None,
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


def random_clip(seed, *, height, people_in=1, frames=40):
    """People who jump about at random, some joints missing, some scores below the threshold."""
    generator = np.random.default_rng(seed)
    keypoints = generator.uniform(-0.2, 1, (people_in, frames, 17, 2)) * height * generator.uniform(0.5, 1.5, 2)
    scores = generator.uniform(0, 1, keypoints.shape[:3]) * (generator.random(keypoints.shape[:3]) < 0.8)
    return LabeledClip(
        "clip", "legs", "g", ESTIMATED, keypoints.astype(np.float32), scores.astype(np.float32), 25.0, (480, 640)
    )


def shown_and_given(clip, folder, config=CONFIG):
    """What the classifier is shown of a clip, and what the training gives the network of it, unless augmented."""
    [member] = ActionRecognizer.from_config(PipelineConfig(classifiers=(folder,), device="cpu")).members
    seen = Seen()
    ActionRecognizer([replace(member, classifier=seen)]).recognize(as_video_poses(clip))
    samples = TrainingDataset([clip], [clip.label], replace(config, augmentation=Augmentation.none()), 0)
    return [one[0] for one in seen.volumes], [samples[number][0].numpy() for number in range(len(samples))]


def test_the_folder_is_a_card(folder):
    card = load_card(folder, "classifier")
    assert card.labels == ("arme \u00fcber Kopf", "legs")
    assert (card.stage, card.verified) == ("posec3d", True)
    assert card.recipe["network"] == OPTIONS
    assert card.recipe["heatmaps"]["size"] == [40, 40]
    assert card.recipe["clip"] == {"frames": 16, "sampler": "pyskl"}
    assert not list(folder.glob("*.part"))


def test_windows_and_single_people_are_noted_down(tmp_path):
    written(tmp_path / "model", config=TrainingConfig(architecture="slowonly"))
    sampling = ActionRecognizer.from_config(PipelineConfig(classifiers=(tmp_path / "model",), device="cpu")).sampling
    assert (sampling.window_seconds, sampling.stride_seconds, sampling.people) == (2.0, 1.0, "each")


def test_weights_are_stored_in_half_precision_and_counters_as_they_are(folder):
    kinds = {value.dtype for value in load_file(folder / weights_name(0)).values()}
    assert kinds == {torch.float16, torch.int64}


def test_the_classifier_answers_as_the_network_did(folder):
    clip = random_clip(0, height=20_000)
    config = PipelineConfig(classifiers=(folder,), device="cpu", precision="fp32")
    answer = ActionRecognizer.from_config(config).recognize(as_video_poses(clip)).scores
    _, volumes = shown_and_given(clip, folder)
    with torch.inference_mode():
        expected = network()(torch.from_numpy(volumes[0])[None]).softmax(1)[0].numpy()
    assert abs(expected[0] - 0.5) > 0.01  # the network does tell something
    assert np.allclose(answer.probabilities, expected, atol=5e-3)


PUBLISHED = HeatmapSpec(size=(56, 56))  # crops of whole pixels


@pytest.mark.parametrize("people_in", [1, 2])
@pytest.mark.parametrize("height", [12, 150])
@pytest.mark.parametrize("frames", [10, 40, 90])
@pytest.mark.parametrize(
    "spec",
    [heatmap_spec(size=40), heatmap_spec("limb", 28), PUBLISHED, joint_spec("limb")],
    ids=lambda one: one.size if isinstance(one, HeatmapSpec) else "joints",
)
def test_training_sees_what_a_prediction_sees(tmp_path, spec, frames, height, people_in):
    """Both roads of a clip, from its poses to the network: large and small people, short and long clips."""
    graph = isinstance(spec, JointSpec)
    config = replace(CONFIG, spec=spec, architecture="stgcn++" if graph else "slowonly")
    if graph:
        config = replace(config, sampling=structs.replace(config.sampling, people="each"))
    with torch.random.fork_rng(devices=[]):
        options = {"base_channels": 8} if graph else {**OPTIONS, "in_channels": config.in_channels}
        net = build_network(config.architecture, 2, options)
    folder = written(tmp_path / "model", net, config=config, network=options)
    clip = random_clip(frames + height, height=height, people_in=1 if graph else people_in, frames=frames)
    shown, given = shown_and_given(clip, folder, config)
    assert len(shown) == 1
    assert shown[0].any()
    assert shown[0].shape == given[0].shape
    assert np.abs(shown[0] - given[0]).max() <= 1e-6


def test_every_window_of_a_prediction_is_one_that_training_sees(tmp_path):
    config = replace(CONFIG, sampling=TrainingConfig().sampling, batch_size=64)
    folder = written(tmp_path / "model", config=config)
    shown, given = shown_and_given(random_clip(5, height=80, frames=140), folder, config)
    assert len(shown) == 5
    nearest = [min(np.abs(one - other).max() for one in shown) for other in given]
    assert max(nearest) <= 1e-6
    assert {int(np.argmin([np.abs(one - other).max() for one in shown])) for other in given} == set(range(5))


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
