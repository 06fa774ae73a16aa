"""Figures of an evaluation, and labelled poses read as if they had been found in a video."""

from __future__ import annotations

import json
from dataclasses import replace

import fakes
import numpy as np
import pytest
import synthetic_people as people

from posec3d_cli.action_reader import ActionReader
from posec3d_cli.errors import BadDataset
from posec3d_cli.fusion import Member
from posec3d_cli.reading import Reading
from posec3d_cli.train.evaluate import Report, as_posed, evaluate
from posec3d_cli.train.examples import ESTIMATED, RECORDED, Example


@pytest.fixture
def report():
    """Seven clips of two of three actions: five right, one taken for another, one in which nobody was found."""
    return Report(
        labels=("sit", "stand", "run"),
        confusion=np.array([[3, 1, 0], [0, 2, 0], [0, 0, 0]]),
        top5=6,
        clips=7,
        wrong=(("clip 4", "sit", "stand", 0.61), ("clip 5", "sit", "", 0.0)),
        nobody=("clip 5",),
    )


def test_a_clip_without_anybody_counts_as_a_mistake(report):
    assert report.top1 == pytest.approx(5 / 7)
    assert report.mean_class == pytest.approx((3 / 5 + 2 / 2) / 2)


def test_the_interval_is_wilsons(report):
    """Its edges are where the observed share is 1.96 standard errors away: E. B. Wilson, JASA 22 (1927)."""
    low, high = report.interval
    assert low < report.top1 < high
    for edge in (low, high):
        assert (report.top1 - edge) ** 2 == pytest.approx(1.96**2 * edge * (1 - edge) / 7)


@pytest.mark.parametrize(("right", "edges"), [(0, (0, 0.7935)), (1, (0.2065, 1))])
def test_the_interval_of_one_clip_stays_between_0_and_1(right, edges):
    one = Report(("a", "b"), np.array([[right, 1 - right], [0, 0]]), 1, 1, (), ())
    assert one.interval == pytest.approx(edges, abs=1e-4)


def test_the_figures_are_plain_json(report):
    figures = json.loads(json.dumps(report.figures()))
    assert (figures["clips"], figures["top1"], figures["top5"]) == (7, 0.7143, 0.8571)
    assert figures["nobody"] == ["clip 5"]
    assert figures["confusion"] == {
        "labels": ["sit", "stand", "run"],
        "rows_are_truth": [[3, 1, 0], [0, 2, 0], [0, 0, 0]],
    }
    assert figures["mistakes"][1] == {"clip": "clip 5", "truth": "sit", "named": None, "probability": 0.0}


def actions():
    """Answers "right" with the probability x / 100."""
    return ActionReader([Member(fakes.Builder(), fakes.Classifier(), Reading(frames=8))])


def standing(name, label, x):
    """Somebody whose joints are all at x; nobody where x is None."""
    keypoints = np.full((1, 12, 17, 2), x or 0, np.float32)
    scores = np.full((1, 12, 17), 0 if x is None else 0.9, np.float32)
    return Example(name, label, name, ESTIMATED, keypoints, scores, 30.0)


def test_clips_are_read_as_videos_are():
    told = []
    clips = [
        standing("a", "left", 10),
        standing("b", "right", 80),
        standing("c", "right", 30),
        standing("d", "left", None),
    ]
    report = evaluate(actions(), clips, progress=lambda *said: told.append(said))
    assert report.confusion.tolist() == [[1, 0], [1, 1]]
    assert report.nobody == ("d",)
    assert [mistake[:3] for mistake in report.wrong] == [("c", "right", "left"), ("d", "left", "")]
    assert report.wrong[0][3] == pytest.approx(0.7)
    assert (report.top1, report.top5, report.mean_class) == (0.5, 3, 0.5)
    assert told == [(number, 4) for number in range(5)]


def test_a_reading_can_be_chosen():
    used = actions()
    evaluate(used, [standing("a", "left", 10)], replace(used.reading, views=3, flip=True))
    assert used.members[0].builder.calls[0][1].shape == (3, 8)
    assert used.members[0].builder.calls[0][2] is True


def test_labels_that_the_classifier_does_not_know_are_refused():
    clips = [standing("a", "left", 10), standing("b", "up", 10), standing("c", "down", 10)]
    with pytest.raises(BadDataset, match="does not know the labels down, up") as caught:
        evaluate(actions(), clips)
    assert caught.value.hint == "it knows left, right"


def test_nothing_to_evaluate_is_refused():
    with pytest.raises(BadDataset, match="nothing to evaluate"):
        evaluate(actions(), [])


def test_recordings_cannot_be_read_without_a_camera():
    with pytest.raises(BadDataset, match="3D recording"):
        as_posed(replace(standing("a", "left", 1), origin=RECORDED))


def test_poses_keep_their_places_and_people_their_slots():
    clip = people.example("arms")
    two = replace(
        clip,
        keypoints=np.concatenate([clip.keypoints, clip.keypoints + 40]),
        scores=np.concatenate([clip.scores, np.where(np.arange(24)[None, :, None] < 5, 0, clip.scores)]),
    )
    posed = as_posed(two)
    assert [len(found) for found in posed.detections] == [1] * 5 + [2] * 19
    assert [who.tolist() for who in posed.identities] == [[0]] * 5 + [[0, 1]] * 19
    assert np.array_equal(posed.poses[10].keypoints, two.keypoints[:, 10])
    assert posed.video.width >= two.keypoints[..., 0].max()
    assert posed.video.height >= two.keypoints[..., 1].max()
    low, high = posed.detections[10].boxes[:, :2], posed.detections[10].boxes[:, 2:]
    assert (low < two.keypoints[:, 10].min(axis=1)).all()
    assert (high > two.keypoints[:, 10].max(axis=1)).all()


def test_joints_left_of_the_picture_move_it():
    clip = people.example("arms")
    posed = as_posed(replace(clip, keypoints=clip.keypoints - 500))
    places = np.concatenate([one.keypoints for one in posed.poses])
    assert places.min() == 0
    assert np.allclose(places - places[0, 0], clip.keypoints[0] - clip.keypoints[0, 0, 0], atol=1e-3)


def test_a_clip_of_nobody_has_a_picture_all_the_same():
    posed = as_posed(standing("a", "left", None))
    assert all(len(found) == 0 for found in posed.detections)
    assert min(posed.video.width, posed.video.height) >= 1
