from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from posec3d_cli.errors import BadCard, StageMismatch
from posec3d_cli.hub.cards import ModelCard
from posec3d_cli.skeletons import COCO_17, Skeleton
from posec3d_cli.stages.builders.heatmap import HeatmapBuilder
from posec3d_cli.stages.protocols import InputBuilder
from posec3d_cli.transforms.gaussians import draw_joints
from posec3d_cli.transforms.heatmaps import HeatmapSpec, compact, fit
from posec3d_cli.types import PoseSequence

SPEC = HeatmapSpec((32, 32))


def people(count: int, frame_numbers: list[int], skeleton: Skeleton = COCO_17) -> PoseSequence:
    rng = np.random.default_rng(3)
    shape = (count, len(frame_numbers), len(skeleton.joints))
    return PoseSequence(
        rng.uniform(20, 200, (*shape, 2)).astype(np.float32),
        rng.uniform(0.2, 1, shape).astype(np.float32),
        (240, 320),
        np.array(frame_numbers),
        Fraction(25),
        skeleton,
    )


def card(recipe: dict[str, object]) -> ModelCard:
    return ModelCard("waver", "classifier", "posec3d", "", "", "", (), recipe, ("wave",), Path(), True)


def test_it_is_a_volume_builder() -> None:
    assert isinstance(HeatmapBuilder(SPEC), InputBuilder)


def test_frames_are_found_by_their_numbers_in_the_video() -> None:
    sequence = people(2, [3, 10, 40])
    volume = HeatmapBuilder(SPEC).build(sequence, np.array([[10, 40, 10], [40, 40, 40]])).values

    keypoints, scores = sequence.keypoints[:, 1:].swapaxes(0, 1), sequence.scores[:, 1:].swapaxes(0, 1)
    fitted = fit(keypoints, compact(keypoints, scores, (240, 320), SPEC), SPEC)
    drawn = draw_joints(fitted, scores, size=SPEC.size)
    assert (volume == drawn[np.array([[0, 1, 0], [1, 1, 1]])].swapaxes(1, 2)).all()


def test_frames_that_no_view_shows_do_not_move_the_crop() -> None:
    sequence, clips = people(1, [0, 1]), np.array([[0]])
    before = HeatmapBuilder(SPEC).build(sequence, clips).values
    sequence.keypoints[:, 1] += 1000

    assert (HeatmapBuilder(SPEC).build(sequence, clips).values == before).all()


def test_flipped_views_follow_the_plain_ones_with_sides_swapped() -> None:
    volume = HeatmapBuilder(SPEC).build(people(2, [0, 1]), np.array([[0, 1], [1, 1]]), flip=True).values

    assert volume.shape == (4, 17, 2, 32, 32)
    left_wrist, right_wrist = COCO_17.joints.index("left_wrist"), COCO_17.joints.index("right_wrist")
    assert (volume[2:, left_wrist] == volume[:2, right_wrist, :, :, ::-1]).all()


def test_limbs_make_one_channel_each() -> None:
    spec = HeatmapSpec((32, 32), "limbs", limbs=((5, 7), (6, 8), (11, 12)))

    assert HeatmapBuilder(spec).build(people(1, [0]), np.array([[0]]), flip=True).values.shape == (2, 3, 1, 32, 32)


def test_nobody_at_all_is_a_volume_of_zeros() -> None:
    volume = HeatmapBuilder(SPEC).build(people(0, [0, 1, 2]), np.array([[0, 2]]), flip=True).values

    assert volume.shape == (2, 17, 2, 32, 32)
    assert not volume.any()


def test_a_frame_without_poses_is_refused_by_number() -> None:
    with pytest.raises(StageMismatch, match=r"2 of 3 frames that have no poses: 4, 9"):
        HeatmapBuilder(SPEC).build(people(1, [0, 1]), np.array([[0, 4, 9]]))


def test_another_skeleton_is_refused() -> None:
    with pytest.raises(StageMismatch, match=r"reads coco-17 poses, got stick"):
        HeatmapBuilder(SPEC).build(people(1, [0], Skeleton("stick", ("top", "end"), ((0, 1),))), np.array([[0]]))


def test_clips_must_be_a_table() -> None:
    with pytest.raises(StageMismatch, match=r"\(V, T\), got \(2,\)"):
        HeatmapBuilder(SPEC).build(people(1, [0, 1]), np.array([0, 1]))


def test_the_classifiers_card_decides_and_options_replace_its_settings() -> None:
    builder = HeatmapBuilder.from_card(card({"heatmaps": {"size": [48, 48], "sigma": 0.7}}), {}, sigma=0.9)

    assert builder.spec == HeatmapSpec((48, 48), sigma=0.9)


def test_a_card_without_heatmaps_is_refused_by_name() -> None:
    with pytest.raises(BadCard, match="waver: the recipe has no table 'heatmaps'"):
        HeatmapBuilder.from_card(card({}), {})
