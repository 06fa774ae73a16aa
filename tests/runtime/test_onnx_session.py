from __future__ import annotations

import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from onnx_factory import write_constants, write_model

from posec3d_cli.errors import BadCard, StageUnavailable
from posec3d_cli.runtime.onnx import answer, naming, open_session

SHAPE = [1, 3, 4, 4]


def values(session):
    [result] = session.run(None, {"input": np.zeros(SHAPE, np.float32)})
    return result.tolist()


@pytest.fixture
def model(tmp_path):
    return write_constants(tmp_path / "model.onnx", np.array([1.5, 2.5], np.float32), shape=SHAPE)


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_a_model_is_opened_from_a_file_and_from_memory(model):
    assert values(open_session(model, stage="test")) == [1.5, 2.5]
    assert values(open_session(model.read_bytes(), stage="test")) == [1.5, 2.5]


def test_a_model_in_a_zip_is_read_where_it_lies(tmp_path, model):
    folder = "20230831/rtmpose_onnx/rtmpose-t"
    members = {f"{folder}/pipeline.json": "{}", f"{folder}/end2end.onnx": model.read_bytes(), "deploy.json": "{}"}
    archive = zipped(tmp_path / "model.zip", members)
    before = sorted(tmp_path.rglob("*"))
    assert values(open_session(archive, stage="test")) == [1.5, 2.5]
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("names", "count"), [(["model.onnx"], 0), (["a/end2end.onnx", "b/end2end.onnx"], 2), (["not-end2end.onnx"], 0)]
)
def test_a_zip_with_no_model_or_several_is_refused(tmp_path, model, names, count):
    archive = zipped(tmp_path / "model.zip", dict.fromkeys(names, model.read_bytes()))
    with pytest.raises(BadCard, match=rf"model\.zip must hold one end2end\.onnx, but holds {count}"):
        open_session(archive, stage="test")


def test_a_damaged_zip_is_refused_by_name(tmp_path):
    archive = zipped(tmp_path / "model.zip", {"end2end.onnx": np.random.default_rng(0).bytes(5000)})
    content = bytearray(archive.read_bytes())
    content[2000] ^= 255
    archive.write_bytes(content)
    with pytest.raises(BadCard, match=r"model\.zip is no readable zip"):
        open_session(archive, stage="test")


def test_a_file_that_is_no_model_is_refused_by_name(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(BadCard, match=r"model\.onnx is no model that ONNX Runtime can load"):
        open_session(tmp_path / "model.onnx", stage="test")


def test_a_device_that_the_runtime_does_not_offer_is_refused(model):
    with pytest.raises(StageUnavailable, match=r"the stage 'test' cannot run on 'mps'.*CPUExecutionProvider"):
        open_session(model, stage="test", device="mps")


class OnProcessorsAllTheSame:
    """What ONNX Runtime gives where it is built for CUDA but does not find the libraries of CUDA."""

    def __init__(self, model, options, providers):
        self.wanted = providers[0][0]

    def get_providers(self):
        return ["CPUExecutionProvider"]


def test_a_runtime_that_falls_back_to_the_processor_is_refused(model, monkeypatch):
    monkeypatch.setattr(
        "onnxruntime.get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]
    )
    monkeypatch.setattr("onnxruntime.InferenceSession", OnProcessorsAllTheSame)
    with pytest.raises(StageUnavailable, match=r"the stage 'test' cannot run on 'cuda': .* cannot start") as caught:
        open_session(model, stage="test", device="cuda")
    assert "--device auto" in caught.value.hint


def test_a_call_takes_one_thread_on_processors(model):
    assert open_session(model, stage="test").get_session_options().intra_op_num_threads == 1


@pytest.mark.parametrize(
    ("graph", "complaint"),
    [
        (
            "m (float[N] input) => (float[2] out) { s = Constant <value = int64[1] {2}> () out = Reshape (input, s) }",
            r"m\.onnx cannot be run on an input of \(3,\): ",
        ),
        (
            "m (float[N] input) => (seq(float[N]) out) { out = SequenceConstruct (input) }",
            r"m\.onnx returns list as output 0",
        ),
        (
            'm (float[N] input) => (string[1] out) { out = Constant <value_strings = ["a"]> () }',
            r"m\.onnx returns .* as output 0, where an array of numbers was expected",
        ),
    ],
)
def test_a_model_that_fails_or_returns_no_numbers_is_named(tmp_path, graph, complaint):
    model = write_model(tmp_path / "m.onnx", graph)
    with pytest.raises(BadCard, match=complaint):
        answer(open_session(model, stage="test"), {"input": np.zeros(3, np.float32)}, model)


@pytest.mark.parametrize("damage", ["cut off", "empty", "a text"])
def test_a_damaged_model_is_named(tmp_path, model, damage):
    content = model.read_bytes()
    bad = tmp_path / "bad.onnx"
    bad.write_bytes({"cut off": content[: len(content) // 2], "empty": b"", "a text": b"weights here"}[damage])
    with pytest.raises(BadCard, match=r"bad\.onnx is no model that ONNX Runtime can load"):
        open_session(bad, stage="test")


def test_complaints_about_a_card_get_the_models_name():
    with pytest.raises(BadCard, match=r"^a\.onnx: wrong$") as caught, naming("a.onnx"):
        raise BadCard("wrong", hint="mend it")
    assert caught.value.hint == "mend it"


@pytest.mark.parametrize("chosen", [None, "0"])
def test_nothing_is_reported_to_anybody_unless_the_user_wants_it(tmp_path, chosen):
    code = (
        "import os, sys; from pathlib import Path; from posec3d_cli.runtime.onnx import open_session\n"
        "try: open_session(b'no model', stage='x')\n"
        "except Exception as error: assert type(error).__name__ == 'BadCard', error\n"
        "print('onnxruntime' in sys.modules, os.environ['ORT_DISABLE_TELEMETRY'])"
    )
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    for name in ("ORT_DISABLE_TELEMETRY", "CI"):
        environment.pop(name, None)
    if chosen is not None:
        environment["ORT_DISABLE_TELEMETRY"] = chosen
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["True", chosen or "1"]
    if chosen is None:
        assert list(tmp_path.rglob("*")) == []
