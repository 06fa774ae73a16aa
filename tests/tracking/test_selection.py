"""Which people are read."""

from __future__ import annotations

import numpy as np
import pytest

from posec3d_cli.config import PipelineConfig
from posec3d_cli.errors import ConfigError
from posec3d_cli.tracking.selection import EVERYBODY, Selection
from posec3d_cli.tracking.tracks import assemble
from posec3d_cli.types import Detections, Poses


def found(*boxes):
    return Detections(np.array(boxes, np.float32).reshape(-1, 4), np.full(len(boxes), 0.9, np.float32))


DETECTIONS = [found((0, 0, 10, 10), (50, 50, 90, 90)), found((0, 0, 12, 12)), found()]
IDS = [np.array([0, 1]), np.array([0]), np.zeros(0, np.int64)]


def chosen(**options):
    return [one.tolist() for one in Selection(**options).of_frames(DETECTIONS, IDS)]


def test_one_person_is_told_by_the_track_id_or_by_the_place():
    assert chosen() == [[0, 1], [0], []]
    assert chosen(person=1) == [[-1, 1], [-1], []]
    assert chosen(roi=(40, 40, 60, 60)) == [[-1, 1], [-1], []]
    assert chosen(roi=(0, 0, 5.5, 5.5)) == [[0, -1], [-1], []]
    assert chosen(person=0, roi=(40, 40, 60, 60)) == [[-1, -1], [-1], []]


def test_the_largest_is_the_one_with_the_largest_box_over_the_frames_of_a_window():
    poses = [Poses(np.zeros((len(one), 17, 2), np.float32), np.ones((len(one), 17), np.float32)) for one in DETECTIONS]
    tracks = assemble(IDS, DETECTIONS, poses)
    assert Selection(largest=True).of_window(tracks).ids.tolist() == [1]
    assert sorted(EVERYBODY.of_window(tracks).ids.tolist()) == [0, 1]
    assert len(Selection(largest=True).of_window(assemble([np.zeros(0, np.int64)], [found()], poses[2:]))) == 0


@pytest.mark.parametrize("options", [{"person": -1}, {"roi": (0, 0, 0, 5)}, {"roi": (0, 0, float("nan"), 5)}])
def test_a_selection_that_chooses_nothing_is_refused(options):
    with pytest.raises(ConfigError):
        PipelineConfig(**options)
