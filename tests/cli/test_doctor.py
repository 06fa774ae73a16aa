import json
import os

import pytest

from posec3d_cli.hub import catalog

PIPELINE = 'summary = "s"\ndetector = "{0}"\npose = "{1}"\nclassifier = "{2}"\n'
CARD = 'kind = "{0}"\nstage = "{1}"\nsummary = "s"\nlicence = "l"\ndata_terms = "d"\n'
FILES = '[[files]]\nname = "w"\nsha256 = "{0}"\nsize = 3\nsources = ["{1}"]\n'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A models folder whose default pipeline needs no weights."""
    monkeypatch.setenv("POSEC3D_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("POSEC3D_OFFLINE", raising=False)
    root = tmp_path / "models"
    for name, kind, stage in (
        ("d", "detector", "whole-frame"),
        ("p", "pose", "movenet"),
        ("c", "classifier", "posec3d"),
    ):
        (root / name).mkdir(parents=True)
        (root / name / "model.toml").write_text(CARD.format(kind, stage))
    (root / "pipelines").mkdir()
    (root / "pipelines" / "light.toml").write_text(PIPELINE.format("d", "p", "c"))
    monkeypatch.setattr(catalog, "models_folder", lambda: root)
    return root


def finding(out: str, about: str) -> dict:
    [found] = [finding for finding in json.loads(out)["findings"] if finding["about"] == about]
    return found


def test_a_whole_installation_is_said_to_be_able(posec3d, folder):
    ran = posec3d("doctor", "--json")
    report = json.loads(ran.out)
    about = {finding["about"] for finding in report["findings"]}
    assert {"python", "platform", "torch", "typer", "device auto", "precision auto", "npm", "pip", "cache"} <= about
    assert finding(ran.out, "light detector")["value"] == "d, weights verified"
    assert (ran.code, report["ok"]) == (0, True)
    assert "the pipeline 'light' can run" in posec3d("doctor").err


def test_models_that_nobody_asked_for_are_counted_and_not_listed(posec3d, folder):
    for name in ("x", "y"):
        (folder / name).mkdir()
        file = '[[files]]\nname = "w"\nsources = ["https://host.example/w"]\n'
        (folder / name / "model.toml").write_text(CARD.format("classifier", "posec3d") + file)
    out = posec3d("doctor", "--json").out
    assert finding(out, "weights")["value"].startswith("those of 2 other models are not downloaded")
    assert finding(out, "weights c")["value"] == "none needed"
    assert "weights x" not in out


def test_a_pipeline_whose_model_is_missing_cannot_run(posec3d, folder):
    (folder / "pipelines" / "light.toml").write_text(PIPELINE.format("d", "p", "gone"))
    ran = posec3d("doctor")
    assert ran.code == 1
    assert "no classifier is called 'gone'" in ran.out
    assert "the pipeline 'light' cannot run" in ran.err


def test_a_stage_that_is_not_installed_is_named(posec3d, folder):
    (folder / "d" / "model.toml").write_text(CARD.format("detector", "gone"))
    ran = posec3d("doctor", "--json")
    assert ran.code == 1
    assert "detector stage called 'gone'" in finding(ran.out, "light detector")["value"]


@pytest.mark.parametrize(
    ("offline", "source", "path", "value"),
    [
        (True, "npm:x@1.0.0/package/w", None, "c, weights missing, and the network is off"),
        (False, "npm:x@1.0.0/package/w", "", "c, weights missing, and none of npm is there"),
        (False, "https://host.example/w", "", "c, weights will be fetched on first use"),
        (False, "file:w", "", "c, weights missing, and none of file is there"),
    ],
)
def test_missing_weights_matter_only_where_they_cannot_be_fetched(
    posec3d, folder, monkeypatch, tmp_path, offline, source, path, value
):
    with (folder / "c" / "model.toml").open("a") as card:
        card.write(FILES.format("0" * 64, source))
    if offline:
        monkeypatch.setenv("POSEC3D_OFFLINE", "1")
    if path is not None:
        monkeypatch.setenv("PATH", str(tmp_path))
    ran = posec3d("doctor", "--json")
    assert finding(ran.out, "light classifier")["value"] == value
    assert ran.code == (0 if "will be fetched" in value else 1)


@pytest.mark.parametrize(
    ("missing", "code"), [(False, 0), (True, 1)], ids=["weights that are there do", "others cannot come"]
)
def test_folders_that_cannot_be_written_are_named(posec3d, folder, monkeypatch, tmp_path, missing, code):
    (tmp_path / "file").touch()
    monkeypatch.setenv("POSEC3D_HOME", str(tmp_path / "file" / "home"))
    monkeypatch.setattr("posec3d_cli.extraction.cache.default_folder", lambda: tmp_path / "file" / "poses")
    if missing:
        with (folder / "c" / "model.toml").open("a") as card:
            card.write(FILES.format("0" * 64, "https://host.example/w"))
    ran = posec3d("doctor", "--json")
    for about in ("cache of poses", "cache of weights"):
        found = finding(ran.out, about)
        assert not found["ok"]
        assert f"{tmp_path / 'file'} is a file" in found["value"]
        assert "POSEC3D_HOME" in found["hint"]
    assert ran.code == code
    if missing:
        assert "is a file" in finding(ran.out, "light classifier")["value"]


def test_folders_that_can_be_written_are_said_to_be(posec3d, folder, tmp_path):
    ran = posec3d("doctor", "--json")
    assert finding(ran.out, "cache of weights")["value"] == f"{tmp_path / 'home' / 'weights'} can be written"
    assert not (tmp_path / "home").exists()


def test_damaged_weights_are_found(posec3d, folder):
    with (folder / "c" / "model.toml").open("a") as card:
        card.write(FILES.format("0" * 64, "file:w"))
    (folder / "c" / "w").write_bytes(b"abc")
    ran = posec3d("doctor", "--json")
    assert ran.code == 1
    assert "wrong sha256" in finding(ran.out, "light classifier")["value"]


def test_folders_of_ones_own_are_named_also_where_they_are_missing(posec3d, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("POSEC3D_WEIGHTS", os.pathsep.join([str(folder), str(tmp_path / "none")]))
    ran = posec3d("doctor", "--json")
    found = [one for one in json.loads(ran.out)["findings"] if one["about"] == "own weights"]
    assert [(one["value"], one["ok"]) for one in found] == [
        (str(folder), True),
        (f"{tmp_path / 'none'}, which is no folder", False),
    ]
    assert ran.code == 0
