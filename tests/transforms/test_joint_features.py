"""Joints as the graph network reads them: what does not matter is taken out, and what is absent stays absent."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posec3d_cli.errors import BadCard
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.transforms.joint_features import PARENTS, JointSpec, graph_features, mirror_features, most_important

MIRROR = list(COCO_17.mirror)
STREAMS = ("joint", "bone")
streams = st.sampled_from(STREAMS)
seeds = st.integers(0, 2**32 - 1)


def people(seed, count=2, frames=3):
    """Joints between 50 and 350 pixels, a quarter of them absent: below the threshold of 0.1."""
    rng = np.random.default_rng(seed)
    keypoints = rng.uniform(50, 350, (count, frames, 17, 2)).astype(np.float32)
    scores = rng.uniform(0.1, 1, (count, frames, 17)).astype(np.float32)
    scores[rng.random(scores.shape) < 0.25] = 0.05
    return keypoints, scores


def features(keypoints, scores, stream):
    return graph_features(keypoints, scores, stream=stream, score_threshold=0.1)


@given(seeds, streams, st.tuples(st.floats(-500, 500), st.floats(-500, 500)), st.floats(0.2, 5))
def test_neither_the_place_nor_the_size_in_the_image_matters(seed, stream, shift, scale):
    keypoints, scores = people(seed)
    moved = (keypoints * scale + np.array(shift)).astype(np.float32)
    np.testing.assert_allclose(features(moved, scores, stream), features(keypoints, scores, stream), atol=1e-3)


@given(seeds)
def test_joints_fill_the_square_around_the_origin_along_the_longer_side(seed):
    keypoints, scores = people(seed)
    given_, present = features(keypoints, scores, "joint"), scores >= 0.1
    low, high = given_[present, :2].min(axis=0), given_[present, :2].max(axis=0)
    np.testing.assert_allclose(low, -high, atol=1e-4)
    assert high.max() == pytest.approx(1, abs=1e-4)
    assert (given_[present, 2] == scores[present]).all()


@given(seeds, streams)
def test_the_mirror_image_is_what_the_mirrored_people_give(seed, stream):
    keypoints, scores = people(seed)
    mirrored = ((400, 0) + keypoints * (-1, 1))[..., MIRROR, :].astype(np.float32)
    np.testing.assert_allclose(
        features(mirrored, scores[..., MIRROR], stream), mirror_features(features(keypoints, scores, stream)), atol=1e-4
    )


@given(seeds, streams)
def test_mirrored_twice_is_as_before(seed, stream):
    given_ = features(*people(seed), stream)
    before = given_.copy()
    assert (mirror_features(mirror_features(given_)) == given_).all()
    assert (given_ == before).all()


@given(seeds, streams)
def test_absent_joints_are_zeros_and_move_nothing(seed, stream):
    keypoints, scores = people(seed)
    absent = scores < 0.1
    elsewhere = keypoints.copy()
    elsewhere[absent] = (np.nan, 9000)
    found = features(elsewhere, scores, stream)
    assert (found == features(keypoints, scores, stream)).all()
    assert not found[absent].any()


@given(seeds)
def test_bones_are_the_way_from_the_parent_and_need_both_ends(seed):
    keypoints, scores = people(seed)
    joints, bones = features(keypoints, scores, "joint"), features(keypoints, scores, "bone")
    present = scores >= 0.1
    for joint, parent in enumerate(PARENTS):
        both = present[..., joint] & present[..., parent]
        way = joints[..., joint, :2] - joints[..., parent, :2]
        assert (bones[both, joint, :2] == way[both]).all()
        np.testing.assert_allclose(bones[both, joint, 2], scores[both][:, [joint, parent]].mean(axis=1), rtol=1e-6)
        assert not bones[~both, joint].any()


def test_the_wrist_hangs_on_the_elbow_and_the_hip_on_the_nose():
    named = {child: COCO_17.joints[parent] for child, parent in zip(COCO_17.joints, PARENTS, strict=True)}
    assert named["left_wrist"] == "left_elbow"
    assert named["right_hip"] == named["nose"] == "nose"
    assert [MIRROR[parent] for parent in PARENTS] == [PARENTS[joint] for joint in MIRROR]


@pytest.mark.parametrize("stream", STREAMS)
def test_nobody_is_zeros_and_one_joint_alone_the_origin(stream):
    nobody = features(np.zeros((1, 2, 17, 2), np.float32), np.zeros((1, 2, 17), np.float32), stream)
    assert nobody.shape == (1, 2, 17, 3)
    assert not nobody.any()
    scores = np.zeros((1, 1, 17), np.float32)
    scores[0, 0, 0] = 0.5
    alone = features(np.full((1, 1, 17, 2), 120, np.float32), scores, stream)
    assert alone[0, 0, 0].tolist() == [0, 0, 0.5]
    assert not alone[0, 0, 1:].any()


def test_a_joint_that_scores_nothing_is_absent_even_without_a_threshold():
    keypoints, scores = people(0)
    scores[0, 0, 3] = 0
    assert not graph_features(keypoints, scores, score_threshold=0)[0, 0, 3].any()


def test_the_large_clear_and_long_in_view_come_first():
    keypoints, scores = people(1, count=4, frames=6)
    scores[:] = 0.9
    keypoints[0] *= 0.3  # small
    scores[1, 2:] = 0  # soon gone
    scores[2] *= 0.5  # unclear
    assert most_important(keypoints, scores, 9).tolist()[0] == 3
    assert most_important(keypoints, scores, 2).shape == (2,)
    assert sorted(most_important(keypoints, scores, 9).tolist()) == [0, 1, 2, 3]
    assert most_important(keypoints[:0], scores[:0], 2).shape == (0,)


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ({"stream": "motion"}, "recipe.graph.stream must be one of bone, joint, got 'motion'"),
        ({"people": 0}, "recipe.graph.people must be a whole number of at least 1, got 0"),
        ({"people": "two"}, "people must be a whole number of at least 1, got 'two'"),
        ({"size": 64}, "unknown key recipe.graph.size = 64"),
    ],
)
def test_a_spec_that_makes_no_sense_is_refused(recipe, said):
    with pytest.raises(BadCard, match=said):
        JointSpec.from_recipe(recipe)


def test_a_spec_is_what_the_card_says():
    assert JointSpec.from_recipe({"stream": "bone", "people": 2}) == JointSpec("bone", people=2)
