"""ONNX files of classifiers: what they hold, what they answer, and who runs them.

Each network is exported once; torch's exporter takes seconds for each.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import random_cards
import synthetic_people

from posec3d_cli import ActionRecognizer, PipelineConfig
from posec3d_cli.config import DEFAULT_PIPELINE
from posec3d_cli.errors import BadCard, DeviceError, OutputExists, StageMismatch, StageUnavailable
from posec3d_cli.evaluation.evaluate import as_video_poses
from posec3d_cli.export import OPSET, TOLERANCE, ComparingClassifier, check_export, export_onnx
from posec3d_cli.hub.cards import ONNX, network_files
from posec3d_cli.hub.catalog import load_card, load_pipeline
from posec3d_cli.hub.resolve import ensemble_of
from posec3d_cli.hub.weights import fetch
from posec3d_cli.output.poses import save_poses
from posec3d_cli.registry import load_stage
from posec3d_cli.testing import check_classifier
from posec3d_cli.types import HeatmapVolume, JointClips

pytestmark = pytest.mark.usefixtures("one_thread")
NETWORKS = {
    "slowonly": random_cards.NETWORK,
    "c3d-light": {"base_channels": 4},
    "x3d-shallow": {"base_channels": 8, "stage_blocks": [1, 1, 1]},
    "stgcn++": random_cards.GRAPH_NETWORK,
}


def write_model(folder: Path, architecture: str, seed: int = 1) -> Path:
    if architecture == "stgcn++":
        return random_cards.write_graph_card(folder, seed=seed)
    return random_cards.write_card(folder, seed=seed, architecture=architecture, network=NETWORKS[architecture])


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A model folder of each network, with its ONNX file, named by its card; that of slowonly holds two networks."""
    folder = tmp_path_factory.mktemp("models")
    made = {name: write_model(folder / name, name) for name in NETWORKS}
    two = write_model(folder / "other", "slowonly", seed=2) / "weights.safetensors"
    random_cards.add_file(
        made["slowonly"], "more", lambda path: path.write_bytes(two.read_bytes()), suffix=".safetensors"
    )
    for model in made.values():
        card = load_card(model)
        random_cards.add_file(model, ONNX, lambda path, card=card: export_onnx(card, fetch(card), path), suffix=".onnx")
    return made


def inputs(architecture: str) -> list[HeatmapVolume] | list[JointClips]:
    """Inputs of other numbers of views, frames, people and pixels than the network was traced with."""
    generator = np.random.default_rng(0)
    if architecture == "stgcn++":
        shapes = [(1, 1, 16, 17, 3), (5, 3, 33, 17, 3)]
        return [JointClips(generator.uniform(-1, 1, shape).astype(np.float32)) for shape in shapes]
    return [HeatmapVolume(generator.random(shape, np.float32)) for shape in ((1, 17, 16, 32, 32), (3, 17, 9, 40, 24))]


@pytest.mark.parametrize("architecture", NETWORKS)
def test_an_exported_file_answers_as_torch(architecture: str, models: dict[str, Path]) -> None:
    card = load_card(models[architecture])
    files, stage = fetch(card), load_stage("classifier", card.stage)
    by_onnx = stage.from_card(card, files)
    comparing = ComparingClassifier(stage.from_card(card, network_files(files), precision="fp32"), by_onnx)
    check_classifier(by_onnx, inputs(architecture))
    first = comparing.classify(inputs(architecture))
    assert comparing.found.equal, comparing.found
    assert comparing.found.views == sum(len(one.values) for one in inputs(architecture))
    for one, other in zip(first, by_onnx.classify(inputs(architecture)), strict=True):
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=TOLERANCE)
        assert one.probabilities.std() > 0.001


@pytest.mark.parametrize("architecture", NETWORKS)
def test_an_exported_file_is_one_file_that_says_what_it_is(architecture: str, models: dict[str, Path]) -> None:
    file, card = models[architecture] / "onnx.onnx", load_card(models[architecture])
    assert [path.name for path in file.parent.iterdir() if "onnx" in path.name] == [file.name]
    model = onnx.load(file)
    assert [one.version for one in model.opset_import if one.domain == ""] == [OPSET]
    session = onnxruntime.InferenceSession(file)
    [views], [logits] = session.get_inputs(), session.get_outputs()
    networks = 2 if architecture == "slowonly" else 1
    free = {"stgcn++": ["batch", "people", "frames", 17, 3]}.get(
        architecture, ["batch", 17, "frames", "height", "width"]
    )
    assert (views.name, views.shape, logits.name) == ("views", free, "logits")
    assert logits.shape == ["batch", networks, len(card.labels)]
    told = {one.key: json.loads(one.value) for one in model.metadata_props}
    assert told["labels"] == list(card.labels)
    assert told["recipe"]["clip"] == card.recipe["clip"]
    assert told["sha256"] == {one.name: one.sha256 for one in card.files if one.name != ONNX}


def test_torch_runs_what_onnx_runtime_does_not(models: dict[str, Path]) -> None:
    card = load_card(models["c3d-light"])
    stage, files = load_stage("classifier", card.stage), fetch(card)
    assert hasattr(stage.from_card(card, files, precision="bf16").networks, "modules")
    assert not hasattr(stage.from_card(card, files).networks, "modules")
    assert stage.prefers_processor(card)
    with pytest.raises(DeviceError, match="in fp32, got the precision 'bf16'"):
        stage.from_card(card, {ONNX: files[ONNX]}, precision="bf16")


def test_a_file_of_another_model_is_refused(models: dict[str, Path]) -> None:
    card = load_card(models["c3d-light"])
    stage = load_stage("classifier", card.stage)
    with pytest.raises(BadCard, match=r"must say how many channels it reads"):
        stage.from_card(card, {ONNX: models["stgcn++"] / "onnx.onnx"})


def test_a_file_with_other_labels_is_refused(models: dict[str, Path], tmp_path: Path) -> None:
    other = random_cards.write_graph_card(tmp_path / "other", seed=1, labels=("arms", "legs"))
    random_cards.add_file(
        other, ONNX, lambda path: path.write_bytes((models["stgcn++"] / "onnx.onnx").read_bytes()), suffix=".onnx"
    )
    card = load_card(other)
    with pytest.raises(BadCard, match=r"must return logits of 2 labels, but returns \['batch', 1, 3\]"):
        load_stage("classifier", card.stage).from_card(card, fetch(card))


def only_onnx(folder: Path, model: Path, *, tables: str = "") -> Path:
    """A model folder of the stage `onnx`, which has nothing but the ONNX file of `model`."""
    folder.mkdir()
    (folder / "labels.txt").write_bytes((model / "labels.txt").read_bytes())
    (folder / "model.toml").write_text(
        'kind = "classifier"\nstage = "onnx"\nsummary = "s"\nlicence = "l"\ndata_terms = "d"\n'
        f'[recipe]\npeople = "together"\n{tables}\n'
    )
    random_cards.add_file(
        folder, ONNX, lambda path: path.write_bytes((model / "onnx.onnx").read_bytes()), suffix=".onnx"
    )
    return folder


@pytest.mark.parametrize(
    ("architecture", "tables"),
    [
        ("slowonly", "[recipe.clip]\nframes = 12\n[recipe.heatmaps]\nsize = [16, 16]"),
        ("stgcn++", "[recipe.clip]\nframes = 16\n[recipe.graph]\nscore_threshold = 0.1\npeople = 2"),
    ],
)
def test_the_stage_onnx_needs_no_weights_of_torch(
    architecture: str, tables: str, models: dict[str, Path], tmp_path: Path
) -> None:
    folder = only_onnx(tmp_path / "alone", models[architecture], tables=tables)
    clips = [as_video_poses(one) for one in synthetic_people.labeled_clips(2)]
    answers = [
        list(
            ActionRecognizer.from_config(PipelineConfig(classifiers=(model,), people="together")).recognize_many(clips)
        )
        for model in (models[architecture], folder)
    ]
    for one, other in zip(*answers, strict=True):
        assert one.scores is not None
        assert other.scores is not None
        np.testing.assert_allclose(one.scores.probabilities, other.scores.probabilities, atol=TOLERANCE)
    assert other.pipeline.models["classifier"].stage == "onnx"


@pytest.mark.parametrize("tables", ["", "[recipe.heatmaps]\nsize = [16, 16]\n[recipe.graph]\nscore_threshold = 0.1"])
def test_a_card_of_the_stage_onnx_says_what_the_model_reads(
    tables: str, models: dict[str, Path], tmp_path: Path
) -> None:
    folder = only_onnx(tmp_path / "alone", models["slowonly"], tables=tables)
    with pytest.raises(BadCard, match="must have one of the tables 'heatmaps' and 'graph'"):
        ActionRecognizer.from_config(PipelineConfig(classifiers=(folder,)))


def write_poses(path: Path) -> Path:
    save_poses(as_video_poses(synthetic_people.labeled_clip("arms", frames=40)), path)
    return path


def test_the_check_compares_on_a_clip(models: dict[str, Path], tmp_path: Path) -> None:
    card, clip = load_card(models["stgcn++"]), write_poses(tmp_path / "clip.npz")
    found = check_export(card, fetch(card), models["stgcn++"] / "onnx.onnx", clip)
    assert found.views > 0
    assert found.difference <= TOLERANCE


def test_the_check_fails_where_the_file_is_of_other_weights(models: dict[str, Path], tmp_path: Path) -> None:
    other = load_card(random_cards.write_graph_card(tmp_path / "other", seed=9))
    with pytest.raises(StageMismatch, match="is not what torch computes: on 1 view, logits differ by up to"):
        check_export(other, fetch(other), models["stgcn++"] / "onnx.onnx", write_poses(tmp_path / "clip.npz"))


def test_an_export_replaces_no_file_unasked(models: dict[str, Path]) -> None:
    card = load_card(models["stgcn++"])
    with pytest.raises(OutputExists):
        export_onnx(card, fetch(card), models["stgcn++"] / "onnx.onnx")


def test_a_detector_is_not_exported(tmp_path: Path) -> None:
    with pytest.raises(StageMismatch, match="whole-frame cannot be exported: it is a detector"):
        export_onnx(load_card("whole-frame"), {}, tmp_path / "a.onnx")


def test_a_missing_exporter_is_named(models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxscript", None)
    card = load_card(models["stgcn++"])
    with pytest.raises(StageUnavailable, match="needs the package onnxscript"):
        export_onnx(card, fetch(card), tmp_path / "a.onnx")


@pytest.mark.parametrize("name", ensemble_of(load_pipeline(DEFAULT_PIPELINE).classifier))
def test_the_onnx_file_that_ships_is_that_of_the_weights(name: str, tmp_path: Path) -> None:
    card = load_card(name)
    files = fetch(card)
    told = {one.key: json.loads(one.value) for one in onnx.load(files[ONNX]).metadata_props}
    assert told["sha256"] == {one.name: one.sha256 for one in card.files if one.name == "weights"}
    assert (told["labels"], told["recipe"]) == (list(card.labels), card.recipe)
    assert told["temperature"] == card.recipe["temperature"]
    found = check_export(card, files, files[ONNX], write_poses(tmp_path / "clip.npz"))
    assert found.views > 0
