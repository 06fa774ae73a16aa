"""`posec3d cache`, and the options that name or switch off a cache."""

from __future__ import annotations

import json

import pytest
import typer

from posec3d_cli.cli.config import pipeline_config
from posec3d_cli.extraction.cache import KnownFrames, PoseCache, pose_cache
from posec3d_cli.types import Detections, Poses


def test_what_was_kept_is_shown_and_removed(posec3d, tmp_path):
    cache = PoseCache(tmp_path / "kept")
    cache.store("one", KnownFrames({3: (Detections.none(), Poses.none(17))}, frozenset()))
    ran = posec3d("cache", "info", "--cache", cache.folder)
    assert ran.code == 0
    assert f"{cache.folder}: poses of 1 video, " in ran.out
    told = json.loads(posec3d("cache", "info", "--cache", cache.folder, "--json").out)
    assert told == {"folder": str(cache.folder), "videos": 1, "bytes": cache.size, "limit": cache.limit}
    assert "poses of 1 video removed" in posec3d("cache", "clear", "--cache", cache.folder).out
    assert "poses of 0 videos" in posec3d("cache", "info", "--cache", cache.folder).out


def test_a_cache_is_used_unless_it_is_switched_off(tmp_path, monkeypatch):
    assert pose_cache(pipeline_config(cache=tmp_path)).folder == tmp_path
    monkeypatch.setattr("posec3d_cli.extraction.cache.default_folder", lambda: tmp_path / "usual")
    assert pose_cache(pipeline_config()).folder == tmp_path / "usual"
    assert pose_cache(pipeline_config(no_cache=True)) is None
    with pytest.raises(typer.BadParameter, match="contradict"):
        pipeline_config(cache=tmp_path, no_cache=True)


def test_copies_of_videos_for_browsers_are_shown_and_removed(posec3d, tmp_path, monkeypatch):
    monkeypatch.setenv("POSEC3D_HOME", str(tmp_path))
    (tmp_path / "proxies").mkdir()
    (tmp_path / "proxies" / "a.mp4").write_bytes(b"copy")
    assert "1 copy of a video for browsers" in posec3d("cache", "info").out
    told = json.loads(posec3d("cache", "info", "--json").out)["proxies"]
    assert told == {"folder": str(tmp_path / "proxies"), "videos": 1, "bytes": 4}
    assert "1 copy of a video for browsers removed" in posec3d("cache", "clear").out
    assert list((tmp_path / "proxies").iterdir()) == []
