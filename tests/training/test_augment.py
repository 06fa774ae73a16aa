"""What chance does to clips, and what it must leave alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import synthetic_people as people
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from posec3d_cli.datasets.clips import ANNOTATED, ESTIMATED, RECORDED, LabeledClip
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.training.augment import Augmentation, augmented
from posec3d_cli.transforms.motion import at_times, drift, extent, project

LEFT, RIGHT = list(COCO_17.left), list(COCO_17.right)
CALM = replace(Augmentation.none(), served=0.5, mirror=0.5)


def draw_clip(clip, others, frames, settings, generator, *, still=False, people="together"):
    """The poses of a sample's frames in order, (M, T, 17, 2), and their scores."""
    sampling = ClipSampling(frames=frames, people=people)
    sequence, shown = augmented(clip, others, sampling, settings, generator, still=still)
    assert shown.shape == (frames,)
    return sequence.keypoints[:, shown], sequence.scores[:, shown]


def in_space(frames=20):
    """A 3D example of somebody who faces the camera and lifts the arms."""
    flat = people.moving("arms", frames) * 1.7
    points = np.concatenate([flat, np.full((*flat.shape[:2], 1), 3.0, np.float32)], axis=-1)
    return LabeledClip("r", "arms", "r", RECORDED, points[None], np.ones((1, frames, 17), np.float32), 30.0)


def clips():
    return [
        people.labeled_clip("arms", origin=ESTIMATED),
        people.labeled_clip("legs", frames=8, origin=ANNOTATED),
        in_space(),
    ]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.integers(2, 9))
def test_whole_frames_are_kept_exactly(seed, frames):
    generator = np.random.default_rng(seed)
    keypoints = generator.normal(0, 100, (2, frames, 17, 2)).astype(np.float32)
    scores = (generator.uniform(0, 1, (2, frames, 17)) * (generator.random((2, frames, 17)) < 0.7)).astype(np.float32)
    times = generator.integers(0, frames, 5)
    moved, values = at_times(keypoints, scores, times.astype(np.float32))
    assert np.array_equal(values, scores[:, times])
    seen = values > 0
    assert np.array_equal(moved[seen], keypoints[:, times][seen])


@settings(deadline=None, max_examples=60)
@given(
    arrays.arrays(np.float32, (1, 6, 17), elements=st.sampled_from([0.0, 0.5, 1.0])),
    st.lists(st.floats(0, 5, width=32), min_size=1, max_size=12),
)
def test_a_missing_joint_is_never_mixed_in(scores, times):
    """Missing joints stand far away: a mixture with one would lie outside of where the seen ones are."""
    places = np.where(scores > 0, np.arange(6, dtype=np.float32)[None, :, None], 1e6)
    keypoints = np.repeat(places[..., None], 2, axis=-1).astype(np.float32)
    positions = np.array(times, np.float32)
    moved, values = at_times(keypoints, scores, positions)
    low, high = np.floor(positions), np.ceil(positions)
    for column in range(len(positions)):
        seen = values[0, column] > 0
        found = moved[0, column][seen]
        assert (found >= low[column]).all()
        assert (found <= high[column]).all()
        nearest = int(np.floor(positions[column] + 0.5))
        assert ((scores[0, min(nearest, 5)] > 0) >= seen).all() or positions[column] == nearest


def test_between_two_sightings_a_joint_is_between():
    keypoints = np.zeros((1, 2, 17, 2), np.float32)
    keypoints[0, 1] = 10
    scores = np.full((1, 2, 17), 0.4, np.float32)
    scores[0, 1] = 0.8
    moved, values = at_times(keypoints, scores, np.array([0.25]))
    assert np.allclose(moved, 2.5)
    assert np.allclose(values, 0.5)


@pytest.mark.parametrize("seed", range(12))
def test_a_camera_sees_left_and_right_as_they_are(seed):
    """The left shoulder is on the right of the image as long as the camera stands before the person."""
    points = in_space().keypoints
    pixels = project(points, np.random.default_rng(seed))
    twin = np.random.default_rng(seed)
    azimuth = np.radians(twin.normal(0, 50) + twin.uniform(-15, 15) * np.linspace(-1, 1, points.shape[1]))
    assert pixels.shape == (*points.shape[:3], 2)
    assert np.isfinite(pixels).all()
    left, right = (pixels[0, :, COCO_17.joints.index(f"{side}_shoulder"), 0] for side in ("left", "right"))
    before = np.cos(azimuth)
    clear = np.abs(before) > 0.1
    assert ((left > right) == (before > 0))[clear].all()
    nose, ankle = (pixels[0, :, COCO_17.joints.index(joint), 1] for joint in ("nose", "left_ankle"))
    assert (nose < ankle).all()


@pytest.mark.parametrize("number", range(3))
def test_a_sample_hangs_on_the_generator_alone(number):
    labeled_clips = clips()
    one, same = (
        draw_clip(labeled_clips[number], labeled_clips, 16, Augmentation(), np.random.default_rng(7)) for _ in "ab"
    )
    other = draw_clip(labeled_clips[number], labeled_clips, 16, Augmentation(), np.random.default_rng(8))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[0], other[0])


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.integers(0, 2), st.integers(2, 20))
def test_samples_are_finite_and_of_the_right_shape(seed, number, frames):
    labeled_clips = clips()
    copies = [(one.keypoints.copy(), one.scores.copy()) for one in labeled_clips]
    keypoints, scores = draw_clip(
        labeled_clips[number], labeled_clips, frames, Augmentation(), np.random.default_rng(seed)
    )
    assert keypoints.dtype == scores.dtype == np.float32
    assert keypoints.shape == (*scores.shape, 2)
    assert scores.shape[0] in (1, 2)
    assert scores.shape[1:] == (frames, 17)
    assert np.isfinite(keypoints).all()
    assert ((scores >= 0) & (scores <= 1)).all()
    for one, (places, values) in zip(labeled_clips, copies, strict=True):  # the examples themselves are not touched
        assert np.array_equal(one.keypoints, places)
        assert np.array_equal(one.scores, values)


def test_a_clip_in_which_nobody_shows_gives_a_sample_all_the_same():
    nobody = people.labeled_clip("arms")
    nobody = replace(nobody, scores=np.zeros_like(nobody.scores))
    keypoints, scores = draw_clip(nobody, [nobody], 8, Augmentation(), np.random.default_rng(0))
    assert np.isfinite(keypoints).all()
    assert not scores.any()


def test_in_half_of_the_samples_the_sides_are_swapped_as_in_a_mirror():
    """Somebody who lifts the left arm, facing the camera, becomes somebody who lifts the right, facing the camera."""
    one = people.labeled_clip("arms", origin=ESTIMATED)
    keypoints = one.keypoints.copy()
    keypoints[:, :, COCO_17.joints.index("left_wrist"), 1] = keypoints[:, :, 0, 1] - 50
    keypoints[:, :, COCO_17.joints.index("right_wrist"), 1] = keypoints[:, :, COCO_17.joints.index("right_knee"), 1]
    one = replace(one, keypoints=keypoints)
    lifted = []
    for seed in range(40):
        sample, _ = draw_clip(one, [], 8, CALM, np.random.default_rng(seed))
        shoulders = (sample[0, :, COCO_17.joints.index(f"{side}_shoulder"), 0] for side in ("left", "right"))
        left, right = shoulders
        assert (left > right).all()
        heights = [sample[0, :, COCO_17.joints.index(f"{side}_wrist"), 1].mean() for side in ("left", "right")]
        lifted.append("left" if heights[0] < heights[1] else "right")
    assert 10 < lifted.count("left") < 30


def test_missing_joints_stay_missing():
    one = people.labeled_clip("legs", origin=ESTIMATED)
    scores = one.scores.copy()
    scores[:, :, [LEFT[-1], RIGHT[-1]]] = 0
    one = replace(one, scores=scores)
    for seed in range(10):
        _, values = draw_clip(one, [], 8, Augmentation(), np.random.default_rng(seed))
        assert not values[:, :, [LEFT[-1], RIGHT[-1]]].any()


def test_a_long_clip_is_seen_in_stretches_of_it():
    """A joint that moves steadily tells how much of the clip a sample shows."""
    one = people.labeled_clip("arms", frames=3000, origin=ESTIMATED)
    keypoints = one.keypoints + np.arange(3000, dtype=np.float32)[None, :, None, None] * np.float32(100)
    one = replace(one, keypoints=keypoints.astype(np.float32))
    cut = replace(CALM, served=0)
    reached = [extent_of(draw_clip(one, [], 16, cut, np.random.default_rng(seed))[0]) for seed in range(20)]
    assert max(reached) < 4.1 * 30 * 100 * 1.4


def extent_of(keypoints):
    return float(np.ptp(keypoints[0, :, 0], axis=0).max())


def test_the_extent_of_nobody_is_one_at_the_origin():
    middle, size = extent(np.ones((1, 4, 17, 2), np.float32), np.zeros((1, 4, 17), np.float32))
    assert (middle.tolist(), size) == ([0, 0], 1.0)


def test_the_extent_is_that_of_the_usual_pose():
    one = people.labeled_clip("arms")
    _, size = extent(one.keypoints, one.scores)
    middle, doubled = extent(one.keypoints * 2 + 5, one.scores)
    assert doubled == pytest.approx(2 * size, rel=1e-5)
    assert np.allclose(middle, one.keypoints[one.scores > 0].mean(axis=0) * 2 + 5, rtol=1e-4)


def test_a_camera_drifts_smoothly():
    path = drift(200, np.random.default_rng(0))
    assert path.shape == (200,)
    assert np.abs(np.diff(path)).max() < 0.1


def test_one_moment_is_held_where_the_person_is_to_stand_still():
    for labeled_clip in clips()[:2]:  # around a 3D recording the camera turns
        held, _ = draw_clip(labeled_clip, [], 12, CALM, np.random.default_rng(1), still=True)
        moving, _ = draw_clip(labeled_clip, [], 12, CALM, np.random.default_rng(1))
        assert np.ptp(held, axis=1).max() < 1e-3 * np.ptp(held)
        assert np.ptp(moving, axis=1).max() > 0.05 * np.ptp(moving)
