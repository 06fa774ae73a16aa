"""A video that is read part by part has the answer of one that is read at once, resumes, and holds little memory."""

from __future__ import annotations

import weakref

import fakes
import pytest
import shot_factory
import video_factory

from posec3d_cli.errors import EmptyVideo
from posec3d_cli.extraction import extractor as extractor_module
from posec3d_cli.extraction import parts
from posec3d_cli.extraction.cache import PoseCache


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return video_factory.write(tmp_path_factory.mktemp("clips") / "clip.mp4", 100, size=(96, 48))


@pytest.fixture(scope="module")
def cut(tmp_path_factory):
    return shot_factory.write_still(tmp_path_factory.mktemp("clips") / "still.mp4", 100)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    for module in (parts, extractor_module):
        monkeypatch.setattr(module, "PART", 30)


def crowd(index):
    """Somebody walks, somebody comes and goes, somebody jumps; nobody is there for a while."""
    if 40 <= index < 52:
        return []
    return [10 + index / 3, *([90] if index % 7 else []), *([60 + index % 30] if index % 3 else [])]


def said(result):
    found = result.to_dict()
    return {name: found[name] for name in found if name not in ("seconds", "video")}


OPTIONS = [{}, {"people": "each"}, {"people": "each", "window_seconds": 0.8}, {"window_seconds": 2, "views": 3}]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("every", [1, 4])
@pytest.mark.parametrize("name", ["clip", "cut"])
def test_the_answer_is_that_of_a_video_that_is_read_at_once(request, name, every, options):
    path = request.getfixturevalue(name)
    answers = []
    for keep in (True, False):
        pipeline = fakes.pipeline(crowd)
        pipeline.extractor.every = every
        sampling = pipeline.recognizer.sampling.changed(**options)
        answers.append(pipeline.predict(path, sampling=sampling, keep_poses=keep))
    whole, streamed = answers
    assert said(streamed) == said(whole)
    assert len(streamed.video_poses) == 0
    assert set(streamed.seconds) == set(whole.seconds)


def test_windows_are_given_as_soon_as_their_poses_are_known(clip):
    pipeline = fakes.pipeline(crowd)
    pipeline.recognizer.sampling = pipeline.recognizer.sampling.changed(window_seconds=1, people="each")
    seen = []
    result = pipeline.predict(
        clip,
        keep_poses=False,
        windows=lambda info, found: seen.append((max(pipeline.extractor.detector.seen), [one.stop for one in found])),
    )
    assert [stop for _, stops in seen for stop in stops] == [one.stop for one in result.windows]
    assert len(seen) == 4
    assert seen[0][0] < 30


def test_poses_of_closed_windows_are_let_go(clip):
    pipeline = fakes.pipeline(crowd)
    pipeline.recognizer.sampling = pipeline.recognizer.sampling.changed(window_seconds=0.8, people="each")
    alive: list[weakref.ref] = []
    estimate = pipeline.extractor.pose.estimate

    def remembered(frames, detections):
        poses = estimate(frames, detections)
        alive.extend(weakref.ref(one) for one in poses)
        return poses

    pipeline.extractor.pose.estimate = remembered
    most = []
    pipeline.predict(
        clip, keep_poses=False, windows=lambda info, found: most.append(sum(r() is not None for r in alive))
    )
    assert max(most) < 45 < len(alive)


def test_a_run_that_was_killed_goes_on_after_the_last_part(clip, tmp_path):
    sampling = fakes.pipeline().recognizer.sampling.changed(window_seconds=0.8, people="each")
    whole = fakes.pipeline(crowd).predict(clip, sampling=sampling)

    def made():
        pipeline = fakes.pipeline(crowd)
        pipeline.extractor.cache = PoseCache(tmp_path)
        return pipeline

    def killed(index):
        if index >= 70:
            raise KeyboardInterrupt
        return crowd(index)

    first = made()
    first.extractor.detector.where = killed
    with pytest.raises(KeyboardInterrupt):
        first.predict(clip, sampling=sampling, keep_poses=False)
    second = made()
    assert said(second.predict(clip, sampling=sampling, keep_poses=False)) == said(whole)
    assert min(second.extractor.detector.seen) >= 60
    third = made()
    assert said(third.predict(clip, sampling=sampling)) == said(whole)
    assert third.extractor.detector.seen == [], "a run that keeps the poses finds them too"
    assert PoseCache(tmp_path).videos == 1


def test_lost_frames_are_replaced_as_when_all_is_read_at_once(tmp_path):
    source = video_factory.write(tmp_path / "whole.avi", 100, codec="mjpeg", pix_fmt="yuvj420p", size=(96, 48))
    broken = video_factory.zeroed(source, tmp_path / "broken.avi", [0, 1, 33, 34, 62, 98, 99])
    results = []
    for keep in (True, False):
        pipeline = fakes.pipeline(lambda index: [20 + index / 2])
        pipeline.recognizer.sampling = pipeline.recognizer.sampling.changed(window_seconds=1)
        results.append(pipeline.predict(broken, keep_poses=keep))
    whole, streamed = results
    assert streamed.frames_used == whole.frames_used
    assert streamed.warnings == whole.warnings


def test_a_video_of_which_nothing_decodes_is_empty_part_by_part_too(clip, monkeypatch):
    pipeline = fakes.pipeline(crowd)
    plain = pipeline.extractor.open

    def open_(path):
        video = plain(path)
        monkeypatch.setattr(video, "read", lambda indices: iter(()))
        return video

    pipeline.extractor.open = open_
    with pytest.raises(EmptyVideo, match="none of 8 frames needed can be decoded"):
        pipeline.predict(clip, keep_poses=False)
