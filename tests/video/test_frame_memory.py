from __future__ import annotations

import gc
import threading

import cv2
import numpy as np
import pytest
import video_factory
from av import VideoFrame

from posec3d_cli.video import frame_memory, open_video
from posec3d_cli.video.frame_memory import FrameMemory

BT601, BT709, FULL, LIMITED = 5, 1, 2, 1


def image(pix_fmt="yuv420p", size=(64, 48), seed=0, colorspace=None, color_range=None):
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    made = VideoFrame.from_ndarray(cv2.resize(coarse, size), format="rgb24").reformat(format=pix_fmt)
    if colorspace is not None:
        made.colorspace = colorspace
    if color_range is not None:
        made.color_range = color_range
    return made


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuvj420p", "yuv422p", "yuv420p10le", "gray", "rgb24", "yuv444p"])
@pytest.mark.parametrize("size", [(64, 48), (33, 17), (320, 241), (1, 1)])
def test_the_pixels_are_those_that_pyav_makes(pix_fmt, size):
    memory = FrameMemory()
    for seed, colorspace, color_range in [
        (0, None, None), (1, BT709, LIMITED), (2, BT601, FULL), (3, BT709, FULL), (4, None, None), (5, 9, LIMITED),
    ]:  # fmt: skip
        made = image(pix_fmt, size, seed, colorspace, color_range)
        expected = made.reformat(format="rgb24").to_ndarray()
        assert np.array_equal(memory.rgb(made), expected)
        assert np.array_equal(memory.rgb(made), expected)


def test_a_change_of_size_or_format_is_followed():
    memory = FrameMemory()
    for made in (image(), image(size=(32, 48)), image("yuv444p"), image("yuvj420p"), image(seed=3)):
        assert np.array_equal(memory.rgb(made), made.reformat(format="rgb24").to_ndarray())


def test_a_frame_that_is_let_go_leaves_its_memory_to_the_next():
    memory = FrameMemory()
    first = memory.contiguous(np.full((4, 6, 3), 1, np.uint8))
    address = first.ctypes.data
    del first
    second = memory.contiguous(np.full((6, 4, 3), 2, np.uint8))
    assert second.ctypes.data == address
    assert second.flags.c_contiguous
    assert second.flags.writeable
    assert second.shape == (6, 4, 3)
    assert (second == 2).all()


@pytest.mark.parametrize("part", [lambda frame: frame, lambda frame: frame[1:3, 2:4], lambda frame: frame[..., ::-1].T])
def test_a_frame_of_which_a_part_is_held_stays_as_it_is(part):
    memory = FrameMemory()
    held = part(memory.contiguous(np.full((4, 6, 3), 1, np.uint8)))
    gc.collect()
    others = [memory.contiguous(np.full((4, 6, 3), 2, np.uint8)) for _ in range(3)]
    assert (held == 1).all()
    assert all((other == 2).all() for other in others)


def test_an_image_of_another_size_has_memory_of_its_own():
    memory = FrameMemory()
    first = memory.contiguous(np.full((4, 6, 3), 1, np.uint8))
    del first
    larger = memory.contiguous(np.full((8, 6, 3), 2, np.uint8))
    assert larger.shape == (8, 6, 3)
    assert (larger == 2).all()


def test_frames_may_be_let_go_in_another_thread_and_few_are_kept():
    memory = FrameMemory()
    frames = [memory.contiguous(np.full((4, 6, 3), number, np.uint8)) for number in range(50)]
    assert all((frame == number).all() for number, frame in enumerate(frames))
    thread = threading.Thread(target=frames.clear)
    thread.start()
    thread.join()
    assert len(memory._free) == frame_memory._KEPT


def test_frames_of_a_video_that_are_all_held_are_all_different(tmp_path):
    clip = video_factory.write(tmp_path / "clip.mp4", 20)
    with open_video(clip) as video:
        frames = [frame.pixels for frame in video.frames()]
        again = [frame.pixels.copy() for frame in video.frames()]
    assert len(frames) > 2
    assert all(np.array_equal(one, other) for one, other in zip(frames, again, strict=True))
    assert len({one.tobytes() for one in frames}) == len(frames)
