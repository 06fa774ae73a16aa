"""Labelled poses are read as if they had been found in a video, and the answers kept."""

from __future__ import annotations

from dataclasses import replace

import fakes
import numpy as np
import pytest
import synthetic_people as people
from msgspec import structs

from posec3d_cli.datasets.clips import ESTIMATED, RECORDED, LabeledClip
from posec3d_cli.errors import BadDataset
from posec3d_cli.evaluation.evaluate import as_video_poses, check_labels, evaluate, predict_clips
from posec3d_cli.recognition.ensemble import Member
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.sampling.clips import ClipSampling


def actions():
    """Answers "right" with the probability x / 100."""
    return ActionRecognizer([Member(fakes.Builder(), fakes.Classifier(), ClipSampling(frames=8))])


def standing(name, label, x):
    """Somebody whose joints are all at x; nobody where x is None."""
    keypoints = np.full((1, 12, 17, 2), x or 0, np.float32)
    scores = np.full((1, 12, 17), 0 if x is None else 0.9, np.float32)
    return LabeledClip(name, label, name, ESTIMATED, keypoints, scores, 30.0)


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
    assert report.no_person == ("d",)
    assert [(one.clip, one.ground_truth, one.label) for one in report.mistakes] == [
        ("c", "right", "left"),
        ("d", "left", ""),
    ]
    assert report.mistakes[0].best == (("left", pytest.approx(0.7)), ("right", pytest.approx(0.3)))
    assert (report.top1, report.top5, report.mean_class) == (0.5, 3, 0.5)
    assert told == [(number, 4) for number in range(5)]


def test_predictions_have_the_probability_of_unknown():
    used = actions()
    assert evaluate(used, [standing("a", "left", 10)]).predictions[0].unknown == 0
    used.members[0].classifier.labels = ("unknown", "right")
    [prediction] = predict_clips(ActionRecognizer(used.members), [standing("a", "b", 80)])
    assert prediction.unknown == pytest.approx(0.2)
    assert prediction.score == pytest.approx(0.8)


def test_a_reading_can_be_chosen():
    used = actions()
    evaluate(used, [standing("a", "left", 10)], structs.replace(used.sampling, views=3, flip=True))
    assert used.members[0].builder.calls[0][1].shape == (3, 8)
    assert used.members[0].builder.calls[0][2] is True


def test_labels_that_the_classifier_does_not_know_are_refused():
    clips = [standing("a", "left", 10), standing("b", "up", 10), standing("c", "down", 10), standing("d", "up", 10)]
    with pytest.raises(BadDataset, match=r"does not have the labels down \(1 clip\), up \(2 clips\)") as caught:
        evaluate(actions(), clips)
    assert caught.value.hint == "--only-known leaves their clips out; it has left, right"
    check_labels({"left": 3}, ["left", "right"])


def test_nothing_to_evaluate_is_refused():
    with pytest.raises(BadDataset, match="there is no clip to evaluate"):
        evaluate(actions(), [])


def test_recordings_cannot_be_read_without_a_camera():
    with pytest.raises(BadDataset, match="3D recording"):
        as_video_poses(replace(standing("a", "left", 1), origin=RECORDED))


def test_poses_keep_their_places_and_people_their_slots():
    clip = people.labeled_clip("arms")
    two = replace(
        clip,
        keypoints=np.concatenate([clip.keypoints, clip.keypoints + 40]),
        scores=np.concatenate([clip.scores, np.where(np.arange(24)[None, :, None] < 5, 0, clip.scores)]),
    )
    video_poses = as_video_poses(two)
    assert [len(found) for found in video_poses.detections] == [1] * 5 + [2] * 19
    assert [who.tolist() for who in video_poses.track_ids] == [[0]] * 5 + [[0, 1]] * 19
    assert np.array_equal(video_poses.poses[10].keypoints, two.keypoints[:, 10])
    assert video_poses.video.width >= two.keypoints[..., 0].max()
    assert video_poses.video.height >= two.keypoints[..., 1].max()
    low, high = video_poses.detections[10].boxes[:, :2], video_poses.detections[10].boxes[:, 2:]
    assert (low < two.keypoints[:, 10].min(axis=1)).all()
    assert (high > two.keypoints[:, 10].max(axis=1)).all()


def test_joints_left_of_the_image_move_it():
    clip = people.labeled_clip("arms")
    video_poses = as_video_poses(replace(clip, keypoints=clip.keypoints - 500))
    places = np.concatenate([one.keypoints for one in video_poses.poses])
    assert places.min() == 0
    assert np.allclose(places - places[0, 0], clip.keypoints[0] - clip.keypoints[0, 0, 0], atol=1e-3)


def test_a_clip_of_nobody_has_a_image_all_the_same():
    video_poses = as_video_poses(standing("a", "left", None))
    assert all(len(found) == 0 for found in video_poses.detections)
    assert min(video_poses.video.width, video_poses.video.height) >= 1
