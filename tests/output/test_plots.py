"""Pictures of figures, read back as pixels."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from posec3d_cli.errors import OutputError
from posec3d_cli.output.plots import plot_confusion, plot_curves

BLUE, RED = (31, 95, 168), (200, 68, 44)


def pixels(path):
    """`(H, W, 3)` RGB."""
    return cv2.imread(str(path))[..., ::-1].astype(int)


def has(image, colour):
    return bool((np.abs(image - colour).sum(axis=-1) < 12).any())


def test_a_matrix_becomes_a_image_that_replaces_another(tmp_path):
    path = tmp_path / "a.png"
    path.write_text("old")
    plot_confusion(["a", "b"], np.array([[4, 0], [0, 4]]), path)
    first = pixels(path)
    plot_confusion(["a", "b"], np.array([[0, 4], [4, 0]]), path)
    assert (pixels(path) != first).any()
    assert list(tmp_path.iterdir()) == [path]
    plot_confusion(["a", "b"], np.array([[4, 0], [0, 4]]), path)
    assert np.array_equal(pixels(path), first)


def test_thirty_three_classes_have_cells_of_thirty_pixels_and_more(tmp_path):
    labels = [f"a class of number {number}" for number in range(33)]
    plot_confusion(labels, np.diag(np.arange(1, 34)), tmp_path / "a.png")
    image = pixels(tmp_path / "a.png")
    # The right part of the last row of cells is all dark: the whole row was named rightly.
    dark = (image[..., 2] > 90) & (image[..., 0] < 40)
    columns = np.flatnonzero(dark.any(axis=0))
    assert len(columns) > 33 * 30


@pytest.mark.parametrize("label", ["x" * 300, "$x_1", "$\\frac$", "line\nbreak", "跳ぶ", "\udcff", ""])
def test_any_label_can_be_written(tmp_path, label):
    plot_confusion([label, "other"], np.array([[1, 0], [2, 3]]), tmp_path / "a.png", columns=["other", label])
    assert pixels(tmp_path / "a.png").shape[0] < 700


def test_the_cells_of_many_classes_shrink(tmp_path):
    plot_confusion([""] * 125, np.eye(125, dtype=np.int64), tmp_path / "a.png")
    assert 4000 < max(pixels(tmp_path / "a.png").shape) < 4600


def test_a_training_becomes_two_curves_with_the_best_epoch(tmp_path):
    history = [
        {"epoch": number, "loss": 3 / number, "rate": 0.1, "accuracy": None if number == 2 else 0.2 * number}
        for number in (1, 2, 3)
    ]
    plot_curves(history, tmp_path / "a.png", chosen=3)
    image = pixels(tmp_path / "a.png")
    half = len(image) // 2
    assert all(has(part, colour) for part in (image[:half], image[half:]) for colour in (BLUE, RED))


def test_without_held_out_clips_nothing_is_marked(tmp_path):
    plot_curves([{"epoch": 1, "loss": 3.0, "rate": 0.1, "accuracy": None}], tmp_path / "a.png", chosen=1)
    image = pixels(tmp_path / "a.png")
    assert has(image, BLUE)
    assert not has(image, RED)


def test_a_image_that_cannot_be_written_is_an_error(tmp_path):
    with pytest.raises(OutputError, match="no folder"):
        plot_confusion(["a"], np.array([[1]]), tmp_path / "none" / "a.png")
