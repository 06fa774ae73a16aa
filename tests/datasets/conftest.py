from __future__ import annotations

from pathlib import Path

import pose_file_factory as factory
import pytest


@pytest.fixture
def posed_folder(tmp_path: Path) -> Path:
    """A folder of two actions with a pose file each, in two formats."""
    folder = tmp_path / "posed"
    for label in ("walk", "run"):
        (folder / label).mkdir(parents=True)
    factory.ours(folder / "walk", ".npz", frames=10)
    factory.openpose(folder / "run", frames=9)
    return folder
