"""`--weights-dir` of every command that makes models, and bundles for machines without a network."""

from __future__ import annotations

import hashlib
import shutil

import pose_file_factory as factory
import pytest
import video_factory

from posec3d_cli.hub.catalog import load_card, models_folder

CARD = """
kind = "detector"
stage = "whole-frame"
summary = "s"
licence = "MIT"
data_terms = "none"

[[files]]
name = "weights"
sha256 = "%s"
size = 5
sources = ["https://host.example/w.bin"]
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("POSEC3D_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("POSEC3D_OFFLINE", "1")
    monkeypatch.delenv("POSEC3D_WEIGHTS", raising=False)
    return tmp_path / "home"


@pytest.fixture
def detector(tmp_path):
    """A model whose weights are in no place at all."""
    folder = tmp_path / "detector"
    folder.mkdir()
    (folder / "model.toml").write_text(CARD % hashlib.sha256(b"right").hexdigest())
    return folder


@pytest.mark.parametrize(
    "command",
    [
        ["predict", "clips/walk/a.mp4"],
        ["label", "clips", "-o", "labels.csv"],
        ["extract-poses", "clips", "-o", "poses"],
        ["evaluate", "clips"],
        ["train", "clips", "-o", "model"],
    ],
    ids=lambda command: command[0],
)
def test_every_command_that_makes_models_looks_there(posec3d, tmp_path, monkeypatch, detector, command):
    monkeypatch.chdir(tmp_path)
    for action, video, frames in (("walk", "a.mp4", 5), ("run", "b.mp4", 6)):
        (tmp_path / "clips" / action).mkdir(parents=True)
        video_factory.write(tmp_path / "clips" / action / video, frames)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "w.bin").write_bytes(b"wrong")
    arguments = ["--detector", detector, "--pose", "movenet-thunder", "--device", "cpu"]
    without = posec3d(*command, *arguments)
    assert without.code == 1
    assert "w.bin: wrong" not in without.err
    ran = posec3d(*command, *arguments, "--weights-dir", "own")
    assert ran.code == 1
    assert f"{tmp_path / 'own' / 'w.bin'}: wrong content" in ran.err


def test_a_folder_that_is_not_there_is_said(posec3d, tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"video")
    ran = posec3d("predict", tmp_path / "a.mp4", "--weights-dir", tmp_path / "none")
    assert ran.code == 1
    assert ran.err.startswith(f"error: the weights folder {tmp_path / 'none'} does not exist or is no folder")


@pytest.mark.parametrize("by", ["option", "environment"])
def test_a_bundle_made_on_one_machine_works_on_another_without_a_network(posec3d, tmp_path, monkeypatch, by):
    model, ours = tmp_path / "mine", models_folder() / "posec3d-daily33"
    shutil.copytree(ours, model, ignore=shutil.ignore_patterns("*.safetensors"))
    text = (model / "model.toml").read_text()
    (model / "model.toml").write_text(text.replace("file:", "https://host.example/"))
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    for file in load_card(ours).files:
        shutil.copy(ours / file.filename, downloads)
    bundle = tmp_path / "bundle"
    monkeypatch.setenv("POSEC3D_WEIGHTS", str(downloads))
    pulled = posec3d("models", "pull", model, "--into", bundle)
    assert pulled.code == 0, pulled.err
    assert all(line.startswith(str(bundle)) for line in pulled.out.splitlines())

    monkeypatch.delenv("POSEC3D_WEIGHTS")
    monkeypatch.setenv("POSEC3D_HOME", str(tmp_path / "another machine"))
    monkeypatch.chdir(tmp_path)
    factory.ours(tmp_path, ".npz")
    [poses] = tmp_path.glob("*.npz")
    arguments = ["label", poses, "-o", "labels.csv", "--classifier", model, "--device", "cpu", "--workers", 1]
    assert posec3d(*arguments).code == 1
    if by == "environment":
        monkeypatch.setenv("POSEC3D_WEIGHTS", str(bundle))
    else:
        arguments += ["--weights-dir", bundle]
    ran = posec3d(*arguments)
    assert ran.code == 0, ran.err
    assert ",ok," in (tmp_path / "labels.csv").read_text()
    assert not list((tmp_path / "another machine").rglob("*.safetensors"))
