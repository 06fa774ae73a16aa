"""Exported times lead to the right pictures: each picture of these videos spells its own number."""

from __future__ import annotations

import re

import annotation_factory
import av
import pytest
import video_factory as factory

from posec3d_cli.annotations.boundaries import FrameBoundaries
from posec3d_cli.annotations.segments import AnnotatedVideo, Segment
from posec3d_cli.annotations.subtitles import SRT
from posec3d_cli.video.probe import probe

B_FRAMES = {"bf": "3", "b-adapt": "0", "g": "12", "crf": "5"}
UNEVEN = [0, 33, 50, 120, 160, 161, 240, 300, 301, 420, 437, 500, 533, 567, 600, 700, 800, 850, 900, 1000]


def even(folder):
    return factory.write(folder / "even.mp4", 30, rate=factory.Fraction(30000, 1001), options=B_FRAMES)


def uneven(folder):
    return factory.write(folder / "uneven.mkv", len(UNEVEN), ticks=UNEVEN, options={"crf": "5"})


def late(folder):
    ticks = [500 + 40 * number for number in range(30)]
    return factory.write(folder / "late.mkv", 30, ticks=ticks, options={"crf": "5"})


def cut(folder):
    whole = factory.write(folder / "whole.mp4", 40, options=B_FRAMES)
    return factory.trimmed(whole, folder / "cut.mp4", first=15)


def shown(path):
    """When each picture is shown, from the first one, and the number that it spells."""
    with av.open(str(path)) as container:
        found = [
            (frame.time, factory.number_of(frame.to_ndarray(format="rgb24"))) for frame in container.decode(video=0)
        ]
    first = min(seconds for seconds, _ in found)
    return sorted((seconds - first, number) for seconds, number in found)


@pytest.mark.parametrize(("make", "first"), [(even, 0), (uneven, 0), (late, 0), (cut, 15)])
@pytest.mark.parametrize(("start", "stop"), [(0, 1), (5, 9), (8, 9)])
def test_a_segment_is_the_pictures_between_its_times(tmp_path, make, first, start, stop):
    path = make(tmp_path)
    table = probe(path)
    one = AnnotatedVideo(table.info, path.name, FrameBoundaries.of_table(table), (Segment("run", start, stop),))
    text = annotation_factory.written(SRT, one).decode()
    edges = [
        3600 * int(hours) + 60 * int(minutes) + int(seconds) + int(rest) / 1000
        for hours, minutes, seconds, rest in re.findall(r"(\d+):(\d+):(\d+),(\d+)", text)
    ]
    inside = [number for seconds, number in shown(path) if edges[0] - 0.0005 <= seconds < edges[1] - 0.0005]
    assert inside == list(range(first + start, first + stop))
