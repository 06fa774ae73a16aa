"""The harder copies of held-out clips."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import synthetic_people as people

from posec3d_cli.datasets.clips import RECORDED
from posec3d_cli.evaluation.perturb import perturb
from posec3d_cli.transforms.motion import extent


def test_every_clip_becomes_ten_seconds_of_the_same_action():
    clips = people.labeled_clips(4)
    copies = perturb(clips)
    assert [(one.name, one.label, one.group) for one in copies] == [(one.name, one.label, one.group) for one in clips]
    assert all(len(one) == 300 for one in copies)
    assert all(one.keypoints.shape == (*one.scores.shape, 2) for one in copies)
    assert all(np.isfinite(one.keypoints).all() for one in copies)


def test_long_clips_keep_their_length():
    (copy,) = perturb([people.labeled_clip("arms", frames=400)])
    assert len(copy) == 400


@pytest.mark.parametrize("fps", [0.7, 1.0, 2.0, 60.0])
def test_any_frame_rate_will_do(fps):
    (copy,) = perturb([replace(people.labeled_clip("arms"), fps=fps)])
    assert len(copy) == max(round(10 * fps), 24)


def test_the_acting_person_comes_first_and_moves_while_bystanders_stand():
    for copy in perturb(people.labeled_clips(6)):
        wrist = [
            np.ptp(one[:, 9, 1] - one[:, 5, 1]) / extent(one[None], np.ones((1, 300, 17)))[1] for one in copy.keypoints
        ]
        if copy.label == "arms":
            assert wrist[0] > 0.4
        assert all(still < 0.35 for still in wrist[1:])


def test_up_to_two_bystanders_are_added():
    people_in = [len(one.keypoints) for one in perturb(people.labeled_clips(20))]
    assert set(people_in) == {1, 2, 3}


def test_the_copies_are_always_the_same():
    one, two = perturb(people.labeled_clips(3)), perturb(people.labeled_clips(3))
    assert all(np.array_equal(a.keypoints, b.keypoints) for a, b in zip(one, two, strict=True))
    assert not np.array_equal(one[0].keypoints, perturb(people.labeled_clips(3), seed=1)[0].keypoints)


def test_recordings_and_empty_clips_have_no_copy():
    seen = people.labeled_clip("arms")
    empty = replace(seen, name="empty", scores=np.zeros_like(seen.scores))
    space = replace(seen, name="space", origin=RECORDED)
    assert [one.name for one in perturb([empty, seen, space])] == [seen.name]
    assert perturb([]) == []


def test_objects_stay_at_the_hand_that_holds_them():
    clip = people.with_object(people.labeled_clip("arms"), "cup")
    [copy] = perturb([clip])
    assert len(copy.objects) == 300
    boxes = np.stack([objects.boxes[0] for objects in copy.objects])
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    _, size = extent(clip.keypoints, clip.scores)
    assert np.abs(middle - copy.keypoints[0, :, 9]).max() < 0.1 * size, "the keypoints tremble, the box does not"
    assert np.ptp(boxes[:, 2] - boxes[:, 0]) > 1, "the camera zooms"
    [other] = perturb([replace(clip, objects=(None, *clip.objects[1:]))])
    assert other.objects[0] is None
    assert other.objects[1] is not None
