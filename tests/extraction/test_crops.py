"""Crops of frames: the right pictures, in one pass, and no more of them in memory than are needed."""

from __future__ import annotations

import numpy as np
import pytest
import video_factory

from posec3d_cli.errors import EmptyVideo, UnreadableVideo
from posec3d_cli.extraction import crops as module
from posec3d_cli.extraction.crops import CropRequest, VideoFrames, crops_of
from posec3d_cli.files.digests import content_digest
from posec3d_cli.transforms.heatmaps import Crop
from posec3d_cli.types import Frame

WHOLE = Crop(0, 0, 96, 48)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return video_factory.write(tmp_path_factory.mktemp("clips") / "clip.mp4", 60, size=(96, 48))


def request(*clips, crop=WHOLE, size=(48, 96)):
    return CropRequest(np.array(clips, np.int64), crop, size)


def numbers(crops):
    return [[video_factory.number_of(picture) for picture in view] for view in crops]


def test_each_request_gets_its_frames_in_its_order_with_repetition(clip):
    wanted = [[[7, 3, 3], [59, 0, 12]], [[5, 6, 5]], [[20, 40, 2]]]
    given = list(VideoFrames(clip).crops([request(*views) for views in wanted]))
    assert [numbers(crops) for crops in given] == wanted
    assert given[0].shape == (2, 3, 48, 96, 3)
    assert given[0].dtype == np.uint8


def test_a_labeled_part_of_a_video_counts_its_frames_from_its_start(clip):
    [crops] = VideoFrames(clip, start=10).crops([request([0, 4], [9, 45])])
    assert numbers(crops) == [[10, 14], [19, 55]]


def test_a_video_that_was_replaced_since_its_poses_were_estimated_is_refused(clip, tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(clip.read_bytes())
    frames = VideoFrames(path, sha256=content_digest(path))
    assert len(list(frames.crops([request([0, 1])]))) == 1
    video_factory.write(path, 30, size=(96, 48))
    with pytest.raises(UnreadableVideo, match=r"clip\.mp4 was changed since its poses were estimated"):
        list(frames.crops([request([0, 1])]))
    path.unlink()
    with pytest.raises(UnreadableVideo, match=r"clip\.mp4"):
        list(frames.crops([request([0, 1])]))


def test_frames_that_do_not_decode_are_replaced_by_the_nearest_ones():
    read = (Frame(np.full((4, 4, 3), number, np.uint8), number, 0.0) for number in (1, 6, 20))
    [one, two] = crops_of(
        read, [request([0, 1, 3, 5, 9], crop=Crop(0, 0, 4, 4)), request([20, 19], crop=Crop(0, 0, 4, 4))], 0, 30, "clip"
    )
    assert one[0, :, 0, 0, 0].tolist() == [1, 1, 1, 1, 1]
    assert two[0, :, 0, 0, 0].tolist() == [20, 20]


def test_a_request_none_of_whose_frames_decode_is_an_error():
    with pytest.raises(EmptyVideo, match="clip: none of 2 frames needed can be decoded"):
        list(crops_of(iter(()), [request([1, 2])], 0, 5, "clip"))


def test_no_request_reads_nothing(clip):
    assert list(VideoFrames(clip).crops([])) == []


def test_memory_holds_the_crops_of_overlapping_windows_only(monkeypatch):
    held, most = [], []
    cut = module.crop_pixels

    def counting(pixels, crop, size):
        held.append(1)
        return cut(pixels, crop, size)

    monkeypatch.setattr(module, "crop_pixels", counting)
    frames = (Frame(np.zeros((8, 8, 3), np.uint8), number, 0.0) for number in range(4000))
    # A window of 40 frames every 20, each with 8 frames of its own: as of a long video.
    requests = [
        request(range(start, start + 40, 5), crop=Crop(0, 0, 8, 8), size=(4, 4)) for start in range(0, 3960, 20)
    ]
    for done, crops in enumerate(crops_of(frames, requests, 0, 3999, "clip")):
        most.append(len(held) - 8 * done)
        assert crops.shape == (1, 8, 4, 4, 3)
    assert max(most) <= 3 * 8
