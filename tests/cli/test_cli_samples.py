import hashlib
import json

import pytest

from posec3d_cli.hub import sample_clips

CLIP = b"not really a film"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("POSEC3D_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A models folder with one sample, which lies beside the list."""
    (tmp_path / "clip.mp4").write_bytes(CLIP)
    (tmp_path / "samples.toml").write_text(
        f'[jump]\nsummary = "s"\nlicence = "CC0-1.0"\ncredit = "c"\nfilename = "jump.mp4"\nsize = {len(CLIP)}\n'
        f'sha256 = "{hashlib.sha256(CLIP).hexdigest()}"\nsources = ["file:clip.mp4"]\n'
    )
    monkeypatch.setattr(sample_clips, "models_folder", lambda: tmp_path)
    return tmp_path


def test_the_walk_is_listed_with_licence_and_credit(posec3d):
    out = posec3d("samples", "list").out
    assert "walk\t4.0 MB\tBSD-3-Clause\t" in out
    assert "Sports2D" in out


def test_the_list_as_json_says_where_each_clip_will_lie(posec3d, home):
    [walk] = json.loads(posec3d("samples", "list", "--json").out)
    assert (walk["name"], walk["size"], walk["path"]) == ("walk", 3_968_304, str(home / "samples" / "walk.mp4"))


def test_fetch_prints_the_path_and_nothing_else(posec3d, folder):
    ran = posec3d("samples", "fetch", "jump")
    assert (ran.code, ran.out, ran.err) == (0, f"{folder / 'clip.mp4'}\n", "")


def test_fetch_offline_without_the_clip_says_where_to_put_it(posec3d, home):
    ran = posec3d("samples", "fetch", "walk", "--offline")
    assert (ran.code, ran.out) == (1, "")
    assert "offline" in ran.err
    assert str(home / "samples" / "walk.mp4") in ran.err


def test_an_unknown_sample_is_answered_with_those_there_are(posec3d):
    ran = posec3d("samples", "fetch", "wlak")
    assert ran.code == 2
    assert ran.err == "error: no sample is called 'wlak'\nhint:  did you mean 'walk'? there are: walk\n"
