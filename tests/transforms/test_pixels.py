from __future__ import annotations

import cv2
import numpy as np
import pytest

from posec3d_cli.errors import BadCard
from posec3d_cli.transforms.heatmaps import Crop
from posec3d_cli.transforms.pixels import RGBSpec, crop_pixels, normalized

GRADIENT = np.stack(np.broadcast_arrays(np.arange(40)[:, None] * 6, np.arange(60) * 4, 90), axis=-1).astype(np.uint8)


def padded(left, top, width, height, beyond=400):
    """The crop cut out of a frame with a wide black border."""
    canvas = np.zeros((40 + 2 * beyond, 60 + 2 * beyond, 3), np.uint8)
    canvas[beyond : beyond + 40, beyond : beyond + 60] = GRADIENT
    return canvas[beyond + top : beyond + top + height, beyond + left : beyond + left + width]


@pytest.mark.parametrize(
    "crop",
    [(10, 5, 20, 20), (-7, -3, 30, 30), (45, 30, 30, 25), (0, 0, 60, 40), (-20, -20, 100, 80), (70, 10, 8, 8)],
)
def test_a_crop_is_the_scaled_part_of_the_frame_with_black_around_it(crop):
    expected = cv2.resize(padded(*crop), (24, 16), interpolation=cv2.INTER_LINEAR)
    assert np.array_equal(crop_pixels(GRADIENT, Crop(*crop), (16, 24)), expected)


def test_a_crop_far_beyond_the_frame_takes_no_more_memory_and_looks_the_same():
    crop = (-300, -200, 660, 440)  # 121 times the pixels of the frame
    expected = cv2.resize(padded(*crop), (66, 44), interpolation=cv2.INTER_LINEAR)
    shown = crop_pixels(GRADIENT, Crop(*crop), (44, 66))
    assert np.abs(shown.astype(int) - expected.astype(int)).max() <= 2
    assert crop_pixels(GRADIENT, Crop(-(10**8), -(10**8), 2 * 10**8, 2 * 10**8), (16, 16)).shape == (16, 16, 3)


def test_clips_are_normalized_and_the_colours_come_first():
    clips = np.zeros((2, 3, 4, 5, 3), np.uint8)
    clips[..., 1] = 200
    values = normalized(clips, RGBSpec((4, 5), mean=(10, 100, 0), std=(5, 50, 1)))
    assert values.shape == (2, 3, 3, 4, 5)
    assert values.dtype == np.float32
    assert [values[0, colour].max() for colour in range(3)] == [-2, 2, 0]


def test_mirror_images_come_last():
    clips = np.arange(2 * 1 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 1, 4, 5, 3)
    values = normalized(clips, RGBSpec((4, 5)), flip=True)
    assert np.array_equal(values[2:], values[:2, ..., ::-1])


@pytest.mark.parametrize("recipe", [{}, {"size": [0, 8]}, {"size": [8, 8], "std": [1, 0, 1]}, {"size": [8, 8], "x": 1}])
def test_a_table_that_does_not_fit_is_refused(recipe):
    with pytest.raises(BadCard, match=r"mine: (unknown key )?recipe\.rgb"):
        RGBSpec.from_recipe(recipe, where="mine")
