from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posec3d_cli.stages.detectors.letterbox import fitted_size, letterbox


def test_letterboxing_keeps_the_shape_and_fills_what_is_left_over() -> None:
    square = letterbox(np.full((50, 100, 3), 200, np.uint8), (64, 64), fill=0)
    assert square.shape == (64, 64, 3)
    assert (square[:32] == 200).all()
    assert (square[32:] == 0).all()


def test_a_tall_image_in_a_wide_frame_is_filled_at_its_right() -> None:
    framed = letterbox(np.full((100, 50, 3), 200, np.uint8), (64, 32), fill=114)
    assert (framed[:, :16] == 200).all()
    assert (framed[:, 16:] == 114).all()


def test_letterboxing_a_sliver_leaves_at_least_one_pixel() -> None:
    assert letterbox(np.full((1, 3000, 3), 9, np.uint8), (64, 64), fill=0).any()


def test_the_interpolation_for_shrinking_is_used_for_shrinking_alone() -> None:
    stripes = np.zeros((128, 128, 3), np.uint8)
    stripes[:, ::4] = 200  # averaging gives an even grey, looking at single pixels does not
    averaged = letterbox(stripes, (32, 32), fill=0, shrink=cv2.INTER_AREA)
    assert (averaged == 50).all()
    assert not (letterbox(stripes, (32, 32), fill=0) == 50).all()
    enlarged = letterbox(stripes, (256, 256), fill=0, shrink=cv2.INTER_AREA)
    assert np.array_equal(enlarged, letterbox(stripes, (256, 256), fill=0))


@pytest.mark.parametrize(
    ("frame", "fitted"), [((1080, 1920), (320, 180)), ((1920, 1080), (180, 320)), ((10, 10), (320, 320))]
)
def test_a_frame_fits_exactly_one_way(frame: tuple[int, int], fitted: tuple[int, int]) -> None:
    assert fitted_size(frame, (320, 320)) == fitted


@given(*[st.integers(1, 4000)] * 2, *[st.integers(1, 900)] * 2)
def test_what_fits_lies_inside_and_touches_a_side(height: int, width: int, rows: int, columns: int) -> None:
    fitted = fitted_size((height, width), (columns, rows))
    assert 1 <= fitted[0] <= columns
    assert 1 <= fitted[1] <= rows
    assert fitted[0] == columns or fitted[1] == rows
