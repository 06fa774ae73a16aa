"""Inputs of every kind become input files, with what is wrong with them."""

from __future__ import annotations

import zipfile
from fractions import Fraction
from pathlib import Path

import picture_factory
import pytest
import video_factory
import web_factory

from posec3d_cli.batch.find import find, read_list, with_stems
from posec3d_cli.batch.inputs import input_elsewhere, input_of, inputs_elsewhere, split, with_copy, with_list
from posec3d_cli.errors import InputError
from posec3d_cli.sources.cache import SourceCache
from posec3d_cli.sources.local_copies import LocalCopies


@pytest.fixture
def copies(tmp_path):
    return LocalCopies(SourceCache(tmp_path / "cache"))


def test_paths_are_told_from_other_inputs_and_these_are_taken_once():
    assert split(["a.mp4", "https://h/a.mp4", "-", "https://h/a.mp4"]) == ([Path("a.mp4")], ["https://h/a.mp4", "-"])
    with pytest.raises(InputError, match="named twice"):
        split(["-", "a.mp4", "-"])


def test_an_address_is_named_as_it_was_typed_without_its_password(copies):
    with web_factory.serving() as web:
        web.pages["/a.mp4"] = web_factory.Page(b"film")
        file = with_copy(input_elsewhere(web.url.replace("//", "//me:pw@") + "/a.mp4?x=1//2", copies))
        assert file.problem == "http" + web.url[4:] + "/a.mp4?x=1//2: the server answered 404 Not Found"
        later = input_elsewhere(f"{web.url}/a.mp4", copies)
        assert (len(web.asked), later.path.exists(), "me:pw" in repr(later)) == (1, False, False)
        file = with_copy(later)
        assert file.path == later.path
    assert (file.name, file.origin, file.problem, file.named) == (f"{web.url}/a.mp4", f"{web.url}/a.mp4", "", True)
    assert file.path.read_bytes() == b"film"
    assert file.stem.startswith("a-")
    assert file.folder == "http:", "the name of an address is no folder"


def test_pictures_need_a_rate(copies, tmp_path):
    folder = picture_factory.write(tmp_path / "frames", range(3))
    for source in (folder, folder / "%06d.png"):
        without = input_of(str(source), copies)
        assert without.problem.startswith(str(source))
        assert "--fps" in without.hint
        file = input_of(str(source), copies, Fraction(25))
        assert (file.problem, file.name, file.origin) == ("", str(source), str(source))
        assert file.path.suffix == ".pictures"
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "a.jpg").touch()
    assert "none of 1 picture can be read" in input_of(str(broken), copies, Fraction(25)).problem


def test_a_folder_with_a_video_is_no_sequence(copies, tmp_path):
    picture_factory.write(tmp_path / "clips", range(2), "thumbnail{}.png")
    video_factory.write(tmp_path / "clips" / "a.mp4", 3)
    assert input_of(str(tmp_path / "clips"), copies, Fraction(25)).path == tmp_path / "clips"
    assert [file.name for file in find([tmp_path / "clips"], pictures=True)] == ["a.mp4"]


def test_folders_of_pictures_are_found_below_a_folder(copies, tmp_path):
    for name in ("run/a", "walk/b.mp4"):
        picture_factory.write(tmp_path / "clips" / name, range(2))
    video_factory.write(tmp_path / "clips" / "walk" / "b.avi", 3, codec="mpeg4")
    files = [with_list(file, copies, Fraction(25)) for file in find([tmp_path / "clips"], pictures=True)]
    assert [file.name for file in files] == ["run/a", "walk/b.avi", "walk/b.mp4"]
    assert [file.path.suffix for file in files] == [".pictures", ".avi", ".pictures"]
    assert [file.stem for file in with_stems(files, [])] == ["run/a", "walk/b.avi", "walk/b.mp4"]
    assert [file.name for file in find([tmp_path / "clips"])] == ["walk/b.avi"]
    assert [file.name for file in find([tmp_path / "clips" / "run" / "a"], pictures=True)] == ["a"]


def test_a_list_may_name_addresses_and_patterns(tmp_path):
    picture_factory.write(tmp_path / "frames", range(2))
    (tmp_path / "list.txt").write_text("https://h/a//b.mp4\nframes/%06d.png\n-\n")
    assert read_list(tmp_path / "list.txt") == ["https://h/a//b.mp4", tmp_path / "frames" / "%06d.png", "-"]


def test_a_folder_elsewhere_stands_for_every_video_below_it(copies, tmp_path):
    archive = tmp_path / "clips.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name in ("in/b.mp4", "in/a b.AVI", "in/.hidden/c.mp4", "in/notes.txt", "in/poses.npz", "top.mp4"):
            file.writestr(name, name)
    videos = [f"zip://in/{name}::{archive}" for name in ("a b.AVI", "b.mp4")]

    def names(*texts, glob=None, poses=False):
        return [file.name for file in inputs_elsewhere(texts, copies, glob=glob, poses=poses)]

    assert names(f"zip://in/::{archive}") == videos
    assert names(f"zip://::{archive}") == [*videos, f"zip://top.mp4::{archive}"]
    assert names(f"zip://in/::{archive}", videos[1]) == videos, "each once"
    assert names(f"zip://in/::{archive}", poses=True) == [*videos, f"zip://in/poses.npz::{archive}"]
    assert names(f"zip://::{archive}", glob="in/*.txt") == [f"zip://in/notes.txt::{archive}"]
    first = with_copy(inputs_elsewhere([f"zip://in/::{archive}"], copies, glob=None, poses=False)[0])
    assert (first.problem, first.path.read_bytes()) == ("", b"in/a b.AVI")


def test_a_folder_elsewhere_that_cannot_be_listed_is_an_input_that_failed(tmp_path):
    archive = tmp_path / "empty.zip"
    zipfile.ZipFile(archive, "w").close()
    offline = LocalCopies(SourceCache(tmp_path / "cache"), offline=True)
    texts = [f"zip://::{archive}", f"zip://::{archive}.no", "s3://bucket/clips/"]
    empty, missing, unreachable = inputs_elsewhere(texts, offline, glob=None, poses=False)
    assert empty.problem == f"there is no video below zip://::{archive}"
    assert ("--glob" in empty.hint, "--fps" in empty.hint) == (True, False), "pictures are read from folders here only"
    assert missing.problem == f"zip://::{archive}.no: there is no such file"
    assert (unreachable.problem, "--offline" in unreachable.hint) == ("s3://bucket/clips/ is a folder elsewhere", True)
