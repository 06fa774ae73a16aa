from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hrnet_factory import sample_boxes
from hypothesis import given
from hypothesis import strategies as st

from posec3d_cli.stages.pose_estimators.person_crop import CONVENTIONS, crop_image, person_crops, to_input

GOLDEN = np.load(Path(__file__).parents[2] / "golden" / "hrnet.npz")
SIZES = {"tall": (192, 256), "small": (64, 96)}
CORNERS = st.tuples(*[st.floats(-500, 2000, width=32)] * 2, *[st.floats(1, 1500, width=32)] * 2)


def framed(boxes, size=(192, 256), convention="1.x", padding=1.25):
    return person_crops(np.asarray(boxes, np.float32), size, padding=padding, convention=convention)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_the_affine_into_the_input_is_that_of_mmpose(convention: str, size: str) -> None:
    transforms = to_input(framed(sample_boxes(), SIZES[size], convention), SIZES[size])
    assert transforms == pytest.approx(GOLDEN[f"warp {convention} {size}"], rel=1e-4, abs=2e-3)


def test_the_two_conventions_differ_by_a_pixel_of_width_and_half_a_pixel_of_place() -> None:
    old, new = (framed([[10, 20, 40, 200]], padding=1, convention=convention) for convention in CONVENTIONS)
    assert old.centers - new.centers == pytest.approx(np.full((1, 2), 0.5))
    assert old.extents[0, 1] == 181
    assert new.extents[0, 1] == 180


@given(CORNERS, st.sampled_from(CONVENTIONS), st.sampled_from(list(SIZES.values())))
def test_a_region_holds_the_padded_box_and_has_the_proportion_of_the_input(box, convention, size) -> None:
    x, y, width, height = box
    regions = framed([[x, y, x + width, y + height]], size, convention)
    [extent] = regions.extents
    assert extent[0] * size[1] == pytest.approx(extent[1] * size[0], rel=1e-4)
    assert extent[0] >= 1.24 * width
    assert extent[1] >= 1.24 * height


@given(CORNERS)
def test_the_way_back_undoes_the_way_in(box) -> None:
    x, y, width, height = box
    regions = framed([[x, y, x + width, y + height]])
    into, back = to_input(regions, (192, 256))[0], regions.to_frame((192, 256))[0]
    both = np.vstack([into, [0, 0, 1]]) @ np.vstack([back, [0, 0, 1]])
    assert both[:2, :2] == pytest.approx(np.eye(2), abs=1e-3)
    assert np.abs(both[:2, 2]).max() * np.sqrt(abs(np.linalg.det(back[:, :2]))) < 0.01  # in pixels of the frame


def test_an_empty_box_still_has_a_region() -> None:
    regions = framed([[5, 5, 5, 5]])
    assert regions.extents[0] == pytest.approx([1, 4 / 3])
    assert np.isfinite(to_input(regions, (192, 256))).all()


def test_what_is_cut_out_is_the_part_of_the_frame_and_black_beyond_it() -> None:
    pixels = np.random.default_rng(0).integers(1, 256, (96, 64, 3), np.uint8)
    whole = framed([[0, 0, 64, 96]], (64, 96), padding=1)
    assert np.array_equal(crop_image(pixels, to_input(whole, (64, 96))[0], (64, 96)), pixels)
    beyond = framed([[32, 0, 96, 96]], (64, 96), padding=1)
    right = crop_image(pixels, to_input(beyond, (64, 96))[0], (64, 96))
    assert np.array_equal(right[:, :32], pixels[:, 32:])
    assert not right[:, 32:].any()
    assert cv2.countNonZero(pixels[..., 0]) == 64 * 96
