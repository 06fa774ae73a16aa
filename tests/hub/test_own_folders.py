"""Weights that the user has already, in folders of the user's own."""

import hashlib
import os
from pathlib import Path

import pytest

from posec3d_cli.errors import WeightsCorrupt, WeightsMissing
from posec3d_cli.hub.cards import ModelCard, WeightFile
from posec3d_cli.hub.checksums import recorded_checksum_path
from posec3d_cli.hub.weights import cached_path, fetch, hashes, locate, weights_folders

BODY = b"weights" * 999
SHA256 = hashlib.sha256(BODY).hexdigest()
NAME = "hrnet_w32_coco_256x192-c78dce93_20200708.pth"
SOURCE = f"https://host.example/pose/{NAME}"
KNOWN = WeightFile("weights", sha256=SHA256, size=len(BODY), sources=(SOURCE,))
UNKNOWN = WeightFile("weights", sources=(SOURCE,), sha256_prefix=SHA256[:8])


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("POSEC3D_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("POSEC3D_OFFLINE", "1")
    monkeypatch.delenv("POSEC3D_WEIGHTS", raising=False)
    return tmp_path / "home"


def card_of(file: WeightFile) -> ModelCard:
    return ModelCard("mine", "pose", "movenet", "s", "l", "d", (file,), {}, (), Path("nowhere"), False)


def put(path: Path, body: bytes = BODY) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    return path


@pytest.mark.parametrize("file", [KNOWN, UNKNOWN], ids=["known", "unknown"])
@pytest.mark.parametrize("by", ["argument", "environment"])
@pytest.mark.parametrize("name", [NAME, "{cached}", "weights/{cached}"], ids=["own name", "cache's name", "a cache"])
def test_a_file_in_a_folder_of_ones_own_is_used_in_place(tmp_path, home, monkeypatch, file, by, name):
    path = put(tmp_path / "own" / name.format(cached=cached_path(file).name))
    if by == "environment":
        monkeypatch.setenv("POSEC3D_WEIGHTS", os.pathsep.join([str(tmp_path / "none"), str(tmp_path / "own")]))
    folder = tmp_path / "own" if by == "argument" else None
    assert fetch(card_of(file), weights_dir=folder) == {"weights": path}
    assert hashes(card_of(file), folder) == {"weights": SHA256}
    assert not cached_path(file).exists()
    assert locate(card_of(file), file) == (path if by == "environment" else None)


def test_the_option_goes_before_the_environment_and_that_before_the_cache(tmp_path, monkeypatch):
    places = [put(tmp_path / name / NAME) for name in ("option", "first", "second")]
    cached = put(cached_path(KNOWN))
    monkeypatch.setenv("POSEC3D_WEIGHTS", os.pathsep.join(str(path.parent) for path in places[1:]))
    for place in [*places, cached]:
        assert fetch(card_of(KNOWN), weights_dir=tmp_path / "option") == {"weights": place}
        place.unlink()
    with pytest.raises(WeightsMissing):
        fetch(card_of(KNOWN), weights_dir=tmp_path / "option")


def test_offline_nothing_is_written_where_nothing_can_be_had(tmp_path, home):
    home.write_text("no folder")
    with pytest.raises(WeightsMissing, match="not tried, because the network is switched off"):
        fetch(card_of(KNOWN), weights_dir=tmp_path)


def test_folders_are_named_as_in_a_search_path(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/someone")
    monkeypatch.setenv("POSEC3D_WEIGHTS", os.pathsep.join(["", "~/weights", "here", ""]))
    (tmp_path / "dir").mkdir()
    assert weights_folders(Path("dir")) == [tmp_path / "dir", Path("/someone/weights"), tmp_path / "here"]
    monkeypatch.delenv("POSEC3D_WEIGHTS")
    assert weights_folders() == []


def test_another_file_of_that_name_is_passed_over_and_said(tmp_path, caplog):
    wrong = put(tmp_path / "own" / NAME, b"something else")
    with pytest.raises(WeightsCorrupt, match="wrong content") as caught:
        fetch(card_of(KNOWN), weights_dir=wrong.parent)
    assert str(wrong) in caught.value.what
    cached = put(cached_path(KNOWN))
    assert fetch(card_of(KNOWN), weights_dir=wrong.parent) == {"weights": cached}
    assert caplog.messages[-1].startswith(f"{wrong} is ignored")


def test_files_of_which_no_digit_is_known_are_told_apart_by_their_folders(tmp_path):
    sources = [f"https://host.example/ckpt/{folder}/joint.pth" for folder in ("ntu60_xsub", "ntu60_xview")]
    xsub, xview = (WeightFile("weights", sources=(source,)) for source in sources)
    put(tmp_path / "own" / "joint.pth")
    for file in (xsub, xview):
        with pytest.raises(WeightsMissing):
            fetch(card_of(file), weights_dir=tmp_path / "own")
    path = put(tmp_path / "own" / "ntu60_xsub" / "joint.pth")
    assert fetch(card_of(xsub), weights_dir=tmp_path / "own") == {"weights": path}
    with pytest.raises(WeightsMissing):
        fetch(card_of(xview), weights_dir=tmp_path / "own")


def test_what_was_recorded_holds_for_the_folders_too(tmp_path):
    own = put(tmp_path / "own" / NAME)
    fetch(card_of(UNKNOWN), weights_dir=own.parent)
    assert recorded_checksum_path(cached_path(UNKNOWN)).is_file()
    assert not recorded_checksum_path(own).exists()
    changed = WeightFile("weights", sources=(SOURCE,))
    put(own.parent / "pose" / NAME, b"changed")
    with pytest.raises(WeightsCorrupt, match=f"expected {SHA256}"):
        fetch(card_of(changed), weights_dir=own.parent)


def test_a_bundle_is_filled_from_the_folders_and_read_on_another_machine(tmp_path, monkeypatch):
    own, bundle = put(tmp_path / "own" / NAME), tmp_path / "bundle"
    monkeypatch.setenv("POSEC3D_WEIGHTS", str(own.parent))
    for file in (KNOWN, UNKNOWN):
        copy = fetch(card_of(file), home=bundle)["weights"]
        assert copy.is_relative_to(bundle)
        monkeypatch.setenv("POSEC3D_WEIGHTS", str(own.parent))
    own.unlink()
    for number, file in enumerate((KNOWN, UNKNOWN)):
        monkeypatch.setenv("POSEC3D_HOME", str(tmp_path / f"elsewhere {number}"))
        monkeypatch.delenv("POSEC3D_WEIGHTS", raising=False)
        path = fetch(card_of(file), weights_dir=bundle)["weights"]
        assert path.is_relative_to(bundle)
        monkeypatch.setenv("POSEC3D_WEIGHTS", str(bundle))
        assert fetch(card_of(file)) == {"weights": path}
        assert hashes(card_of(file)) == {"weights": SHA256}
        assert not (tmp_path / f"elsewhere {number}").exists()
