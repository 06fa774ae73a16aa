"""Every installed network, pose format and output keeps the contract, and the checks notice one that does not."""

from __future__ import annotations

from functools import cache

import pose_file_factory as factory
import pytest
from torch import nn

from posec3d_cli import testing
from posec3d_cli.errors import StageMismatch
from posec3d_cli.nets.layers import Head, Recognizer
from posec3d_cli.pose_files.formats import JsonFormat, PoseSource
from posec3d_cli.pose_files.installed import installed_formats
from posec3d_cli.registry import NETWORKS, OUTPUTS, POSE_FORMATS

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("name", NETWORKS.names())
def test_networks_keep_the_contract(name):
    testing.check_network(NETWORKS.load(name), frames=8, size=16)


@pytest.mark.parametrize("name", OUTPUTS.names())
def test_outputs_keep_the_contract(name):
    testing.check_output(OUTPUTS.load(name))


@pytest.fixture(scope="module")
def labeled_clips(tmp_path_factory):
    """Files of each format by the name of the format."""

    @cache
    def made() -> dict[str, list]:
        found: dict[str, list] = {}
        for number, make in enumerate(factory.FORMATS.values()):
            path = make(tmp_path_factory.mktemp(f"form{number}"))
            source = PoseSource(path)
            name = next(one.entry.name for one in installed_formats() if one.matches(source))
            found.setdefault(name, []).append(path)
        return found

    return made


@pytest.mark.parametrize("name", POSE_FORMATS.names())
def test_pose_formats_keep_the_contract(name, labeled_clips):
    if POSE_FORMATS.entry(name).built_in:
        assert labeled_clips()[name], "a file of each format is made by the tests"
    testing.check_pose_format(POSE_FORMATS.load(name), labeled_clips().get(name, ()), tolerance=0.05)


class Tiny(Recognizer):
    reads = "heatmaps"

    def __init__(self, num_classes: int, *, in_channels: int = 17) -> None:
        super().__init__(nn.Conv3d(in_channels, 4, 1), Head(4, num_classes, 0.0), in_channels=in_channels)


def test_a_network_of_ten_lines_keeps_the_contract():
    testing.check_network(Tiny)


class Mute(Tiny):
    reads = "sounds"


class Lopsided(Tiny):
    def forward(self, x):
        return super().forward(x) + 1


class Batchy(Tiny):
    def __init__(self, num_classes: int, *, in_channels: int = 17) -> None:
        super().__init__(num_classes, in_channels=in_channels)
        self.cls_head.forward = lambda x: Head.forward(self.cls_head, x) - x.mean()


class Idle(Tiny):
    def __init__(self, num_classes: int, *, in_channels: int = 17) -> None:
        super().__init__(num_classes, in_channels=in_channels)
        self.spare = nn.Linear(2, 2)


@pytest.mark.parametrize(
    ("network", "rule"),
    [
        (nn.Conv3d, "subclass of Recognizer"),
        (Mute, r"reads, one of heatmaps, joints, rgb, rgb\+heatmaps, got 'sounds'"),
        (Lopsided, "backbone and the head"),
        (Batchy, "one by one"),
        (Idle, "spare.weight does not"),
    ],
)
def test_a_network_that_breaks_a_rule_is_caught(network, rule):
    with pytest.raises(StageMismatch, match=rule):
        testing.check_network(network)


class Lines:
    columns = ("video", "label")

    def write(self, rows, path):
        path.write_text("".join(f"{row['video']}\t{row['label']}\n" for row in rows))


def wrong_suffix(self, rows, path):
    path.with_suffix(".lines").write_text("")


def draining(self, rows, path):
    for row in rows:
        row.clear()
    path.write_text("")


def swallowing(self, rows, path):
    if path.parent.is_dir():
        path.write_text("")


@pytest.mark.parametrize(
    ("members", "rule"),
    [
        ({"columns": ("video", "colour")}, "columns must be"),
        ({"write": wrong_suffix}, "whatever its suffix"),
        ({"write": draining}, "must not change the rows"),
        ({"write": swallowing}, "must be an OSError"),
        ({"read": lambda self, path: []}, "2 rows were written, 0 were read"),
    ],
)
def test_an_output_that_breaks_a_rule_is_caught(members, rule):
    testing.check_output(Lines())
    with pytest.raises(StageMismatch, match=rule):
        testing.check_output(type("Broken", (Lines,), members)())


def greedy():
    return JsonFormat("greedy files", lambda content: True, lambda path, content: content["people"])


def test_a_pose_format_without_an_example_that_only_reads_is_told_so():
    with pytest.raises(StageMismatch, match="checked with an example"):
        testing.check_pose_format(greedy())


def test_a_pose_format_that_fails_on_a_damaged_file_is_caught(tmp_path):
    form = POSE_FORMATS.load("mediapipe")
    path = factory.FORMATS["MediaPipe"](tmp_path)

    class Hasty:
        name, suffixes = form.name, form.suffixes

        def matches(self, source):
            return source.suffix == ".json"

        def read(self, source):
            return form.read(source) if source.path.stat().st_size else {}["frames"]

    with pytest.raises(StageMismatch, match=r"a damaged file \(nothing\) must be a BadPoseFile, got KeyError"):
        testing.check_pose_format(Hasty(), [path])
