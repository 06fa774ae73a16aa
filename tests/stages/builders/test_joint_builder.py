from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from posec3d_cli.errors import BadCard, StageMismatch
from posec3d_cli.hub.cards import ModelCard
from posec3d_cli.skeletons import COCO_17, Skeleton
from posec3d_cli.stages.builders.joints import JointBuilder
from posec3d_cli.stages.protocols import InputBuilder
from posec3d_cli.transforms.joint_features import JointSpec, graph_features, mirror_features
from posec3d_cli.types import PoseSequence

SPEC = JointSpec("joint", people=2)


def people(count: int, frame_numbers: list[int], skeleton: Skeleton = COCO_17) -> PoseSequence:
    """People of which each is larger than the one before."""
    rng = np.random.default_rng(3)
    shape = (count, len(frame_numbers), len(skeleton.joints))
    keypoints = rng.uniform(20, 60, (*shape, 2)) * (1 + np.arange(count))[:, None, None, None]
    return PoseSequence(
        keypoints.astype(np.float32),
        rng.uniform(0.4, 1, shape).astype(np.float32),
        (240, 320),
        np.array(frame_numbers),
        Fraction(25),
        skeleton,
    )


def card(recipe: dict[str, object]) -> ModelCard:
    return ModelCard("waver", "classifier", "stgcn", "", "", "", (), recipe, ("wave",), Path(), True)


def test_it_is_a_builder() -> None:
    assert isinstance(JointBuilder(SPEC), InputBuilder)


@pytest.mark.parametrize("stream", ["joint", "bone"])
def test_views_show_the_frames_that_they_name_of_the_largest_people(stream) -> None:
    sequence = people(3, [3, 10, 40])
    clips = (
        JointBuilder(structs.replace(SPEC, stream=stream))
        .build(sequence, np.array([[10, 40, 10], [40, 40, 40]]))
        .values
    )

    shown = graph_features(sequence.keypoints[[2, 1], 1:], sequence.scores[[2, 1], 1:], stream=stream)
    assert clips.shape == (2, 2, 3, 17, 3)
    assert (clips[0] == shown[:, [0, 1, 0]]).all()
    assert (clips[1] == shown[:, [1, 1, 1]]).all()


def test_frames_that_no_view_shows_move_nothing() -> None:
    sequence, clips = people(1, [0, 1]), np.array([[0]])
    before = JointBuilder(SPEC).build(sequence, clips).values
    sequence.keypoints[:, 1] += 1000

    assert (JointBuilder(SPEC).build(sequence, clips).values == before).all()


def test_slots_that_nobody_fills_are_zeros() -> None:
    values = JointBuilder(structs.replace(SPEC, people=3)).build(people(1, [0, 1]), np.array([[0, 1]])).values

    assert values.shape == (1, 3, 2, 17, 3)
    assert values[:, 0].any()
    assert not values[:, 1:].any()
    assert not JointBuilder(SPEC).build(people(0, [0, 1]), np.array([[0, 1]]), flip=True).values.any()


def test_flipped_views_follow_the_plain_ones() -> None:
    values = JointBuilder(SPEC).build(people(2, [0, 1]), np.array([[0, 1], [1, 1]]), flip=True).values

    assert values.shape == (4, 2, 2, 17, 3)
    assert (values[2:] == mirror_features(values[:2])).all()


def test_joints_below_the_threshold_are_left_out() -> None:
    sequence = people(1, [0])
    sequence.scores[0, 0, 9] = 0.2
    values = JointBuilder(structs.replace(SPEC, score_threshold=0.3)).build(sequence, np.array([[0]])).values

    assert not values[0, 0, 0, 9].any()
    assert values[0, 0, 0, [8, 10]].all()


def test_another_skeleton_and_a_frame_without_poses_are_refused() -> None:
    with pytest.raises(StageMismatch, match=r"reads coco-17 poses, got stick"):
        JointBuilder(SPEC).build(people(1, [0], Skeleton("stick", ("top", "end"), ((0, 1),))), np.array([[0]]))
    with pytest.raises(StageMismatch, match=r"1 of 2 frames that have no poses: 4"):
        JointBuilder(SPEC).build(people(1, [0]), np.array([[0, 4]]))


def test_the_classifiers_card_decides_and_options_replace_its_settings() -> None:
    builder = JointBuilder.from_card(card({"graph": {"stream": "bone", "people": 3}}), {}, people=2)

    assert builder.spec == JointSpec("bone", people=2)


def test_a_card_without_the_table_is_refused_by_name() -> None:
    with pytest.raises(BadCard, match="waver: the recipe has no table 'graph'"):
        JointBuilder.from_card(card({"heatmaps": {}}), {})
