"""Poses that are estimated once, and when they are not."""

from __future__ import annotations

import errno
import os
from dataclasses import replace

import fakes
import numpy as np
import pytest
import video_factory

from posec3d_cli.config import PipelineConfig
from posec3d_cli.errors import OutputError, UnreadableVideo
from posec3d_cli.extraction.cache import KnownFrames, PoseCache
from posec3d_cli.extraction.extractor import PoseExtractor
from posec3d_cli.types import Detections, Poses


@pytest.fixture
def clip(tmp_path):
    return video_factory.write(tmp_path / "clip.mp4", 20)


@pytest.fixture
def cache(tmp_path):
    return PoseCache(tmp_path / "cache")


def with_balls(cache, *, made_of="models 1"):
    """A detector that finds a ball in two of three frames."""
    detector = fakes.ObjectDetector(lambda index: 40 + index if index % 3 else None)
    return PoseExtractor(detector, fakes.Pose(), cache=cache, made_of=made_of)


def extractor(cache, *, made_of="models 1", where=lambda index: [20 + index] if index % 5 else []):
    return PoseExtractor(fakes.Detector(where), fakes.Pose(), cache=cache, made_of=made_of)


def same(one, other):
    pairs = zip(
        (*one.detections, *one.poses, *one.track_ids),
        (*other.detections, *other.poses, *other.track_ids),
        strict=True,
    )
    for left, right in pairs:
        if isinstance(left, np.ndarray):
            assert np.array_equal(left, right)
        for name in ("boxes", "scores", "keypoints"):
            assert np.array_equal(getattr(left, name, 0), getattr(right, name, 0))
        held, kept = getattr(left, "objects", None), getattr(right, "objects", None)
        assert (held is None) == (kept is None)
        if held is not None:
            assert np.array_equal(held.boxes, kept.boxes)
            assert np.array_equal(held.scores, kept.scores)
            assert (held.class_names, held.names) == (kept.class_names, kept.names)
    assert np.array_equal(one.frame_indices, other.frame_indices)
    assert np.array_equal(one.lost, other.lost)
    return True


def test_a_second_look_estimates_nothing_and_finds_the_same(clip, cache):
    first = extractor(cache).poses(clip)
    again = extractor(cache)
    assert same(again.poses(clip), first)
    assert again.detector.seen == []
    assert same(extractor(None).poses(clip), first)


def test_objects_are_kept_with_the_people(clip, cache):
    first = with_balls(cache).poses(clip)
    assert [len(found.objects) for found in first.detections[:6]] == [0, 1, 1, 0, 1, 1]
    again = with_balls(cache)
    assert same(again.poses(clip), first)
    assert again.detector.seen == []
    assert extractor(cache, made_of="people only").poses(clip).detections[1].objects is None


def test_poses_that_were_kept_without_objects_are_not_used(clip, cache, monkeypatch):
    """As by versions that knew no objects: in another form, and under another key."""
    from posec3d_cli.extraction import cache as kept

    packed = kept._packed
    with monkeypatch.context() as old:
        old.setattr(kept, "_FORMAT", "2")
        old.setattr(kept, "_packed", lambda known: {k: v for k, v in packed(known).items() if "object" not in k})
        extractor(cache).poses(clip)
    [file] = cache.files()
    assert cache.load(file.stem).people == {}, "an archive of the old form is as good as none"
    again = with_balls(cache)
    assert all(found.objects is not None for found in again.poses(clip).detections)
    assert len(again.detector.seen) == 20


def test_only_frames_that_are_not_known_are_estimated(clip, cache):
    extractor(cache).poses(clip, np.array([1, 4, 9]))
    again = extractor(cache)
    found = again.poses(clip, np.array([0, 4, 9, 12]))
    assert again.detector.seen == [0, 12]
    assert same(found, extractor(None).poses(clip, np.array([0, 4, 9, 12])))
    last = extractor(cache)
    last.poses(clip, np.array([0, 1, 4, 9, 12]))
    assert last.detector.seen == []


def test_with_keyframes_only_the_same_frames_are_known(clip, cache):
    """A pose between two keyframes depends on which frames these are."""

    def keyframes(cache, every=3):
        made = extractor(cache, where=lambda index: [20 + index])
        made.every = every
        return made

    frames, others = np.array([0, 1, 4, 9, 12]), np.array([0, 4, 9, 12])
    first = keyframes(cache).poses(clip, frames)
    again = keyframes(cache)
    assert same(again.poses(clip, frames), first)
    assert again.detector.seen == []
    for made, indices in ((keyframes(cache), others), (keyframes(cache, 2), frames), (extractor(cache), frames)):
        made.poses(clip, indices)
        assert made.detector.seen, indices
    drawn = keyframes(cache)
    with drawn.open(clip) as video:
        drawn.poses_of(video, frames, also=np.arange(20))
    assert drawn.detector.seen


def test_a_moved_video_keeps_its_poses_and_a_changed_one_does_not(clip, cache, tmp_path):
    extractor(cache).poses(clip)
    moved = clip.rename(tmp_path / "other name.mp4")
    again = extractor(cache)
    assert again.poses(moved).video.path == moved
    assert again.detector.seen == []
    video_factory.write(moved, 7)
    again.poses(moved)
    assert again.detector.seen == list(range(7))


def test_other_models_estimate_anew(clip, cache):
    extractor(cache).poses(clip)
    other = extractor(cache, made_of="models 2")
    other.poses(clip)
    assert len(other.detector.seen) == 20


def test_frames_that_do_not_decode_are_remembered(tmp_path, cache):
    whole = video_factory.write(tmp_path / "whole.avi", 20, codec="mjpeg", pix_fmt="yuvj420p")
    broken = video_factory.zeroed(whole, tmp_path / "broken.avi", range(5, 8))
    first = extractor(cache).poses(broken)
    again = extractor(cache)
    assert same(again.poses(broken), first)
    assert again.detector.seen == []
    assert len(first) + len(first.lost) + first.video.lost_frames == 20


def test_progress_counts_what_was_known(clip, cache):
    extractor(cache).poses(clip, np.arange(15))
    told = []
    extractor(cache).poses(clip, progress=lambda *said: told.append(said))
    assert told == [(19, 20), (20, 20)]


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 cut off", b"no archive at all"])
def test_a_damaged_archive_is_as_good_as_none(clip, cache, damage):
    first = extractor(cache).poses(clip)
    [file] = cache.files()
    file.write_bytes(damage)
    again = extractor(cache)
    assert same(again.poses(clip), first)
    assert len(again.detector.seen) == 20
    assert len(cache.load(file.stem).people) == 20


def test_an_archive_that_lost_its_end_is_as_good_as_none(clip, cache):
    extractor(cache).poses(clip)
    [file] = cache.files()
    for share in (0.3, 0.6, 0.95):
        content = file.read_bytes()
        file.write_bytes(content[: int(len(content) * share)])
        assert cache.load(file.stem).people == {}


def test_what_was_not_used_for_longest_makes_room(tmp_path):
    cache = PoseCache(tmp_path / "cache")
    known = KnownFrames({0: (Detections.none(), Poses.none(17))}, frozenset())
    for number, key in enumerate("abc"):
        cache.store(key, known)
        os.utime(tmp_path / "cache" / f"{key}.npz", (1000 + number,) * 2)
    cache.load("a")
    size = (tmp_path / "cache" / "a.npz").stat().st_size
    cache.limit = 3 * size
    cache.store("d", known)
    assert sorted(file.stem for file in cache.files()) == ["a", "c", "d"]
    assert cache.size <= cache.limit
    cache.limit = 1
    cache.store("e", known)
    assert [file.stem for file in cache.files()] == ["e"]  # the one just written stays, however large
    assert cache.clear() == 1
    assert cache.files() == []


def test_storing_does_not_take_longer_the_more_there_is(tmp_path, monkeypatch):
    cache = PoseCache(tmp_path / "cache")
    known = KnownFrames({0: (Detections.none(), Poses.none(17))}, frozenset())
    cache.store("first", known)
    listed = []
    plain = PoseCache._archives
    monkeypatch.setattr(PoseCache, "_archives", lambda self: listed.append(1) or plain(self))
    for number in range(40):
        cache.store(str(number), known)
    assert listed == []
    cache.limit = 20 * (tmp_path / "cache" / "0.npz").stat().st_size
    cache.store("over", known)
    assert (len(listed), cache.load("over").people == {}) == (1, False)
    assert len(cache.files()) <= 20


def test_a_video_that_is_gone_has_no_key(cache, tmp_path):
    with pytest.raises(UnreadableVideo, match="cannot be read"):
        cache.key(tmp_path / "none.mp4", "")


@pytest.mark.parametrize("folder", ["taken", "taken/below", "taken/far/below"])
def test_a_folder_that_cannot_be_made_costs_no_answer(clip, tmp_path, folder, caplog):
    (tmp_path / "taken").write_text("a file")
    cache = PoseCache(tmp_path / folder)
    assert same(extractor(cache).poses(clip), extractor(None).poses(clip))
    assert "poses are not kept for the next time: " in caplog.text
    assert f"{tmp_path / 'taken'} is a file" in caplog.text


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO])
def test_a_disk_that_does_not_take_the_poses_costs_no_answer(clip, cache, monkeypatch, number, caplog):
    def refuse(*given, **named):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(np, "savez_compressed", refuse)
    assert same(extractor(cache).poses(clip), extractor(None).poses(clip))
    why = f"{cache.folder} cannot be written: {os.strerror(number)}"
    assert caplog.messages == [f"poses are not kept for the next time: {why}"]
    assert list(cache.folder.iterdir()) == []


def test_a_cache_that_takes_the_poses_has_no_problem(clip, cache, caplog):
    extractor(cache).poses(clip)
    assert caplog.messages == []


def test_poses_that_were_kept_are_used_where_nothing_can_be_written(clip, cache, monkeypatch):
    first = extractor(cache).poses(clip)

    def refuse(*given, **named):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "utime", refuse)
    again = extractor(cache)
    assert same(again.poses(clip), first)
    assert again.detector.seen == []


def test_what_cannot_be_removed_is_an_error_that_names_it(clip, cache, monkeypatch):
    extractor(cache).poses(clip)

    def refuse(*given, **named):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("pathlib.Path.unlink", refuse)
    with pytest.raises(OutputError, match=r"\.npz cannot be removed: Read-only file system"):
        cache.clear()


@pytest.mark.weights
def test_models_and_settings_have_poses_of_their_own(weights, cache):
    for name in ("efficientdet-lite0", "efficientdet-lite2", "movenet-lightning"):
        weights(name)
    config = PipelineConfig(pose="movenet-lightning", device="cpu", cache_dir=cache.folder)
    made = [
        PoseExtractor.from_config(replace(config, detector=detector, **options))
        for detector, options in (
            ("efficientdet-lite0", {}),
            ("efficientdet-lite2", {}),
            ("efficientdet-lite0", {"detector_settings": {"score_threshold": 0.5}}),
            ("efficientdet-lite0", {"pose_settings": {"crop_padding": 1.5}}),
            ("efficientdet-lite0", {"reader": "decord"}),
        )
    ]
    assert len({one.made_of for one in made}) == len(made)
    assert all(one.cache.folder == cache.folder for one in made)
    for without in ({"pose_settings": {"heatmaps": True}}, {"cache_dir": None}):
        assert PoseExtractor.from_config(replace(config, detector="efficientdet-lite0", **without)).cache is None
