import hashlib
import json
import os

import pytest

from posec3d_cli.hub import catalog
from posec3d_cli.hub.catalog import models_folder
from posec3d_cli.hub.checksums import recorded_checksum_path
from posec3d_cli.hub.weights import cached_path

BODY = b"weights"
CARD = """
kind = "detector"
stage = "whole-frame"
summary = "[b]not bold[/b]"
licence = "MIT"
data_terms = "none"

[recipe]
size = 3

[[files]]
name = "weights"
sha256 = "%s"
size = %d
sources = ["%s"]
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("POSEC3D_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("POSEC3D_OFFLINE", "1")
    return tmp_path / "home"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A models folder with one model whose weights ship with it, and one whose weights do not."""
    root = tmp_path / "models"
    for name, source in (("shipped", "file:w.bin"), ("remote", "npm:none@1.0.0/package/w.bin")):
        (root / name).mkdir(parents=True)
        text = CARD % (hashlib.sha256(BODY).hexdigest(), len(BODY), source)
        (root / name / "model.toml").write_text(text)
    (root / "shipped" / "w.bin").write_bytes(BODY)
    (root / "pipelines").mkdir()
    (root / "pipelines" / "light.toml").write_text(
        'summary = "s"\ndetector = "shipped"\npose = "remote"\nclassifier = "shipped"\n'
    )
    monkeypatch.setattr(catalog, "models_folder", lambda: root)
    return root


def test_the_list_names_every_model_once_with_its_state(posec3d, folder):
    ran = posec3d("models", "list")
    rows = [line.split("\t") for line in ran.out.splitlines()]
    assert ["shipped", "detector", "0.0 MB", "ready", "MIT", "[b]not bold[/b]"] in rows
    assert ["remote", "detector", "0.0 MB", "not downloaded", "MIT", "[b]not bold[/b]"] in rows
    assert ["light", "shipped + remote + shipped", "s"] in rows
    assert ran.code == 0


def test_the_list_as_json_holds_models_and_pipelines(posec3d):
    listed = json.loads(posec3d("models", "list", "--json").out)
    models = {model["name"]: model for model in listed["models"]}
    assert models["movenet-thunder"]["recipe"]["skeleton"] == "coco-17"
    assert models["movenet-thunder"]["files"][1]["size"] == 12_477_112
    assert models["movenet-thunder"]["files"][1]["path"] is None
    assert models["whole-frame"]["weights"] == "none needed"
    pipelines = {pipeline["name"]: pipeline for pipeline in listed["pipelines"]}
    assert pipelines["light"]["detector"] == "efficientdet-lite2"


def test_the_list_goes_by_kind_and_shows_first_what_was_run(posec3d):
    listed = json.loads(posec3d("models", "list", "--json").out)["models"]
    order = [(("detector", "pose", "classifier").index(m["kind"]), not m["verified"], m["name"]) for m in listed]
    assert order == sorted(order)
    assert len({m["kind"] for m in listed}) == 3


def test_the_list_of_one_kind_holds_nothing_else(posec3d):
    ran = posec3d("models", "list", "--kind", "pose")
    assert {line.split("\t")[1] for line in ran.out.splitlines()} == {"kind", "pose"}
    assert json.loads(posec3d("models", "list", "--kind", "pose", "--json").out)["pipelines"] == []
    assert posec3d("models", "list", "--kind", "posing").code == 2


def test_show_tells_licence_recipe_files_and_sources(posec3d):
    out = posec3d("models", "show", "movenet-thunder").out
    for part in ("Apache-2.0", "skeleton", "coco-17", "a2925747fccaf737", "human-models@3.0.4", "not downloaded"):
        assert part in out
    assert out.count("npm:") == 2


def test_show_as_json_is_the_card(posec3d):
    shown = json.loads(posec3d("models", "show", str(models_folder() / "whole-frame"), "--json").out)
    assert (shown["name"], shown["kind"], shown["files"]) == ("whole-frame", "detector", [])


def test_an_unknown_model_is_a_usage_error_with_a_suggestion(posec3d):
    ran = posec3d("models", "show", "movenet-thunde")
    assert ran.code == 2
    assert ran.err.startswith("error: no model is called 'movenet-thunde'\nhint:  did you mean 'movenet-thunder'?")


def test_pull_prints_where_each_file_is(posec3d, folder):
    ran = posec3d("models", "pull", "shipped")
    assert (ran.code, ran.out, ran.err) == (0, f"{folder / 'shipped' / 'w.bin'}\n", "")


@pytest.mark.parametrize("arguments", [[], ["--all"], ["remote", "shipped"]])
def test_pull_goes_on_after_a_failure_and_exits_with_1(posec3d, folder, arguments):
    ran = posec3d("models", "pull", *arguments)
    assert ran.code == 1
    assert str(folder / "shipped" / "w.bin") in ran.out
    assert "offline" in ran.err
    assert "1 of" in ran.err


def test_pull_of_an_unknown_model_is_a_usage_error_and_fetches_nothing(posec3d, folder):
    ran = posec3d("models", "pull", "shipped", "shiped")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: no model is called 'shiped'")


def test_pull_into_a_folder_makes_a_bundle(posec3d, folder, home, tmp_path):
    cached = home / "weights" / f"{hashlib.sha256(BODY).hexdigest()[:16]}-w.bin"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(BODY)
    ran = posec3d("models", "pull", "--all", "--into", tmp_path / "bundle")
    copy = tmp_path / "bundle" / "weights" / cached.name
    assert ran.code == 0
    assert str(copy) in ran.out
    assert copy.read_bytes() == BODY


UNKNOWN = f"sha256_prefix = '{hashlib.sha256(BODY).hexdigest()[:8]}'"


@pytest.fixture
def unseen(folder):
    """The model whose weights do not ship, of which only the beginning of the hash is known."""
    card = folder / "remote" / "model.toml"
    lines = [line for line in card.read_text().splitlines() if not line.startswith(("sha256", "size = 7"))]
    card.write_text("\n".join(lines).replace("sources", f"{UNKNOWN}\nsources"))
    return catalog.load_card(folder / "remote")


def test_a_model_that_nobody_has_seen_says_so_until_its_file_is_there(posec3d, unseen):
    path = cached_path(unseen.files[0])
    assert "hash unknown until the first download (it begins with " in posec3d("models", "show", "remote").out
    assert ["remote", "unknown", "not downloaded"] in [
        [row[0], *row[2:4]] for row in (line.split("\t") for line in posec3d("models", "list").out.splitlines()[:3])
    ]
    [file] = json.loads(posec3d("models", "show", "remote", "--json").out)["files"]
    assert (file["sha256"], file["size"], file["recorded"]) == (None, None, False)
    path.parent.mkdir(parents=True)
    path.write_bytes(BODY)
    ran = posec3d("models", "pull", "remote")
    assert (ran.code, ran.out) == (0, f"{path}\n")
    assert "is recorded" in ran.err
    assert posec3d("models", "pull", "remote").err == ""
    sha256 = hashlib.sha256(BODY).hexdigest()
    assert f"7 bytes, recorded sha256 {sha256}" in posec3d("models", "show", "remote").out
    [file] = json.loads(posec3d("models", "show", "remote", "--json").out)["files"]
    assert (file["sha256"], file["size"], file["recorded"]) == (sha256, 7, True)


def rows(ran):
    return [line.split("\t") for line in ran.out.splitlines()[1:]]


def test_verify_says_of_every_file_whether_it_is_what_it_was(posec3d, folder):
    path = cached_path(catalog.load_card(folder / "remote").files[0])
    path.parent.mkdir(parents=True)
    path.write_bytes(BODY)
    odd = path.with_name("odd.bin")
    odd.write_bytes(b"x")
    shipped = str(folder / "shipped" / "w.bin")
    ran = posec3d("models", "verify")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[0].split("\t") == ["file", "model", "size", "state"]
    # One file, which two cards name.
    assert rows(ran) == [
        [str(path), "remote", "0.0 MB", "ok"],
        [str(path), "shipped", "0.0 MB", "ok"],
        [shipped, "shipped", "0.0 MB", "ok"],
        [str(odd), "-", "0.0 MB", "unknown file"],
    ]
    path.write_bytes(b"changed")
    ran = posec3d("models", "verify", "remote")
    assert ran.code == 1
    assert rows(ran) == [[str(path), "remote", "0.0 MB", "wrong"]]
    assert f"error: {path} of the model 'remote' is wrong" in ran.err
    assert hashlib.sha256(BODY).hexdigest() in ran.err
    assert hashlib.sha256(b"changed").hexdigest() in ran.err
    assert "delete it, and `posec3d models pull remote` fetches it again" in ran.err


def test_verify_holds_a_file_to_its_recorded_checksum(posec3d, unseen):
    path = cached_path(unseen.files[0])
    path.parent.mkdir(parents=True)
    path.write_bytes(BODY)
    assert rows(posec3d("models", "verify", "remote"))[0][3] == "not recorded"
    posec3d("models", "pull", "remote")
    ran = posec3d("models", "verify")
    assert ran.code == 0
    assert rows(ran)[0] == [str(path), "remote", "0.0 MB", "ok"]
    assert not any(row[0].endswith(".sha256") for row in rows(ran))
    path.write_bytes(b"changed")
    ran = posec3d("models", "verify")
    assert ran.code == 1
    assert f"delete {recorded_checksum_path(path)} instead" in ran.err
    recorded_checksum_path(path).write_text("damaged")
    ran = posec3d("models", "verify")
    assert ran.code == 1
    assert "holds no sha256" in ran.err


def test_verify_removes_what_downloads_left_long_ago(posec3d, home):
    left = home / "weights" / ".resume-w.bin"
    left.mkdir(parents=True)
    (left / "bytes").write_bytes(b"x")
    assert posec3d("models", "verify").code == 0
    assert left.exists()
    os.utime(left / "bytes", (1, 1))
    assert posec3d("models", "verify").code == 0
    assert not left.exists()
