"""Who is near whom: the gap in sizes, sizes that are alike, frames enough, and only the nearest."""

from __future__ import annotations

import numpy as np
import pytest

from posec3d_cli.tracking.pairs import near_pairs
from posec3d_cli.tracking.tracks import Tracks


def tracks(*people, frames=10):
    """People by their boxes, `(4,)` or, where they move, `(T, 4)`; None in a frame where somebody is not seen."""
    boxes = np.zeros((len(people), frames, 4), np.float32)
    present = np.ones((len(people), frames), bool)
    for row, given in enumerate(people):
        each = [given] * frames if isinstance(given, tuple) else given
        for column, box in enumerate(each):
            present[row, column] = box is not None
            boxes[row, column] = box or 0
    scores = np.repeat(present[..., None], 17, axis=2).astype(np.float32)
    return Tracks(
        np.zeros((*scores.shape, 2), np.float32), scores, boxes, present, np.arange(len(people), dtype=np.int64)
    )


def standing(left, size=100, top=0):
    """A person of this height, 40 % as wide."""
    return (left, top, left + 0.4 * size, top + size)


@pytest.mark.parametrize(("gap", "near"), [(-20, True), (0, True), (99, True), (101, False)])
def test_people_are_near_up_to_a_gap_of_their_size(gap, near):
    assert near_pairs(tracks(standing(0), standing(40 + gap))) == ([(0, 1)] if near else [])


def test_the_gap_counts_from_top_to_bottom_too():
    assert near_pairs(tracks(standing(0), standing(0, top=201))) == []
    assert near_pairs(tracks(standing(0), standing(0, top=199))) == [(0, 1)]


def test_sizes_are_measured_in_the_frame_and_who_stands_far_behind_is_not_near():
    assert near_pairs(tracks(standing(0, 400), standing(160 + 390, 400))) == [(0, 1)]
    assert near_pairs(tracks(standing(0), standing(45, 51))) == [(0, 1)]
    assert near_pairs(tracks(standing(0), standing(45, 49))) == []


def test_they_are_near_in_half_of_the_frames_in_which_either_is_seen():
    far, close = standing(500), standing(60)
    assert near_pairs(tracks(standing(0), [close] * 5 + [far] * 5)) == [(0, 1)]
    assert near_pairs(tracks(standing(0), [close] * 4 + [far] * 6)) == []
    assert near_pairs(tracks(standing(0), [close] * 4 + [None] * 6)) == []


def test_each_person_is_read_with_the_nearest_other_only():
    crowd = tracks(standing(0), standing(50), standing(110), standing(115))
    assert near_pairs(crowd) == [(0, 1), (2, 3)]
    line = tracks(standing(0), standing(50), standing(110))
    assert near_pairs(line) == [(0, 1), (1, 2)]


def test_one_person_or_none_is_no_pair():
    assert near_pairs(tracks(standing(0))) == []
    assert near_pairs(tracks()) == []
