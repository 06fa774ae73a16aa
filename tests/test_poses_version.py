"""Whoever changes what poses come out is made to raise the version under which they are kept."""

from __future__ import annotations

import json
from pathlib import Path

import drawn_people
import numpy as np
import pytest
import video_factory

from posec3d_cli import results
from posec3d_cli.config import PipelineConfig
from posec3d_cli.extraction.cache import PoseCache
from posec3d_cli.hub.resolve import resolve
from posec3d_cli.results import POSES_VERSION

GOLDEN = json.loads((Path(__file__).parent / "golden" / "poses.json").read_text())
RAISE = (
    "the code makes other poses than those of version {} in tests/golden/poses.json. If that is meant, raise "
    "POSES_VERSION in posec3d_cli/results.py, or users get the old poses out of their caches; then run "
    "tests/golden/make_poses.py"
)
ATOL = {"boxes": 1.5, "box_scores": 0.03, "keypoints": 3.0, "scores": 0.1}  # processors round differently


@pytest.mark.weights
def test_other_poses_come_with_another_version(tmp_path, weights):
    for name in ("efficientdet-lite2", "movenet-thunder"):
        weights(name)
    message = RAISE.format(GOLDEN["version"])
    for film, now in drawn_people.poses_of(tmp_path).items():
        for part, values in now.items():
            stored = GOLDEN["poses"][film][part]
            assert [np.shape(one) for one in values] == [np.shape(one) for one in stored], f"{film}, {part}: {message}"
            for frame, (one, other) in enumerate(zip(values, stored, strict=True)):
                apart = np.abs(np.subtract(one, other)).max(initial=0)
                assert apart <= ATOL[part], f"{film}, frame {frame}, {part} differ by {apart:.3g}: {message}"


def test_the_stored_poses_are_those_of_this_version():
    assert GOLDEN["version"] == POSES_VERSION, "run tests/golden/make_poses.py"


def test_poses_of_another_version_are_not_used(tmp_path, monkeypatch):
    clip = video_factory.write(tmp_path / "clip.mp4", 2)
    cache, models = PoseCache(tmp_path / "cache"), resolve(PipelineConfig("light"))
    key, fingerprint = cache.key(clip, "models"), models.fingerprint(("detector", "pose"))
    monkeypatch.setattr(results, "POSES_VERSION", POSES_VERSION + 1)
    assert cache.key(clip, "models") != key
    assert models.fingerprint(("detector", "pose")) != fingerprint
