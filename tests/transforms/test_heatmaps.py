import importlib.util
import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import golden_people
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from posec3d_cli.errors import BadCard
from posec3d_cli.sampling.indices import uniform_test_indices
from posec3d_cli.skeletons import COCO_17, POSEC3D_DEFAULT_LIMBS, POSEC3D_LIMBS
from posec3d_cli.stages.builders.heatmap import HeatmapBuilder
from posec3d_cli.transforms.gaussians import draw_joints, draw_limbs
from posec3d_cli.transforms.heatmaps import Crop, HeatmapSpec, compact, draw_views, fit, mirror_volume
from posec3d_cli.types import Floats, Ints, PoseSequence

HERE = Path(__file__).parents[1]
TOTALS = json.loads((HERE / "golden" / "heatmap_totals.json").read_text())
SIZE = (20, 24)


def _load_benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("heatmap_benchmark", HERE.parent / "benchmarks" / "heatmaps.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LOOP = _load_benchmark()


def synthetic_people(frame_count: int, people: int = 2, scale: float = 1) -> PoseSequence:
    keypoints, scores = golden_people.arrays(frame_count, people, scale)
    return PoseSequence(
        keypoints.astype(np.float32),
        scores.astype(np.float32),
        golden_people.FRAME_SIZE,
        np.arange(frame_count),
        Fraction(30),
        COCO_17,
    )


@dataclass(frozen=True)
class Sample:
    """A golden case, ready to draw: ten clips at once would be 270 MB, so they are drawn one by one."""

    spec: HeatmapSpec
    crop: Crop
    keypoints: Floats
    scores: Floats
    clips: Ints

    def draw(self, clip: int) -> Floats:
        """`(2, C, T, H, W)`: one of the ten clips and its mirror image."""
        shown, views = np.unique(self.clips[clip], return_inverse=True)
        return draw_views(self.keypoints[shown], self.scores[shown], views[None], self.spec, flip=True)


def golden_sample(case: str) -> Sample:
    if case.startswith("small_"):
        flavour, frame_count, channels = case.removeprefix("small_"), 60, "joint"
        sequence = synthetic_people(frame_count, 1, 0.02)
    else:
        flavour, count, channels = case.rsplit("_", 2)
        frame_count = int(count.removeprefix("N"))
        sequence = synthetic_people(frame_count)
    spec = HeatmapSpec(
        (64, 64),
        channels=f"{channels}s",
        score_threshold=1e-3 if flavour == "pyskl" else 1e-4,
        resize="short-side-crop" if flavour == "mma" else "stretch",
        absent="zero-coordinate",
    )
    sampler = "pyskl" if flavour == "pyskl" else "mmaction2"
    clips = uniform_test_indices(frame_count, num_clips=10, flavour=sampler)
    keypoints, scores = sequence.keypoints.swapaxes(0, 1), sequence.scores.swapaxes(0, 1)
    shown = np.unique(clips)
    crop = compact(keypoints[shown], scores[shown], sequence.frame_size, spec)
    return Sample(spec, crop, fit(keypoints, crop, spec), scores, clips)


@pytest.mark.parametrize("case", TOTALS)
def test_volumes_are_those_of_the_published_code(case: str) -> None:
    totals, sample = TOTALS[case], golden_sample(case)
    total, largest, nonzero = 0.0, 0.0, 0
    for clip in range(10):
        views = sample.draw(clip)
        assert views.shape == (2, 17, 48, 64, 64)
        total += views.sum(dtype=np.float64)
        largest = max(largest, views.max())
        nonzero += np.count_nonzero(views)
        if clip == 0 and totals["channel_sums"] is not None:
            assert views[0, :, 0].sum(axis=(1, 2)) == pytest.approx(totals["channel_sums"], abs=1e-5)

    # The golden sum adds up float32 values, each rounded to some 1e-7 of its size.
    assert total == pytest.approx(totals["sum"], rel=1e-6)
    assert nonzero == totals["nonzero"]
    assert totals["max"] is None or largest == pytest.approx(totals["max"], abs=1e-6)
    assert [sample.crop.height, sample.crop.width] == totals["crop"]


@pytest.mark.shared
@pytest.mark.parametrize("case", [case for case in TOTALS if "_N20_" in case or "_N103_" in case])
def test_volumes_agree_voxel_by_voxel_with_the_published_code(case: str, shared: Path) -> None:
    with np.load(shared / "reference/golden/heatmaps_synth.npz") as stored:
        voxels = stored[case]
    sample = golden_sample(case)
    (first, first_mirrored), (last, last_mirrored) = sample.draw(0), sample.draw(9)

    views = np.stack([first, last, first_mirrored, last_mirrored])  # views 0, 9, 10 and 19 of 20
    assert np.abs(views[:, :, ::8] - voxels).max() < 1e-5


def test_the_builder_draws_what_the_goldens_are_held_against() -> None:
    sample, sequence = golden_sample("pyskl_N60_joint"), synthetic_people(60)
    volume = HeatmapBuilder(sample.spec).build(sequence, sample.clips, flip=True).values

    for clip in (0, 9):
        assert (volume[[clip, 10 + clip]] == sample.draw(clip)).all()


scores_of = st.floats(0, 1, width=32)
coordinates = st.one_of(
    st.floats(-8, 32, width=32), st.sampled_from([0.0, 1.8, 2.8, -1.8, 23.0, -1e4, 1e4, 1e30, np.nan, np.inf])
)


@st.composite
def people(draw: st.DrawFn, joints: int = 17) -> tuple[Floats, Floats]:
    shape = (draw(st.integers(1, 2)), draw(st.integers(0, 3)), joints)
    keypoints = draw(arrays(np.float32, (*shape, 2), elements=coordinates.map(np.float32)))
    return keypoints, draw(arrays(np.float32, shape, elements=scores_of))


@given(people(), st.sampled_from([0.4, 0.6, 1.0, 2.5]))
@settings(deadline=None, max_examples=60)
def test_joints_are_drawn_as_the_loop_draws_them(poses: tuple[Floats, Floats], sigma: float) -> None:
    spec = HeatmapSpec(SIZE, sigma=sigma)
    drawn = draw_joints(*poses, size=SIZE, sigma=sigma, score_threshold=spec.score_threshold)

    assert drawn.dtype == np.float32
    assert np.abs(drawn - LOOP.loop_draw(*poses, spec)).max() < 1e-6


@given(people(), st.sampled_from([0.4, 0.6, 2.5]))
@settings(deadline=None, max_examples=60)
def test_limbs_are_drawn_as_the_loop_draws_them(poses: tuple[Floats, Floats], sigma: float) -> None:
    spec = HeatmapSpec(SIZE, channels="limbs", sigma=sigma)
    keypoints = np.where(np.abs(poses[0]) > 100, np.float32(np.nan), poses[0])
    drawn = draw_limbs(keypoints, poses[1], spec.limbs, size=SIZE, sigma=sigma, score_threshold=spec.score_threshold)

    # The distance of a pixel to a limb of a hundred pixels is rounded to some 1e-6 on either side.
    assert np.abs(drawn - LOOP.loop_draw(keypoints, poses[1], spec)).max() < 1e-5


@given(people(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=30)
def test_the_order_of_the_people_does_not_matter(poses: tuple[Floats, Floats], random: object) -> None:
    keypoints, scores = poses
    order = list(range(keypoints.shape[1]))
    random.shuffle(order)

    for draw in (draw_joints, lambda k, s, size: draw_limbs(k, s, POSEC3D_LIMBS, size=size)):
        assert (draw(keypoints, scores, size=SIZE) == draw(keypoints[:, order], scores[:, order], size=SIZE)).all()


@given(people(), st.integers(0, 16))
@settings(deadline=None, max_examples=30)
def test_a_joint_below_the_threshold_leaves_nothing(poses: tuple[Floats, Floats], joint: int) -> None:
    keypoints, scores = poses
    scores[..., joint] = 0.0009

    assert not draw_joints(keypoints, scores, size=SIZE)[:, joint].any()
    limbs = draw_limbs(keypoints, scores, POSEC3D_LIMBS, size=SIZE)
    assert not limbs[:, [joint in limb for limb in POSEC3D_LIMBS]].any()


@given(people(), st.sampled_from(["joints", "limbs"]))
@settings(deadline=None, max_examples=30)
def test_views_are_the_frames_that_they_show_and_their_mirror_images(
    poses: tuple[Floats, Floats], channels: str
) -> None:
    keypoints, scores = poses
    spec = HeatmapSpec(SIZE, channels=channels, limbs=POSEC3D_DEFAULT_LIMBS)
    frames = np.array([[0, len(keypoints) - 1, 0], [0, 0, 0]])
    volume = draw_views(keypoints, scores, frames, spec, flip=True)

    if channels == "joints":
        drawn = draw_joints(keypoints, scores, size=SIZE)
    else:
        drawn = draw_limbs(keypoints, scores, POSEC3D_DEFAULT_LIMBS, size=SIZE)
    assert (volume[:2] == drawn[frames].swapaxes(1, 2)).all()
    assert (volume[2:] == mirror_volume(volume[:2], spec.mirror)).all()
    assert (volume[:2] == mirror_volume(volume[2:], spec.mirror)).all()


def test_mirrored_keypoints_lie_one_pixel_right_of_the_mirrored_array() -> None:
    keypoints, scores = np.full((1, 1, 17, 2), 9, np.float32), np.ones((1, 1, 17), np.float32)
    frames = np.zeros((1, 1), np.int64)
    keypoints[..., COCO_17.left, 0] = 4
    by_array, by_keypoints = (
        draw_views(keypoints, scores, frames, HeatmapSpec((24, 24), flip=flip), flip=True)[1]
        for flip in ("array", "keypoints")
    )

    # The window is rounded towards zero, so a mirrored one may cover a faint column more or less.
    assert by_keypoints == pytest.approx(np.roll(by_array, 1, axis=-1), abs=0.005)
    assert by_keypoints.max() == by_array.max() == 1


def test_a_joint_peaks_at_its_score_and_covers_four_sigma_windows() -> None:
    keypoints = np.array([[[[5, 7]]]], np.float32)
    drawn = draw_joints(keypoints, np.array([[[0.5]]], np.float32), size=SIZE)

    assert drawn[0, 0, 7, 5] == 0.5
    assert np.argwhere(drawn[0, 0]).min(axis=0).tolist() == [5, 3]
    assert np.argwhere(drawn[0, 0]).max(axis=0).tolist() == [8, 6]


def test_leading_axes_are_kept() -> None:
    drawn = draw_joints(np.zeros((2, 3, 1, 17, 2), np.float32), np.ones((2, 3, 1, 17), np.float32), size=SIZE)

    assert drawn.shape == (2, 3, 17, *SIZE)


def test_nobody_is_drawn_as_zeros() -> None:
    keypoints, scores = np.zeros((4, 0, 17, 2), np.float32), np.zeros((4, 0, 17), np.float32)

    assert draw_joints(keypoints, scores, size=SIZE).shape == (4, 17, *SIZE)
    assert not draw_limbs(keypoints, scores, POSEC3D_LIMBS, size=SIZE).any()
    assert compact(keypoints, scores, (480, 640), HeatmapSpec(SIZE)) == Crop(0, 0, 640, 480)


def test_the_crop_follows_drawn_joints_only_unless_zeros_mark_the_absent() -> None:
    keypoints = np.array([[[100, 100], [200, 180], [600, 400], [0, 0]]], np.float32)
    scores = np.array([[0.9, 0.9, 0, 0]], np.float32)

    assert compact(keypoints, scores, (480, 640), HeatmapSpec(SIZE)) == Crop(87, 77, 125, 125)
    upstream = compact(keypoints, scores, (480, 640), HeatmapSpec(SIZE, absent="zero-coordinate"))
    assert upstream == Crop(37, -62, 625, 624)


def test_a_crop_that_may_not_leave_the_frame_ends_at_its_edges() -> None:
    keypoints = np.array([[[-20, 100], [90, 470]]], np.float32)
    spec = HeatmapSpec(SIZE, crop_may_leave_frame=False)

    assert compact(keypoints, np.ones((1, 2), np.float32), (480, 640), spec) == Crop(0, 53, 266, 427)


def test_people_smaller_than_the_least_size_get_the_whole_frame() -> None:
    keypoints = np.array([[[100, 100], [105, 180]]], np.float32)

    assert compact(keypoints, np.ones((1, 2), np.float32), (480, 640), HeatmapSpec(SIZE)) == Crop(0, 0, 640, 480)


def test_absent_joints_stay_at_zero_where_zeros_mark_them() -> None:
    crop, keypoints = Crop(10, 20, 64, 64), np.array([[0, 0], [42, np.nan], [42, 52]], np.float32)
    fitted = fit(keypoints, crop, HeatmapSpec((64, 64), absent="zero-coordinate"))

    assert fitted.dtype == np.float32
    assert fitted.tolist() == [[0, 0], [32, 0], [32, 32]]


def test_the_short_side_crop_takes_the_middle_of_a_wide_frame() -> None:
    spec = HeatmapSpec((64, 64), resize="short-side-crop")

    assert fit(np.array([[427, 240]], np.float32), Crop(0, 0, 854, 480), spec)[0] == pytest.approx([32, 32], abs=0.1)


def test_a_spec_survives_the_way_through_a_card() -> None:
    for spec in (HeatmapSpec((64, 48)), HeatmapSpec((56, 56), "limbs", limbs=POSEC3D_DEFAULT_LIMBS, flip="keypoints")):
        assert HeatmapSpec.from_recipe(json.loads(json.dumps(spec.to_recipe()))) == spec


def test_a_card_may_name_a_limb_order() -> None:
    spec = HeatmapSpec.from_recipe({"size": [64, 64], "channels": "limbs", "limbs": "posec3d-default"})

    assert spec.limbs == POSEC3D_DEFAULT_LIMBS


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({}, "recipe.heatmaps.size is missing"),
        ({"size": [64, 64], "sigmoid": 1}, "unknown key recipe.heatmaps.sigmoid = 1"),
        ({"size": [64, 64], "resize": "squash"}, "resize must be one of short-side-crop, stretch, got 'squash'"),
        ({"size": [64, 48], "resize": "short-side-crop"}, "square size"),
        ({"size": 64}, r"size must be \(height, width\) in pixels, got 64"),
        ({"size": [64]}, r"size must be \(height, width\) in pixels, got \[64\]"),
        ({"size": [64, 64], "sigma": 0}, "sigma must be a number above 0, got 0"),
        ({"size": [64, 64], "sigma": "wide"}, "sigma must be a number above 0, got 'wide'"),
        ({"size": [64, 64], "limbs": "spider"}, "'spider'"),
        ({"size": [64, 64], "limbs": [[0, 17]]}, "below 17"),
        ({"size": [64, 64], "skeleton": "octopus"}, "'octopus'"),
    ],
)
def test_a_wrong_recipe_is_refused_by_name(recipe: dict[str, object], message: str) -> None:
    with pytest.raises(BadCard, match=message):
        HeatmapSpec.from_recipe(recipe)


def test_a_subset_of_joints_becomes_the_channels_in_its_order_and_the_others_are_not_looked_at() -> None:
    joints = ("right_wrist", "nose", "left_wrist")
    spec = HeatmapSpec(size=(16, 16), joints=joints)
    assert spec.numbers == (10, 0, 9)
    assert spec.mirror == (2, 1, 0)
    assert HeatmapSpec.from_recipe(spec.to_recipe()) == spec


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"joints": ("elbow",)}, "'elbow'"),
        ({"joints": ("left_wrist",)}, "left_wrist without its mirror image"),
        ({"joints": ("nose", "nose")}, "twice"),
        ({"joints": ("nose",), "channels": "limbs"}, "joint channels only"),
    ],
)
def test_an_impossible_subset_of_joints_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(BadCard, match=message):
        HeatmapSpec(size=(16, 16), **settings)
