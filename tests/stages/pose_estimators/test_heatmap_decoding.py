from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hrnet_factory import sample_heatmaps
from hypothesis import given
from hypothesis import strategies as st

from posec3d_cli.stages.pose_estimators.heatmap_decoding import DECODINGS, decode_heatmaps
from posec3d_cli.stages.pose_estimators.person_crop import CONVENTIONS

GOLDEN = np.load(Path(__file__).parents[2] / "golden" / "hrnet.npz")


def bump(x: float, y: float, *, height: float = 1, sigma: float = 2, size: tuple[int, int] = (24, 16)) -> np.ndarray:
    columns, rows = np.arange(size[1]), np.arange(size[0])[:, None]
    return (height * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 2 / sigma**2)).astype(np.float32)[None, None]


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize(("decoding", "tolerance"), [("quarter", 1e-6), ("dark", 2e-3)])
def test_peaks_are_those_of_mmpose(convention: str, decoding: str, tolerance: float) -> None:
    maps = sample_heatmaps()
    cells, scores = decode_heatmaps(maps, decoding=decoding, convention=convention)
    found = GOLDEN["peaks"] > 0
    assert found.sum() == found.size - 3
    assert scores == pytest.approx(np.maximum(GOLDEN["peaks"], 0), abs=1e-6)
    assert cells[found] == pytest.approx(GOLDEN[f"cells {convention} {decoding}"][found], abs=tolerance)


def test_the_conventions_differ_at_the_edges_only() -> None:
    maps = sample_heatmaps()
    old, new = (decode_heatmaps(maps, decoding="quarter", convention=convention)[0] for convention in CONVENTIONS)
    differs = (old != new).any(axis=-1)
    assert differs.any()
    near = (new < 2) | (new > np.array([13.5, 21.5]))
    assert near.any(axis=-1)[differs].all()
    dark = [decode_heatmaps(maps, decoding="dark", convention=convention)[0] for convention in CONVENTIONS]
    assert np.array_equal(*dark)


@pytest.mark.parametrize("decoding", DECODINGS)
def test_where_nothing_exceeds_zero_the_joint_is_not_found(decoding: str) -> None:
    maps = np.stack([-np.ones((2, 12, 9), np.float32), np.zeros((2, 12, 9), np.float32)])
    cells, scores = decode_heatmaps(maps, decoding=decoding, convention="1.x")
    assert not cells.any()
    assert not scores.any()


@given(st.floats(4, 11, width=32), st.floats(4, 19, width=32))
def test_dark_reads_the_middle_of_a_gaussian_and_quarter_its_side(x: float, y: float) -> None:
    [[dark]], [[score]] = decode_heatmaps(bump(x, y), decoding="dark", convention="1.x")
    assert dark == pytest.approx([x, y], abs=0.1)
    assert 0.9 < score <= 1
    [[quarter]], _ = decode_heatmaps(bump(x, y), decoding="quarter", convention="1.x")
    assert quarter == pytest.approx([x, y], abs=0.2501)


def test_heatmaps_are_left_as_they_are() -> None:
    maps = sample_heatmaps()
    decode_heatmaps(maps, decoding="dark", convention="1.x")
    assert np.array_equal(maps, sample_heatmaps())
