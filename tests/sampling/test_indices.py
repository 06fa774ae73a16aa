import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posec3d_cli.sampling.indices import FLAVOURS, uniform_test_indices, uniform_train_indices, windows

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "uniform_indices.json").read_text())

counts = st.integers(1, 2000)
lengths = st.integers(1, 64)
flavours = st.sampled_from(FLAVOURS)


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("frame_count", GOLDEN)
def test_the_test_frames_are_those_of_the_published_code(frame_count: str, flavour: str) -> None:
    clips = uniform_test_indices(int(frame_count), clip_len=48, num_clips=10, flavour=flavour)

    assert clips.shape == (10, 48)
    assert clips.reshape(-1).tolist() == GOLDEN[frame_count][flavour]


@pytest.mark.shared
def test_the_stored_indices_are_the_shared_ones(shared: Path) -> None:
    reference = json.loads((shared / "reference/golden/uniform_sample_u48_10clips_seed255.json").read_text())

    assert reference.keys() == GOLDEN.keys()
    for frame_count, golden in GOLDEN.items():
        assert {flavour: reference[frame_count][flavour] for flavour in FLAVOURS} == golden


@given(counts, lengths, st.integers(1, 12), flavours)
def test_test_frames_lie_in_the_video_and_never_go_back_within_a_clip(
    frame_count: int, clip_len: int, num_clips: int, flavour: str
) -> None:
    clips = uniform_test_indices(frame_count, clip_len=clip_len, num_clips=num_clips, flavour=flavour)

    assert clips.dtype == np.int64
    assert clips.min() >= 0
    assert clips.max() < frame_count
    if frame_count >= clip_len:
        assert (np.diff(clips, axis=1) > 0).all()


def test_one_clip_is_the_first_of_ten() -> None:
    assert (uniform_test_indices(103)[0] == uniform_test_indices(103, num_clips=10)[0]).all()


def test_sampling_leaves_the_global_random_state_alone() -> None:
    before = np.random.get_state()[1].copy()
    uniform_test_indices(777, num_clips=3, flavour="pyskl")

    assert (np.random.get_state()[1] == before).all()


def test_cached_frames_cannot_be_overwritten() -> None:
    with pytest.raises(ValueError, match="read-only"):
        uniform_test_indices(100)[0, 0] = 1


@given(counts, lengths, st.integers(0, 2**32 - 1))
def test_a_training_clip_lies_in_the_video_and_takes_one_frame_of_every_part(
    frame_count: int, clip_len: int, seed: int
) -> None:
    clip = uniform_train_indices(frame_count, clip_len=clip_len, rng=np.random.default_rng(seed))

    assert clip.shape == (clip_len,)
    assert clip.min() >= 0
    assert clip.max() < frame_count
    if frame_count < clip_len:
        assert ((np.diff(clip) % frame_count) == 1 % frame_count).all()
    else:
        assert (np.diff(clip) > 0).all()
    if frame_count >= 2 * clip_len:
        bounds = np.arange(clip_len + 1) * frame_count // clip_len
        assert ((bounds[:-1] <= clip) & (clip < bounds[1:])).all()


def test_equal_generators_give_equal_training_clips() -> None:
    first, second = (uniform_train_indices(300, rng=np.random.default_rng(7)) for _ in range(2))

    assert (first == second).all()


@given(counts, st.floats(1, 120), st.floats(0.1, 20), st.floats(0.05, 1))
def test_windows_cover_every_frame_and_end_with_the_video(
    frame_count: int, fps: float, window_seconds: float, overlap: float
) -> None:
    ranges = windows(frame_count, fps, window_seconds=window_seconds, stride_seconds=window_seconds * overlap)

    covered = np.zeros(frame_count, bool)
    for start, stop in ranges:
        assert 0 <= start < stop <= frame_count
        covered[start:stop] = True
    assert covered.all()
    assert ranges[-1][1] == frame_count
    assert len({stop - start for start, stop in ranges}) == 1
    assert [start for start, _ in ranges] == sorted({start for start, _ in ranges})


@given(
    steps=st.lists(st.floats(0.002, 3) | st.just(0.04) | st.just(50.0), min_size=1, max_size=200),
    window_seconds=st.floats(0.05, 20),
    overlap=st.floats(0.05, 1),
)
def test_windows_of_a_variable_rate_cover_every_frame_and_last_as_long_as_frames_allow(
    steps: list[float], window_seconds: float, overlap: float
) -> None:
    boundaries = np.append(0, np.cumsum(steps))
    count, rate = len(steps), len(steps) / float(boundaries[-1])
    ranges = windows(
        count, rate, window_seconds=window_seconds, stride_seconds=window_seconds * overlap, boundaries=boundaries
    )

    covered = np.zeros(count, bool)
    asked = max(window_seconds, 1 / rate)
    for start, stop in ranges:
        assert 0 <= start < stop <= count
        covered[start:stop] = True
        lasts = float(boundaries[stop] - boundaries[start])
        assert lasts <= asked + max(steps) + 1e-9
        assert lasts >= min(asked, float(boundaries[-1])) - max(steps) - 1e-9
    assert covered.all()
    assert ranges[-1][1] == count
    assert ranges == sorted(set(ranges))


def test_windows_of_an_even_rate_are_the_same_by_time() -> None:
    boundaries = np.arange(101) / 10
    for window, stride in ((3, 3), (2, 1), (4, 0.5), (20, 5)):
        by_time = windows(100, 10, window_seconds=window, stride_seconds=stride, boundaries=boundaries)
        assert by_time == windows(100, 10, window_seconds=window, stride_seconds=stride)


def test_a_picture_that_is_held_for_an_hour_is_in_no_more_windows_than_it_needs() -> None:
    boundaries = np.array([0, 0.1, 0.2, 3600, 3600.1, 3600.2])
    assert windows(5, 10, window_seconds=4, stride_seconds=2, boundaries=boundaries) == [(0, 2), (2, 3), (3, 5)]


def test_the_last_window_is_moved_back_to_end_with_the_video() -> None:
    assert windows(100, 10, window_seconds=3, stride_seconds=3) == [(0, 30), (30, 60), (60, 90), (70, 100)]


def test_a_short_video_is_one_window() -> None:
    assert windows(20, 10, window_seconds=3, stride_seconds=1) == [(0, 20)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: uniform_test_indices(0), "frame_count must be at least 1, got 0"),
        (lambda: uniform_test_indices(10, num_clips=0), "num_clips must be at least 1, got 0"),
        (lambda: uniform_test_indices(10, flavour="mmcv"), "'mmcv'"),
        (lambda: uniform_train_indices(0, rng=np.random.default_rng()), "frame_count must be at least 1, got 0"),
        (lambda: windows(0, 30, window_seconds=1, stride_seconds=1), "frame_count must be at least 1, got 0"),
        (lambda: windows(10, 0, window_seconds=1, stride_seconds=1), "fps must be positive, got 0"),
        (lambda: windows(10, 30, window_seconds=1, stride_seconds=2), "stride_seconds must be at most"),
    ],
)
def test_impossible_values_are_refused_by_name(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
