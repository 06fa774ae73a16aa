"""The window of a live run: a ring buffer that is read as a short video of even rate."""

from __future__ import annotations

import live_fakes
import numpy as np
import pytest

from posec3d_cli.live.window import PoseWindow
from posec3d_cli.skeletons import COCO_17


def filled(times, seconds=2.0):
    window = PoseWindow(seconds, COCO_17, "camera")
    for place, when in enumerate(times):
        window.add(when, (*live_fakes.people_at((10 + place, 40)), np.zeros(1, np.int64)), (80, 60))
    return window


def places(window):
    return [int(found.boxes[0, 0]) for found in window.video_poses().detections]


def test_what_is_older_than_the_window_is_forgotten():
    window = filled(np.arange(100) / 10)
    assert (len(window), window.span) == (21, (7.9, 9.9))
    assert places(window) == list(range(79, 100))
    poses = window.video_poses()
    assert float(poses.video.fps) == pytest.approx(10)
    assert (poses.video.frame_count, poses.video.width, poses.video.height) == (21, 80, 60)


def test_frames_that_come_unevenly_are_read_at_even_times():
    window = filled([0.0, 0.1, 0.2, 0.3, 1.8, 1.9])
    # 0, 0.38, 0.76, 1.14, 1.52, 1.9 s
    assert places(window) == [0, 3, 3, 4, 4, 5]


def test_a_window_is_read_when_it_is_half_full():
    assert not filled([0.0, 0.2, 0.4, 0.6]).is_ready
    assert not filled([0.0, 0.5, 1.0]).is_ready, "too few frames"
    assert filled([0.0, 0.2, 0.4, 1.0]).is_ready


def test_another_size_begins_a_new_window():
    window = filled([0.0, 0.2, 0.4, 1.0])
    window.add(1.1, (*live_fakes.people_at(), np.zeros(0, np.int64)), (160, 120))
    assert len(window) == 1
    window.clear()
    assert len(window) == 0
