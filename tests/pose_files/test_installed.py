"""Formats of pose files from other packages: found, asked in order, and never in the way of the others."""

from __future__ import annotations

import itertools
import json

import numpy as np
import plugin_factory
import pose_file_factory as factory
import pytest

from posec3d_cli.errors import BadPoseFile, OutputError, StageError
from posec3d_cli.pose_files import is_pose_file, read_pose_file, write_pose_file, written_suffixes
from posec3d_cli.pose_files.installed import installed_formats, installed_suffixes
from posec3d_cli.registry import PluginWarning

TOY = """
import json
from posec3d_cli.pose_files.clip import People, Person, consecutive, make_video_poses
from posec3d_cli.pose_files.formats import FileFormat, JsonFormat
import numpy as np

def read(path):
    frames = json.loads(path.read_text())
    people = {int(frame): [Person(np.array(joints, float)) for joints in found] for frame, found in frames.items()}
    return [make_video_poses(path, consecutive({frame: People.of(found) for frame, found in people.items()}))]

def write(video_poses, path):
    joints = [np.concatenate([one.keypoints, one.scores[..., None]], axis=-1).tolist() for one in video_poses.poses]
    path.write_text(json.dumps(dict(enumerate(joints))))

"""
GOOD = 'FORMAT = FileFormat("toys", frozenset({".toy"}), read, suffix=".toy", write=write)\n'
numbers = itertools.count()


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Installs a package with one pose format, whose module is `TOY` and the text."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)

    def install(text: str, name: str = "toy") -> None:
        module = f"toy_poses_{next(numbers)}"
        plugin_factory.install(
            site, f"{name}-poses", "posec3d.pose_formats", name, f"{module}:FORMAT", {module: TOY + text}
        )
        installed_formats.cache_clear()
        installed_suffixes.cache_clear()

    yield install
    monkeypatch.undo()
    installed_formats.cache_clear()
    installed_suffixes.cache_clear()


def order():
    return [one.entry.name for one in installed_formats()]


def test_a_file_is_held_against_the_formats_of_this_package_in_a_stated_order():
    assert [one.entry.name for one in installed_formats() if one.entry.built_in] == [
        *("posec3d-archive", "posec3d-document", "pyskl", "openpose", "ultralytics-labels", "sports2d"),
        *("mmpose-inferencer", "mmpose-demo", "coco-annotations", "coco-results", "alphapose-frames"),
        *("ultralytics", "mediapipe", "mediapipe-frames"),
    ]
    assert written_suffixes()[:3] == (".npz", ".json", ".pkl")


def test_a_format_of_another_package_is_written_and_read_by_its_suffix(plugin, tmp_path):
    plugin(GOOD)
    clip = factory.video_poses()
    write_pose_file(clip, tmp_path / "walk.toy", ".toy")
    assert is_pose_file(tmp_path / "walk.toy")
    [read] = read_pose_file(tmp_path / "walk.toy")
    assert len(read) == len(clip)
    assert np.allclose(read.poses[0].scores.max(), clip.poses[0].scores.max(), atol=0.01)
    assert written_suffixes() == (".npz", ".json", ".pkl", ".toy")


def test_formats_of_other_packages_stand_in_the_middle_or_where_their_priority_says(plugin):
    plugin(GOOD)
    assert order().index("mmpose-demo") < order().index("toy") < order().index("coco-annotations")
    plugin('FORMAT = FileFormat("last", frozenset({".last"}), read, priority=0)\n', "last")
    plugin('FORMAT = FileFormat("first", frozenset({".first"}), read, priority=100)\n', "first")
    assert (order()[0], order()[-1]) == ("first", "last")


@pytest.mark.parametrize("text", ["1 / 0\n", "import package_that_nobody_has\n"])
def test_a_format_that_cannot_be_imported_is_named_and_the_others_read(plugin, text, tmp_path):
    path = factory.FORMATS["our archive"](tmp_path)
    plugin(text)
    with pytest.warns(PluginWarning, match="pose format 'toy' of toy-poses .*; files of this format are not read"):
        assert len(read_pose_file(path)) == 1
    assert "toy" not in order()


def test_a_format_that_fails_on_a_file_of_another_is_named_and_the_file_is_read(plugin, tmp_path):
    plugin('FORMAT = JsonFormat("toys", lambda content: content["toy"], read, priority=99)\n')
    path = factory.FORMATS["MediaPipe"](tmp_path)
    with pytest.warns(PluginWarning, match=r"'toy' of toy-poses cannot say whether .*json is its own: KeyError: 'toy'"):
        assert len(read_pose_file(path)) == 1


def test_a_format_that_fails_on_its_own_file_is_named_with_the_file(plugin, tmp_path):
    plugin(GOOD)
    (tmp_path / "walk.toy").write_text("{")
    with pytest.raises(BadPoseFile, match=r"walk.toy: the pose format 'toy' of toy-poses cannot read it: JSOND"):
        read_pose_file(tmp_path / "walk.toy")


def test_a_format_that_fails_to_write_is_named_with_the_file(plugin, tmp_path):
    plugin('FORMAT = FileFormat("t", frozenset({".t"}), read, suffix=".t", write=lambda video_poses, path: 1 / 0)\n')
    with pytest.raises(OutputError, match=r"walk.t: the pose format 'toy' of toy-poses cannot write it: ZeroDivision"):
        write_pose_file(factory.video_poses(), tmp_path / "walk.t", ".t")


def test_two_formats_that_write_one_suffix_are_both_named(plugin):
    plugin('FORMAT = FileFormat("t", frozenset({".npz"}), read, suffix=".npz", write=write)\n')
    with pytest.raises(StageError, match=r"two pose formats write \.npz files: 'posec3d-archive' of .* and 'toy'"):
        written_suffixes()


def test_a_file_of_no_format_is_told_which_were_tried_plugins_included(plugin, tmp_path):
    plugin('FORMAT = JsonFormat("toys of wood", lambda content: "toy" in content, read)\n')
    (tmp_path / "x.json").write_text(json.dumps({"what": 1}))
    with pytest.raises(BadPoseFile) as caught:
        read_pose_file(tmp_path / "x.json")
    assert "toys of wood" in caught.value.hint
