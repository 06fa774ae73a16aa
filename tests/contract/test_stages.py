"""Every stage that this package offers keeps the contract, and the checks notice one that does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import fakes
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from posec3d_cli import testing
from posec3d_cli.errors import StageMismatch
from posec3d_cli.hub.cards import ModelCard
from posec3d_cli.hub.catalog import list_cards
from posec3d_cli.nets import build_network
from posec3d_cli.registry import STAGES, load_stage
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.stages.builders.heatmap import spec_of_card
from posec3d_cli.types import ActionScores, Detections, HeatmapVolume, Objects, Poses

ELSEWHERE = ("mmdet", "mmpose")
"""Stages whose packages are not installed here; they are checked in `tests/parity`."""
BUILDERS = {
    "heatmap": "posec3d",
    "estimator-heatmap": "posec3d",
    "graph": "stgcn",
    "rgb": "rgb",
    "rgbpose": "rgbpose",
}
SPEC = {"size": [32, 32], "sigma": 0.6, "skeleton": "coco-17"}
CLASSIFIERS = {
    "posec3d": {
        "architecture": "slowonly",
        "network": {"base_channels": 4, "stage_blocks": [1, 1, 1]},
        "heatmaps": SPEC,
        "clip": {"frames": 16},
    },
    "stgcn": {
        "architecture": "stgcn++",
        "network": {"base_channels": 6},
        "graph": {"people": 2},
        "clip": {"frames": 16},
    },
    "rgb": {
        "architecture": "rgb-only",
        "network": {"base_channels": 4, "stage_blocks": [1, 1, 1, 1]},
        "heatmaps": SPEC,
        "rgb": {"size": [64, 64]},
        "clip": {"frames": 16, "rgb_frames": 4},
    },
    "rgbpose": {
        "architecture": "rgbpose",
        "network": {"rgb_channels": 4, "pose_channels": 4, "rgb_blocks": [1, 1, 1, 1], "pose_blocks": [1, 1, 1]},
        "heatmaps": {**SPEC, "size": [16, 16]},
        "rgb": {"size": [64, 64]},
        "clip": {"frames": 16, "rgb_frames": 4},
    },
}
"""The recipe of a small card of each stage."""


def cards(kind):
    """The cards of one kind whose weights ship with us or come through pip and npm; the latter are marked.

    Weights of other hosts are not fetched by tests: their stages are checked in the stages' own tests.
    """
    marked = []
    for card in list_cards(kind):
        if card.stage in ELSEWHERE:
            continue
        schemes = [{source.partition(":")[0] for source in file.sources} for file in card.files]
        if all(each & {"file", "npm", "pypi"} for each in schemes):
            downloaded = any("file" not in each for each in schemes)
            marked.append(pytest.param(card, id=card.name, marks=[pytest.mark.weights] if downloaded else []))
    return marked


def classifier_card(folder, stage, *, labels=("a", "b", "c"), files=()):
    recipe = CLASSIFIERS[stage]
    return ModelCard("tiny", "classifier", stage, "tiny", "none", "none", files, recipe, labels, folder, True)


def made(card, files, **options):
    return load_stage(card.kind, card.stage).from_card(card, files, **options)


def test_every_stage_of_ours_is_checked_here():
    checked = {
        "detector": {card.stage for card in list_cards("detector")},
        "pose": {card.stage for card in list_cards("pose")},
        "builder": set(BUILDERS),
        "classifier": {*CLASSIFIERS, "onnx"},  # whose models are made, and checked, in tests/test_export.py
    }
    for kind, stages in STAGES.items():
        ours = {name for name, entry in stages.entries().items() if entry.built_in}
        assert ours <= checked[kind]


@pytest.mark.parametrize("card", cards("detector"))
def test_detectors_keep_the_contract(card, weights):
    testing.check_detector(made(*weights(card.name)))


@pytest.mark.parametrize("card", cards("pose"))
def test_pose_estimators_keep_the_contract(card, weights):
    testing.check_pose_estimator(made(*weights(card.name)))


@pytest.mark.weights
def test_pose_estimators_keep_the_contract_with_their_own_heatmaps(weights):
    testing.check_pose_estimator(made(*weights("movenet-thunder"), heatmaps=True))


@pytest.mark.parametrize("name", BUILDERS)
def test_builders_keep_the_contract(name):
    builder = load_stage("builder", name).from_card(classifier_card(Path(), BUILDERS[name]), {})
    size = (16, 16) if name == "estimator-heatmap" else None
    testing.check_volume_builder(
        builder,
        testing.sample_sequence(COCO_17, heatmap_size=size),
        testing.sample_sequence(COCO_17, people=0, heatmap_size=size),
    )


@pytest.mark.parametrize("stage", CLASSIFIERS)
def test_classifiers_keep_the_contract(stage, tmp_path):
    card = classifier_card(tmp_path, stage)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_network(card.recipe["architecture"], len(card.labels), card.recipe["network"])
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    classifier = load_stage("classifier", stage).from_card(
        card, {"weights": tmp_path / "weights.safetensors"}, precision="fp32"
    )
    samples = {
        "stgcn": lambda: testing.sample_clips(people=2),
        "rgb": testing.sample_rgb_clips,
        "rgbpose": lambda: testing.sample_rgb_clips(17),
    }.get(stage, lambda: testing.sample_volumes(17))
    testing.check_classifier(classifier, samples(), tolerance=1e-5)


@pytest.mark.parametrize("card", [card for card in cards("classifier") if not card.marks])
def test_classifiers_that_ship_with_us_keep_the_contract(card, weights):
    model, files = weights(card.name)
    if model.stage == "stgcn":
        samples = testing.sample_clips(people=1)
    else:
        spec = spec_of_card(model, {})
        samples = testing.sample_volumes(len(spec.mirror), size=spec.size[0])
    testing.check_classifier(made(model, files), samples)


def test_the_stages_of_these_tests_keep_the_contract():
    testing.check_detector(fakes.Detector(lambda index: [20] * index))
    testing.check_detector(fakes.ObjectDetector(lambda index: 50 if index else None))
    testing.check_pose_estimator(fakes.Pose())
    testing.check_classifier(fakes.Classifier(), [HeatmapVolume(np.full((2, 1, 3, 1, 1), 0.25, np.float32))])


def broken_detector(detect):
    return type("Broken", (), {"detect": lambda self, frames: detect(frames)})()


def boxes(*rows, scores=None):
    array = np.array(rows, np.float32).reshape(-1, 4)
    return Detections(array, np.full(len(array), 0.9, np.float32) if scores is None else np.array(scores, np.float32))


def paint(frames):
    for frame in frames:
        frame.pixels[:] = 0
    return [boxes() for _ in frames]


class Counting:
    """Answers differently every time."""

    calls = 0

    def __call__(self, frames):
        self.calls += 1
        return [boxes([0, 0, self.calls, 9]) for _ in frames]


@pytest.mark.parametrize(
    ("detect", "rule"),
    [
        (lambda frames: [], "one result per input"),
        (lambda frames: tuple(boxes() for _ in frames) or [], "must give a list"),
        (lambda frames: [None for _ in frames], "must give Detections"),
        (lambda frames: [boxes([0, 0, 9999, 9]) for _ in frames], "lie in the frame"),
        (lambda frames: [boxes([5, 5, 5, 9]) for _ in frames], "x1 < x2"),
        (lambda frames: [boxes([0, 0, 9, 9], scores=[2]) for _ in frames], "scores must lie"),
        (lambda frames: [boxes([0, 0, 9, 9], [0, 0, 8, 8], scores=[0.1, 0.2]) for _ in frames], "best box"),
        (lambda frames: [boxes([0, 0, len(frames), 9]) for _ in frames], "one by one"),
        (Counting(), "a second time"),
        (paint, "change its inputs"),
    ],
)
def test_a_detector_that_breaks_a_rule_is_caught(detect, rule):
    with pytest.raises(StageMismatch, match=rule):
        testing.check_detector(broken_detector(detect))


def broken_objects(change):
    class Broken(fakes.ObjectDetector):
        def detect(self, frames):
            return [replace(found, objects=change(frames, found.objects)) for found in super().detect(frames)]

    return Broken()


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda frames, objects: None, "frame 0: objects must not be None, for object_classes has 2 names"),
        (lambda frames, objects: Objects.none(("ball",)), "the names of objects must be object_classes"),
        (lambda frames, objects: replace(objects, boxes=objects.boxes + 999), "frame 0, objects: boxes must lie in"),
        (lambda frames, objects: replace(objects, scores=objects.scores + 2), "frame 0, objects: scores must lie in"),
        (lambda frames, objects: replace(objects, scores=objects.scores / len(frames)), "scores of objects one by one"),
        (lambda frames, objects: replace(objects, boxes=objects.boxes + len(frames)), "boxes of objects one by one"),
        (lambda frames, objects: replace(objects, classes=objects.classes + (len(frames) > 1)), "classes of objects"),
    ],
)
def test_a_detector_whose_objects_break_a_rule_is_caught(change, rule):
    with pytest.raises(StageMismatch, match=rule):
        testing.check_detector(broken_objects(change))


@pytest.mark.parametrize("known", [["ball"], ("ball", "ball"), ("ball", ""), (3,), "ball"])
def test_classes_that_are_no_different_names_are_caught(known):
    with pytest.raises(StageMismatch, match="object_classes must be a tuple of different names"):
        testing.check_detector(type("Named", (fakes.Detector,), {"object_classes": known})())


def test_objects_of_a_detector_that_says_it_knows_none_are_caught():
    unsaid = broken_detector(lambda frames: [replace(boxes(), objects=Objects.none(("ball",))) for _ in frames])
    with pytest.raises(StageMismatch, match="must be object_classes"):
        testing.check_detector(unsaid)


def test_a_pose_estimator_that_invents_somebody_is_caught():
    class Inventive(fakes.Pose):
        def estimate(self, frames, detections):
            somebody = Poses(np.zeros((1, 17, 2), np.float32), np.zeros((1, 17), np.float32))
            return [found if len(found) else somebody for found in super().estimate(frames, detections)]

    with pytest.raises(StageMismatch, match="shape"):
        testing.check_pose_estimator(Inventive())


def test_a_classifier_whose_probabilities_do_not_sum_to_one_is_caught():
    class Shy(fakes.Classifier):
        def classify(self, volumes):
            return [ActionScores(np.array([0.1, 0.1], np.float32), self.labels) for _ in volumes]

    with pytest.raises(StageMismatch, match="sum to 1"):
        testing.check_classifier(Shy(), testing.sample_volumes(1))


def test_a_builder_that_draws_nobody_is_caught():
    class Lazy:
        def build(self, sequence, clips, *, flip=False):
            return HeatmapVolume(np.zeros((len(clips) * (1 + flip), 17, clips.shape[1], 4, 4), np.float32))

    with pytest.raises(StageMismatch, match="must be drawn"):
        testing.check_volume_builder(
            Lazy(), testing.sample_sequence(COCO_17), testing.sample_sequence(COCO_17, people=0)
        )


def test_something_without_the_verb_is_no_stage():
    with pytest.raises(StageMismatch, match="detect"):
        testing.check_detector(object())
