"""A model that is converted when it is fetched, and kept."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from msgspec import structs

from posec3d_cli.errors import BadCard
from posec3d_cli.hub import converted
from posec3d_cli.hub.cards import Conversion, ModelCard, WeightFile
from posec3d_cli.hub.catalog import load_card
from posec3d_cli.hub.verify import OK, UNKNOWN, WRONG, verify
from posec3d_cli.hub.weights import cached_path, fetch, weights_cache
from posec3d_cli.runtime.onnx import open_session

CONVERSION = Conversion(start="start", image_size=4, outputs=("half",))


def graph_card(folder, divisor=2):
    """A card whose graph divides what it is given by a number, or by one for each channel: halves it, if not said."""
    divisor = np.float32(divisor)
    topology = {
        "modelTopology": {
            "node": [
                {"name": "start", "op": "Placeholder"},
                {"name": "two", "op": "Const"},
                {"name": "half", "op": "RealDiv", "input": ["start", "two"]},
            ]
        },
        "weightsManifest": [{"weights": [{"name": "two", "shape": divisor.shape, "dtype": "float32"}]}],
    }
    folder.mkdir()
    contents = {"topology": json.dumps(topology).encode(), "weights": divisor.tobytes()}
    files = []
    for name, suffix in (("topology", ".json"), ("weights", ".bin")):
        (folder / f"tiny{suffix}").write_bytes(contents[name])
        sha256 = hashlib.sha256(contents[name]).hexdigest()
        files.append(WeightFile(name, sha256=sha256, size=len(contents[name]), sources=(f"file:tiny{suffix}",)))
    return ModelCard(
        "tiny", "pose", "movenet", "s", "l", "d", tuple(files), {}, (), folder, False, conversion=CONVERSION
    )


@pytest.mark.parametrize(("divisor", "shape"), [(2, ()), ([[[[2, 2, 2]]]], ()), ([[[[2, 4, 8]]]], (1, 1, 1, 3))])
def test_a_constant_that_is_the_same_for_every_channel_is_one_number(tmp_path, divisor, shape):
    card = graph_card(tmp_path / "card", divisor)
    model = converted.convert_files(card, {file.name: card.folder / file.filename for file in card.files})
    [constant] = onnx.load_from_string(model).graph.initializer
    assert tuple(constant.dims) == shape
    images = np.arange(96, dtype=np.float32).reshape(2, 4, 4, 3)
    [halves] = onnxruntime.InferenceSession(model).run(None, {"images": images})
    assert np.array_equal(halves, images / np.float32(divisor))


@pytest.fixture
def card(tmp_path):
    return graph_card(tmp_path / "card")


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("POSEC3D_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("POSEC3D_WEIGHTS", raising=False)
    return tmp_path / "home"


def half_of_one(model):
    session = open_session(model, stage="movenet")
    return session.run(None, {"images": np.ones((1, 4, 4, 3), np.float32)})[0].max()


@pytest.fixture
def conversions(monkeypatch):
    """Counts them."""
    done = []
    plain = converted.convert_files
    monkeypatch.setattr(converted, "convert_files", lambda *given: done.append(1) or plain(*given))
    return done


def test_it_is_converted_once_and_kept_in_the_cache(card, home, conversions):
    model = fetch(card)["model"]
    assert model.parent == home / "weights" / "converted"
    assert model.name.endswith("-tiny.onnx")
    assert half_of_one(model) == 0.5
    assert fetch(card)["model"] == model
    assert len(conversions) == 1


def test_another_source_converter_or_setting_is_another_model(card, home, monkeypatch, tmp_path):
    names = {fetch(card)["model"].name}
    names.add(fetch(replace(card, conversion=structs.replace(CONVERSION, image_size=8)))["model"].name)
    changed = structs.replace(card.files[1], sha256="1" * 64)
    files = {file.name: card.folder / file.filename for file in card.files}
    names.add(converted.converted_path(replace(card, files=(card.files[0], changed)), files, home).name)
    converter = tmp_path / "convert_tfjs.py"
    converter.write_text("another")
    monkeypatch.setattr(converted, "_CONVERTER", converter)
    names.add(fetch(card)["model"].name)
    assert len(names) == 4


@pytest.mark.parametrize("damage", [b"", b"half", None])
def test_a_damaged_model_is_made_anew(card, home, damage):
    model = fetch(card)["model"]
    whole = model.read_bytes()
    if damage is None:
        model.with_name(f"{model.name}.sha256").unlink()
    else:
        model.write_bytes(damage)
    assert fetch(card)["model"] == model
    assert model.read_bytes() == whole
    assert converted.is_whole(model)


def test_where_nothing_can_be_kept_it_is_converted_in_memory(card, home, monkeypatch):
    monkeypatch.setattr(converted, "cannot_write", lambda folder: f"{folder} cannot be written")
    files = fetch(card)
    assert "model" not in files
    assert not home.exists()
    assert half_of_one(converted.converted(card, files)) == 0.5


def test_a_full_disk_costs_nothing_but_time(card, home, monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    files = fetch(card)
    assert half_of_one(converted.converted(card, files)) == 0.5


def test_a_bundle_holds_it_and_it_is_found_there(card, home, tmp_path, conversions):
    bundle = tmp_path / "bundle"
    fetch(card, home=bundle)
    assert not (home / "weights").exists()
    found = fetch(card, weights_dir=bundle)["model"]
    assert found.is_relative_to(bundle)
    assert len(conversions) == 1


def test_many_processes_at_once_make_one_whole_model(home, tmp_path):
    graph_card(tmp_path / "card")
    code = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "import pathlib, shutil, test_converted\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "card = test_converted.graph_card(folder)\n"
        "model = test_converted.fetch(card)['model']\n"
        "assert test_converted.half_of_one(model) == 0.5\n"
        "print(model)\n"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / f"card-{number}"), str(Path(__file__).parent)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    told = {process.communicate()[0] for process in running}
    assert [process.returncode for process in running] == [0, 0, 0]
    assert len(told) == 1
    [model] = converted.kept_models(weights_cache())
    assert converted.is_whole(model)


def test_verification_knows_it(card, home):
    model = fetch(card)["model"]
    stale = model.with_name("0123456789abcdef-tiny.onnx")
    stale.write_bytes(b"of an earlier converter")

    def states():
        return {one.path: one.state for one in verify([card], everything=True) if one.path.parent == model.parent}

    for file in card.files:
        shutil.copy(card.folder / file.filename, cached_path(file))
    assert states() == {model: OK, stale: UNKNOWN}
    model.write_bytes(b"half")
    assert states() == {model: WRONG, stale: UNKNOWN}
    assert converted.clear_converted(weights_cache()) == 2
    assert list(model.parent.iterdir()) == []


def test_a_card_without_the_files_of_a_graph_is_refused(tmp_path):
    text = (load_card("movenet-thunder").folder / "model.toml").read_text(encoding="utf-8")
    (tmp_path / "model.toml").write_text(text.replace('name = "topology"', 'name = "graph"'), encoding="utf-8")
    with pytest.raises(BadCard, match=r"convert needs files called topology and weights; there is graph, weights"):
        load_card(tmp_path)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("image_size = 0", "convert.image_size must be a whole number above 0, got 0"),
        ('image_size = 256\nscale = "x"', "unknown key convert.scale = 'x'"),
        ('image_size = "256"', "convert.image_size must be a whole number above 0, got '256'"),
    ],
)
def test_a_conversion_that_does_not_fit_is_named_with_its_key_and_value(tmp_path, line, said):
    text = (load_card("movenet-thunder").folder / "model.toml").read_text(encoding="utf-8")
    (tmp_path / "model.toml").write_text(text.replace("image_size = 256", line), encoding="utf-8")
    with pytest.raises(BadCard) as raised:
        load_card(tmp_path)
    assert said in str(raised.value)


@pytest.mark.weights
def test_the_stage_reads_the_kept_model_and_imports_no_converter():
    code = (
        "import sys\n"
        "from posec3d_cli.config import PipelineConfig\n"
        "from posec3d_cli.hub.catalog import load_card\n"
        "from posec3d_cli.hub.weights import fetch\n"
        "from posec3d_cli.stages.create import create_stage\n"
        "fetch(load_card('movenet-lightning'))\n"
        "for name in [name for name in sys.modules if name.partition('.')[0] == 'onnx']: del sys.modules[name]\n"
        "create_stage(load_card('movenet-lightning'), PipelineConfig(offline=True))\n"
        "assert 'onnx' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
