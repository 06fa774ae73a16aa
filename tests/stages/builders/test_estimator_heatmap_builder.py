from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from posec3d_cli.errors import BadCard, StageMismatch
from posec3d_cli.skeletons import COCO_17
from posec3d_cli.stages.builders.estimator_heatmap import EstimatorHeatmapBuilder
from posec3d_cli.stages.builders.heatmap import HeatmapBuilder
from posec3d_cli.stages.protocols import InputBuilder
from posec3d_cli.transforms.heatmaps import HeatmapSpec
from posec3d_cli.types import PoseSequence, SequenceHeatmaps

SPEC = HeatmapSpec((64, 64))
CLIPS = np.array([[0, 5, 10]])


def people(count: int = 2) -> PoseSequence:
    """People whose heatmaps are wide Gaussians at their keypoints; a heatmap pixel is two frame pixels wide."""
    rng = np.random.default_rng(1)
    in_heatmap = rng.uniform(8, 56, (count, 3, 17, 2))
    corner = np.array([100.0, 50.0]) + 40 * np.arange(count)[:, None, None]
    to_frame = np.zeros((count, 3, 2, 3), np.float32)
    to_frame[..., 0, 0] = to_frame[..., 1, 1] = 2
    to_frame[..., 2] = corner
    grid = np.arange(64)
    across, down = (np.exp(-((grid - in_heatmap[..., axis, None]) ** 2) / 8) for axis in (0, 1))
    return PoseSequence(
        (in_heatmap * 2 + corner[:, :, None]).astype(np.float32),
        np.ones((count, 3, 17), np.float32),
        (300, 400),
        np.array([0, 5, 10]),
        Fraction(30),
        COCO_17,
        SequenceHeatmaps((down[..., :, None] * across[..., None, :]).astype(np.float32), to_frame),
    )


def test_it_is_a_volume_builder() -> None:
    assert isinstance(EstimatorHeatmapBuilder(SPEC), InputBuilder)


def test_the_networks_peaks_lie_where_drawn_joints_lie() -> None:
    sequence = people(1)
    own = EstimatorHeatmapBuilder(SPEC).build(sequence, CLIPS).values
    drawn = HeatmapBuilder(SPEC).build(sequence, CLIPS).values

    rows, columns = np.unravel_index(own.reshape(17 * 3, -1).argmax(axis=1), SPEC.size)
    drawn_rows, drawn_columns = np.unravel_index(drawn.reshape(17 * 3, -1).argmax(axis=1), SPEC.size)
    assert np.abs(rows - drawn_rows).max() <= 1
    assert np.abs(columns - drawn_columns).max() <= 1
    assert own.max() <= 1
    assert own.max(axis=(3, 4)).min() > 0.8


def test_several_people_share_a_channel_at_their_maximum() -> None:
    both = people(2)
    volume = EstimatorHeatmapBuilder(SPEC).build(both, CLIPS).values
    singles = []
    for gone in (1, 0):
        # Heatmaps of zeros rather than scores of zero, so that the crop stays that of both.
        values = both.heatmaps.values.copy()
        values[gone] = 0
        one = replace(both, heatmaps=SequenceHeatmaps(values, both.heatmaps.to_frame))
        singles.append(EstimatorHeatmapBuilder(SPEC).build(one, CLIPS).values)

    assert (volume == np.maximum(*singles)).all()


def test_a_joint_below_the_threshold_leaves_nothing() -> None:
    sequence = people(1)
    sequence.scores[..., 3] = 0.0001

    volume = EstimatorHeatmapBuilder(SPEC).build(sequence, CLIPS).values
    assert not volume[:, 3].any()
    assert volume[:, 4].any()


def test_flipped_views_are_mirrored_with_sides_swapped() -> None:
    volume = EstimatorHeatmapBuilder(SPEC).build(people(), CLIPS, flip=True).values

    assert volume.shape == (2, 17, 3, 64, 64)
    assert (volume[1, COCO_17.mirror.index(9)] == volume[0, 9, :, :, ::-1]).all()


def test_an_empty_slot_with_no_transform_is_passed_over() -> None:
    sequence = people()
    sequence.scores[1] = 0
    sequence.heatmaps.values[1] = 0
    sequence.heatmaps.to_frame[1] = 0

    alone = EstimatorHeatmapBuilder(SPEC).build(people(), CLIPS).values
    volume = EstimatorHeatmapBuilder(SPEC).build(sequence, CLIPS).values
    assert np.isfinite(volume).all()
    assert volume.any()
    assert volume.shape == alone.shape


def test_nobody_at_all_is_a_volume_of_zeros() -> None:
    assert not EstimatorHeatmapBuilder(SPEC).build(people(0), CLIPS).values.any()


def test_a_sequence_without_heatmaps_is_refused_with_a_hint() -> None:
    with pytest.raises(StageMismatch, match="holds no heatmaps") as caught:
        EstimatorHeatmapBuilder(SPEC).build(replace(people(), heatmaps=None), CLIPS)
    assert "builder 'heatmap'" in caught.value.hint


@pytest.mark.parametrize("spec", [HeatmapSpec((64, 64), "limbs"), HeatmapSpec((64, 64), flip="keypoints")])
def test_what_the_networks_heatmaps_cannot_give_is_refused(spec: HeatmapSpec) -> None:
    with pytest.raises(BadCard, match="joints mirrored as arrays"):
        EstimatorHeatmapBuilder(spec)
