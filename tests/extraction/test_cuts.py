"""Hard cuts are found, and nothing else is taken for one."""

from __future__ import annotations

from threading import current_thread

import fakes
import numpy as np
import pytest
import shot_factory
from hypothesis import given
from hypothesis import strategies as st
from shot_factory import scene

from posec3d_cli.extraction.cache import PoseCache
from posec3d_cli.extraction.cuts import SIZE, differences, find_cuts, frames_to_check, is_another_scene, signature
from posec3d_cli.extraction.extractor import PoseExtractor
from posec3d_cli.sampling.clips import used_frames


def found(images, apart=1):
    """The cuts that are found in images of which every `apart`-th is looked at."""
    signatures = dict(enumerate(map(signature, images)))
    frames = list(range(0, len(images), apart))
    known = {frame: signatures[frame] for frame in frames}
    known |= {frame: signatures[frame] for frame in frames_to_check(known, frames, len(images)).tolist()}
    return find_cuts(known, frames).tolist()


def noisy(image, seed):
    noise = np.random.default_rng(seed).normal(0, 3, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def shot(number, count):
    return [noisy(scene(number), (number, t)) for t in range(count)]


def panned(number, count, step):
    wide = scene(number, (160 + step * count, 96))
    return [wide[:, step * t : step * t + 160] for t in range(count)]


@pytest.mark.parametrize("apart", [1, 4, 7])
def test_every_cut_is_found_at_its_frame_however_far_apart_the_frames_lie(apart):
    shots = [*shot(1, 24), *shot(2, 24), *shot(3, 24), *shot(4, 25)]
    assert found(shots, apart) == [24, 48, 72]


def test_a_frame_is_of_another_scene_where_it_stands_out_from_what_the_scene_shows_itself():
    still, other = [signature(image) for image in shot(1, 6)], signature(scene(2))
    assert is_another_scene(still, other)
    assert is_another_scene(still[:1], other)
    assert not is_another_scene(still, signature(noisy(scene(1), 99)))
    assert not is_another_scene([*still, other, *still], signature(noisy(scene(2), 99))), "it was seen"
    films = [signature(scene(number)) for number in range(10, 16)]
    assert not is_another_scene(films, other), "every picture differs from every other one"


def test_one_shot_has_no_cut():
    assert found(shot(1, 30)) == []
    assert found(shot(1, 1)) == []


@pytest.mark.parametrize("apart", [1, 5])
@pytest.mark.parametrize("step", [2, 8, 20])
def test_a_camera_that_pans_cuts_nothing(step, apart):
    assert found(panned(5, 30, step), apart) == []


@pytest.mark.parametrize("apart", [1, 3])
def test_a_cut_between_two_pans_is_found(apart):
    assert found([*panned(5, 15, 4), *panned(6, 16, 4)], apart) == [15]


@pytest.mark.parametrize("apart", [1, 2, 5])
@pytest.mark.parametrize("length", [1, 2, 4])
def test_a_flash_cuts_nothing(length, apart):
    white = np.full_like(scene(1), 255)
    assert found([*shot(1, 15), *[white] * length, *shot(1, 15)], apart) == []


@pytest.mark.parametrize("light", [0.5, 1.4])
def test_a_lamp_that_is_switched_cuts_nothing(light):
    lit = [np.clip(image * light, 0, 255).astype(np.uint8) for image in shot(1, 15)]
    assert found([*shot(1, 15), *lit]) == []


def test_somebody_who_leaps_through_the_image_cuts_nothing():
    images = shot(1, 20)
    for t, image in enumerate(images):
        left = 20 * t % 120
        image[10:90, left : left + 40] = (200, 30, 30)
    assert found(images) == []


def test_a_cut_through_black_frames_is_found():
    black = np.zeros_like(scene(1))
    assert found([*shot(1, 15), *[black] * 3, *shot(2, 15)]) == [15, 18]


def test_a_cut_is_found_between_black_borders():
    def bordered(image):
        wide = np.zeros((96, 480, 3), np.uint8)
        wide[:, 160:320] = image
        return wide

    assert found([bordered(one) for one in [*shot(1, 15), *shot(2, 15)]]) == [15]


def test_a_cut_is_found_where_every_image_is_shown_three_times():
    moving = [*panned(5, 6, 6), *panned(6, 6, 6)]
    assert found([image for image in moving for _ in range(3)]) == [18]


def test_frames_that_do_not_decode_are_passed_over():
    signatures = dict(enumerate(map(signature, [*shot(1, 12), *shot(2, 12)])))
    for lost in (11, 12, 14):
        del signatures[lost]
    assert find_cuts(signatures, [0, 8, 16, 23]).tolist() == [13]


def test_no_frame_is_asked_for_that_does_not_exist_or_is_known():
    signatures = dict(enumerate(map(signature, [scene(1), scene(1), scene(2), scene(2)])))
    assert frames_to_check({0: signatures[0], 3: signatures[3]}, [0, 3], 4).tolist() == [1, 2]
    assert frames_to_check(signatures, [0, 1, 2, 3], 4).tolist() == []


@given(st.integers(0, 50), st.integers(0, 50))
def test_differences_are_the_same_both_ways_and_lie_in_their_range(one, other):
    pair = [signature(scene(one)), signature(scene(other))]
    assert pair[0].shape == (SIZE,)
    [[structure, color]] = differences(pair[:1], pair[1:])
    assert differences(pair[1:], pair[:1]) == pytest.approx(np.array([[structure, color]]))
    assert -1e-9 <= structure <= 2
    assert -1e-9 <= color <= 1
    if one == other:
        assert structure < 0.05
        assert color == pytest.approx(0, abs=0.05)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return shot_factory.write_shots(tmp_path_factory.mktemp("clips") / "shots.mp4", 30, 20, 50)


def test_nobody_is_followed_over_a_cut(clip):
    video_poses = PoseExtractor(fakes.Detector(lambda index: [30, 70]), fakes.Pose()).poses(clip)
    assert video_poses.cuts.tolist() == [30, 50]
    assert [who.tolist() for who in video_poses.track_ids] == [[0, 1]] * 30 + [[2, 3]] * 20 + [[4, 5]] * 50


@pytest.mark.parametrize("options", [{}, {"people": "each", "window_seconds": 0.8}])
@pytest.mark.parametrize("apart", [1, 4])
def test_an_answer_lists_the_cuts_and_is_the_same_whether_every_frame_is_drawn_or_not(clip, options, apart):
    said = []
    for every_frame in (False, True):
        pipeline = fakes.pipeline(lambda index: [30])
        pipeline.extractor.every = apart
        result = fakes.predict(pipeline, clip, every_frame=every_frame, **options)
        used = result.video_poses.part(used_frames(result.sampling.plan(100, result.video.fps)))
        said.append(({**result.to_dict(), "seconds": None}, [who.tolist() for who in used.track_ids]))
    assert said[0] == said[1]
    assert said[0][0]["cuts"] == [{"frame": 30, "seconds": 1.2}, {"frame": 50, "seconds": 2.0}]
    assert "2 cuts at 1.20 and 2.00 s: nobody is followed over a cut" in said[0][0]["warnings"]
    assert len({who for one in said[0][1] for who in one}) == 3


def test_a_cache_keeps_what_tells_the_cuts(clip, tmp_path):
    frames = np.arange(0, 100, 7)
    first = PoseExtractor(fakes.Detector(), fakes.Pose(), cache=PoseCache(tmp_path), made_of="fakes")
    again = PoseExtractor(fakes.Detector(), fakes.Pose(), cache=PoseCache(tmp_path), made_of="fakes")
    assert first.poses(clip, frames).cuts.tolist() == [30, 50]

    class Closed:
        def __init__(self, info):
            self.info = info

        def read(self, indices):
            assert not len(indices), "nothing is decoded"
            return iter(())

    with again.open(clip) as video:
        video_poses = again.poses_of(Closed(video.info), frames)
    assert video_poses.cuts.tolist() == [30, 50]


def test_what_tells_a_suspected_cut_is_read_beside_the_networks(clip):
    extractor, reads = PoseExtractor(fakes.Detector(), fakes.Pose()), []

    class Watched:
        def __init__(self, video):
            self.video, self.info = video, video.info

        def read(self, indices):
            reads.append((current_thread().name, list(indices)))
            return self.video.read(indices)

    with extractor.open(clip) as video:
        assert extractor.poses_of(Watched(video), np.arange(0, 100, 7)).cuts.tolist() == [30, 50]
    assert [name for name, indices in reads if indices] == ["MainThread", "signatures"]
    assert {29, 30, 48, 50} <= set(reads[1][1])


def test_boxes_between_two_looks_do_not_move_over_a_cut(clip):
    extractor = PoseExtractor(fakes.Detector(lambda index: [30 if index < 30 else 36]), fakes.Pose(), every=8)
    video_poses = extractor.poses(clip, np.arange(40))
    assert {29, 30} <= set(extractor.detector.seen)
    assert [float(one.boxes[0, [0, 2]].mean()) for one in video_poses.detections] == [30] * 30 + [36] * 10


@pytest.mark.shared
def test_real_clips_that_were_joined_are_cut_where_they_were_joined(shared):
    extractor = PoseExtractor(fakes.Detector(), fakes.Pose())
    for frames in (None, np.arange(0, 96, 5)):
        video_poses = extractor.poses(shared / "inputs" / "cuts4.mp4", frames)
        assert video_poses.cuts.tolist() == [24, 48, 72]
        assert len({int(who[0]) for who in video_poses.track_ids}) == 4


@pytest.mark.shared
def test_real_clips_of_one_shot_are_not_cut(shared):
    extractor = PoseExtractor(fakes.Detector(), fakes.Pose())
    clips = sorted((shared / "data" / "jhmdb").glob("*/*.avi"))[::22]
    assert len(clips) == 30
    assert [clip.name for clip in clips if len(extractor.poses(clip).cuts)] == []
