"""Which videos there are below some paths."""

from __future__ import annotations

import os
from pathlib import Path

import pose_file_factory as factory
import pytest

from posec3d_cli.batch.find import find, read_list, with_stems
from posec3d_cli.errors import InputError


@pytest.fixture
def tree(tmp_path):
    for name in ("b/2.mp4", "b/1.AVI", "a/x.webm", "a/notes.txt", "a/.hidden.mp4", ".cache/y.mp4", "z.mkv"):
        path = tmp_path / "clips" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "clips"


def names(*arguments, **options):
    return [video.name for video in find(*arguments, **options)]


def test_videos_are_found_by_suffix_in_order_of_their_names_without_hidden_ones(tree):
    assert names([tree]) == ["a/x.webm", "b/1.AVI", "b/2.mp4", "z.mkv"]
    assert [video.folder for video in find([tree])] == ["a", "b", "b", ""]


def test_names_begin_below_the_deepest_folder_that_holds_all_that_was_named(tree, monkeypatch):
    assert names([tree / "a", tree / "b"]) == ["a/x.webm", "b/1.AVI", "b/2.mp4"]
    assert names([tree / "b" / "2.mp4"]) == ["2.mp4"]
    monkeypatch.chdir(tree)
    assert [(str(video.path), video.name) for video in find([Path("b/2.mp4"), Path("z.mkv")])] == [
        ("b/2.mp4", "b/2.mp4"),
        ("z.mkv", "z.mkv"),
    ]


def test_what_is_named_twice_is_found_once(tree):
    assert names([tree / "b", tree / "b" / "2.mp4", tree]) == ["a/x.webm", "b/1.AVI", "b/2.mp4", "z.mkv"]


def test_a_pattern_takes_files_of_other_names(tree):
    assert names([tree], glob="*.txt") == ["a/notes.txt"]
    assert names([tree], glob="b/*") == ["b/1.AVI", "b/2.mp4"]


def test_what_is_named_is_taken_whatever_it_is_called_and_whether_it_exists(tree):
    assert names([tree / "a" / "notes.txt", tree / "a" / "gone.mp4"]) == ["gone.mp4", "notes.txt"]


def test_links_are_followed_but_never_round_in_circles(tree, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "far.mp4").touch()
    (other / "back").symlink_to(tree)
    (tree / "a" / "link").symlink_to(other)
    (tree / "a" / "up").symlink_to(tree)
    (tree / "dead.mp4").symlink_to(tmp_path / "nowhere.mp4")
    found = names([tree])
    assert [name for name in found if "far" in name] == ["a/link/far.mp4"]
    assert "dead.mp4" in found, "a link to nothing gets a row that says so"
    assert len(found) == 6


def test_folders_that_are_written_into_are_left_out(tree):
    assert names([tree], without=[tree / "b"]) == ["a/x.webm", "z.mkv"]


def test_pose_files_are_found_where_they_are_asked_for(tree):
    factory.ours(tree / "a", ".npz")
    factory.openpose(tree / "b")
    assert names([tree], poses=True) == ["a/ours.npz", "a/x.webm", "b/1.AVI", "b/2.mp4", "b/openpose_25", "z.mkv"]
    assert "a/ours.npz" not in names([tree])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_found_with_its_problem(tree):
    (tree / "b").chmod(0)
    try:
        [locked] = [video for video in find([tree]) if video.problem]
    finally:
        (tree / "b").chmod(0o755)
    assert (locked.name, locked.problem) == ("b", f"{tree / 'b'} is a folder that cannot be read: Permission denied")


def test_any_name_is_found(tree):
    awkward = ["with space.mp4", "quo'\"te.mp4", "com,ma.mp4", "new\nline.mp4", "[x].mp4", "x" * 246 + ".mp4", "-.mp4"]
    folder = tree / "c"
    folder.mkdir()
    for name in awkward:
        (folder / name).touch()
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.mp4")).touch()
    assert {Path(name).name for name in names([folder])} == {*awkward, "\udcff\udcfe.mp4"}


def test_nothing_found_is_said(tmp_path):
    with pytest.raises(InputError, match="there is no video below"):
        find([tmp_path])


def test_a_list_names_one_path_a_line(tmp_path):
    file = tmp_path / "list.txt"
    file.write_bytes(b"a.mp4\r\n\nb c.mp4\n\xff.mp4")
    for name in (b"a.mp4", b"b c.mp4", b"\xff.mp4"):
        (tmp_path / os.fsdecode(name)).touch()
    assert [path.relative_to(tmp_path) for path in read_list(file)] == list(
        map(Path, ["a.mp4", "b c.mp4", "\udcff.mp4"])
    )
    with pytest.raises(InputError, match="cannot be read"):
        read_list(tmp_path / "none.txt")


def test_files_made_of_videos_lose_their_suffix_unless_two_would_be_alike(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.mp4", "a.avi", "b/c.mp4", "b/c.npz", "d.mp4"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).touch()
    stems = {one.name: one.stem for one in with_stems(find([Path()], poses=True), [tmp_path / "d.mkv"])}
    assert stems == {"a.avi": "a.avi", "a.mp4": "a.mp4", "b/c.mp4": "b/c", "b/c.npz": "b/c.npz", "d.mp4": "d.mp4"}
    assert [one.stem for one in with_stems(find([Path("b/c.mp4")]), [])] == ["c"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list.txt", "\ufeffa.mp4\r\nb.mp4\r\n".encode()),
        ("list.txt", "a.mp4\r\nb.mp4\r\n".encode("utf-16")),
        ("labels.csv", b"video,status,label\na.mp4,ok,walk\nb.mp4,failed,\n"),
        ("labels.csv", "\ufeffVideo;Label\r\na.mp4;walk\r\nb.mp4;run\r\n".encode()),
    ],
)
def test_a_list_may_have_a_mark_or_be_a_table(tmp_path, name, content):
    for video in ("a.mp4", "b.mp4"):
        (tmp_path / video).touch()
    (tmp_path / name).write_bytes(content)
    assert read_list(tmp_path / name) == [tmp_path / "a.mp4", tmp_path / "b.mp4"]


def test_the_paths_of_a_list_begin_in_the_root_or_at_the_list_or_where_one_stands(tmp_path, monkeypatch):
    (tmp_path / "videos" / "walk").mkdir(parents=True)
    (tmp_path / "videos" / "walk" / "a.mp4").touch()
    (tmp_path / "list.txt").write_text("walk/a.mp4\n")
    assert read_list(tmp_path / "list.txt", root=tmp_path / "videos") == [tmp_path / "videos" / "walk" / "a.mp4"]
    with pytest.raises(
        InputError, match=r"names 1 file of 1 that cannot be found, the first is 'walk/a\.mp4'"
    ) as caught:
        read_list(tmp_path / "list.txt")
    assert "--root" in caught.value.hint
    monkeypatch.chdir(tmp_path / "videos")
    assert [path.absolute() for path in read_list(tmp_path / "list.txt")] == [tmp_path / "videos" / "walk" / "a.mp4"]


def test_names_that_nothing_has_are_said_and_kept_beside_the_others(tmp_path, caplog):
    (tmp_path / "a.mp4").touch()
    (tmp_path / "list.txt").write_text("a.mp4\nnone.mp4\n")
    assert read_list(tmp_path / "list.txt") == [tmp_path / "a.mp4", tmp_path / "none.mp4"]
    assert "names 1 file of 2 that cannot be found, the first is 'none.mp4'" in caplog.text
    assert "--root" in caplog.text
