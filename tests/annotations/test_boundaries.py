"""FrameBoundaries: times of frames from the file, and back to frames."""

from __future__ import annotations

from fractions import Fraction

import annotation_factory as factory
import numpy as np
import pytest
import video_factory

from posec3d_cli.annotations.boundaries import FrameBoundaries
from posec3d_cli.errors import InputError
from posec3d_cli.video.probe import probe


@pytest.mark.parametrize("rate", factory.RATES, ids=str)
def test_whole_milliseconds_lead_back_to_the_same_frame_at_every_rate(rate):
    times = factory.times(3000, rate)
    assert all(times.nearest(times.milliseconds(boundary) / 1000) == boundary for boundary in range(3001))


def test_frames_that_milliseconds_cannot_tell_apart_are_refused():
    times = FrameBoundaries(np.array([0.0, 0.0401, 0.0404, 0.08]))
    with pytest.raises(InputError, match="frame 2 is shown for less than a millisecond"):
        times.milliseconds(2)


def test_a_time_outside_the_video_is_its_nearest_end():
    times = factory.times(10)
    assert (times.nearest(-3.0), times.nearest(99.0)) == (0, 10)


def test_times_are_those_of_the_file_and_not_of_a_frame_rate(tmp_path):
    ticks = [500, 540, 600, 700, 720, 900]
    path = video_factory.write(tmp_path / "uneven.mkv", len(ticks), ticks=ticks)
    table = probe(path)
    times = FrameBoundaries.of_table(table)
    assert [round(times.seconds(frame), 3) for frame in range(6)] == [0.5, 0.54, 0.6, 0.7, 0.72, 0.9]
    assert len(times) == 6
    assert times.nearest(0.7 - 0.5) == 3


def test_the_end_of_the_last_frame_is_a_boundary(tmp_path):
    path = video_factory.write(tmp_path / "even.mp4", 10, rate=Fraction(30000, 1001))
    times = FrameBoundaries.of_table(probe(path))
    assert times.seconds(10) == pytest.approx(10 * 1001 / 30000)
