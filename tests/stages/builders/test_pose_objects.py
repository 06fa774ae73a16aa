"""Objects are drawn behind the joints, in the same crop, and the joints stay as they are without them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import synthetic_people as people

from posec3d_cli.errors import BadCard
from posec3d_cli.evaluation.evaluate import as_video_poses
from posec3d_cli.stages.builders.heatmap import HeatmapBuilder
from posec3d_cli.stages.builders.pose_objects import PoseObjectBuilder
from posec3d_cli.training.config import heatmap_spec
from posec3d_cli.transforms.heatmaps import compact, volume_scale
from posec3d_cli.transforms.object_channels import ObjectSpec
from posec3d_cli.transforms.object_groups import GROUPS
from posec3d_cli.types import Objects

SPEC = heatmap_spec()
JOINTS = len(SPEC.mirror)
BALL, CUP, OTHER = (JOINTS + list(GROUPS).index(kind) for kind in ("ball", "bottle, cup", "else"))
BUILDER = PoseObjectBuilder(SPEC, ObjectSpec())
VIEWS = np.arange(24, dtype=np.int64)[None].repeat(2, axis=0)


def sequence(clip):
    poses = as_video_poses(replace(clip, frame_size=(2000, 2000)))
    return poses.tracks().sequence(**poses.placing)


def drawn(clip, **options):
    return BUILDER.build(sequence(clip), VIEWS, **options).values


@pytest.fixture(scope="module")
def clip():
    return people.with_object(people.labeled_clip("arms"), "sports ball")


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("stream", ["joint", "limb"])
def test_the_channels_of_people_are_those_of_the_heatmap_builder_to_the_bit(clip, stream, flip):
    spec = heatmap_spec(stream)
    with_objects = PoseObjectBuilder(spec, ObjectSpec()).build(sequence(clip), VIEWS, flip=flip).values
    alone = HeatmapBuilder(spec).build(sequence(clip), VIEWS, flip=flip).values
    assert with_objects.shape[1] == alone.shape[1] + len(GROUPS)
    assert np.array_equal(with_objects[:, : alone.shape[1]], alone)


def test_an_object_is_drawn_in_its_group_at_its_place_in_every_frame(clip):
    values = drawn(clip)
    assert values.shape == (2, JOINTS + len(GROUPS), 24, 28, 28)
    assert not values[:, [channel for channel in range(JOINTS, JOINTS + len(GROUPS)) if channel != BALL]].any()
    wrist = values[0, list(SPEC.joints).index("left_wrist")]
    for frame in range(24):
        assert values[0, BALL, frame].max() == pytest.approx(0.9, abs=0.15), "a small box, between pixels"
        assert values[0, BALL, frame].ravel()[wrist[frame].argmax()] > 0.5


def test_inside_of_a_box_is_its_score_and_outside_it_falls_off(clip):
    shown = sequence(clip)
    joints = list(SPEC.numbers)
    crop = compact(
        shown.keypoints[:, :, joints].swapaxes(0, 1),
        shown.scores[:, :, joints].swapaxes(0, 1),
        shown.frame_size,
        SPEC,
    )
    scale, _ = volume_scale(crop, SPEC)
    corner = np.array([crop.left, crop.top])
    box = np.concatenate([corner + np.array([5, 8]) / scale, corner + np.array([10, 20]) / scale]).astype(np.float32)
    objects = Objects(box[None], np.array([0.6], np.float32), np.zeros(1, np.int64), ("cup",))
    plane = drawn(replace(clip, objects=(objects,) * 24))[0, CUP, 3]
    assert plane[8:21, 5:11] == pytest.approx(0.6, abs=1e-3)
    assert plane[14, 11] == pytest.approx(0.6 * np.exp(-1 / (2 * 0.6**2)), rel=1e-2)
    assert plane[14, 12:].max() == 0
    assert plane[:6].max() == 0


def test_mirror_views_are_the_views_reversed(clip):
    values = drawn(clip, flip=True)
    assert np.array_equal(values[2:, BALL], values[:2, BALL, :, :, ::-1])


def test_of_several_objects_the_largest_value_counts_and_unknown_classes_are_else(clip):
    box = clip.objects[0].boxes[0]
    several = Objects(np.stack([box, box]), np.array([0.9, 0.3], np.float32), np.array([0, 0]), ("umbrella",))
    values = drawn(replace(clip, objects=(several,) * 24))
    assert values[0, OTHER, 0].max() > 0.7
    assert not values[0, BALL].any()


def test_weak_objects_are_not_drawn(clip):
    weak = people.with_object(clip, "cup", score=0.05)
    assert not drawn(weak)[:, JOINTS:].any()


@pytest.mark.parametrize("objects", [(), (Objects.none(("cup",)),) * 24])
def test_without_objects_their_channels_are_zeros(clip, objects):
    assert not drawn(replace(clip, objects=objects))[:, JOINTS:].any()


def test_without_people_everything_is_zeros(clip):
    shown = sequence(clip)
    nobody = replace(shown, keypoints=shown.keypoints[:0], scores=shown.scores[:0])
    assert not BUILDER.build(nobody, VIEWS).values.any()


def test_mirror_images_drawn_from_keypoints_are_refused():
    with pytest.raises(BadCard, match="mirrored as arrays, got keypoints"):
        PoseObjectBuilder(type(SPEC)(size=(16, 16), flip="keypoints"), ObjectSpec())


@pytest.mark.parametrize(("x", "y", "zoom"), [(0, 0, 2), (100, 30, 0.5), (7.3, 91.1, 1.7)])
def test_moving_and_scaling_people_and_objects_together_changes_nothing(x, y, zoom):
    clip = people.with_object(people.labeled_clip("arms"), "sports ball")

    def moved(points):
        return (points * zoom + np.array([x, y])).astype(np.float32)

    objects = tuple(replace(one, boxes=moved(one.boxes.reshape(-1, 2)).reshape(-1, 4)) for one in clip.objects)
    other = replace(clip, keypoints=moved(clip.keypoints), objects=objects)
    assert drawn(other) == pytest.approx(drawn(clip), abs=0.02)
