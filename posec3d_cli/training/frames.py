"""Frames of labeled clips, kept for a training: decoded once, cropped around the people, as JPEG in a folder.

An epoch then decodes no video. Kept are the frames that the views of a clip may show, in a rectangle around all that
the people of the clip reach, with a margin; a large one is scaled down.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from posec3d_cli.datasets.clips import RECORDED, LabeledClip
from posec3d_cli.errors import BadDataset
from posec3d_cli.extraction.crops import CropRequest, FrameSource
from posec3d_cli.files.writing import atomic_write
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.stages.protocols import NeedsFrames
from posec3d_cli.training.augment_frames import clip_sequence
from posec3d_cli.training.settings import Training
from posec3d_cli.transforms.heatmaps import Crop
from posec3d_cli.transforms.pixels import crop_pixels
from posec3d_cli.types import Ints, Pixels

MARGIN = 0.15  # of the rectangle, on each side: joints that stray widen the crop
LARGEST = 3  # times the size of a clip, in height or width
QUALITY = 95  # of JPEG
_AT_ONCE = 32  # frames in memory


@dataclass(frozen=True)
class KeptFrames:
    """The kept frames of one clip.

    Attributes:
        file: an archive of their numbers and JPEG files.
        region: the rectangle that they show, in pixels of the frame.
        size: (H, W) that it was scaled to.
    """

    file: Path
    region: Crop
    size: tuple[int, int]

    def crops(self, requests: Sequence[CropRequest]) -> Iterator[Pixels]:
        """The crops of each request; see `FrameSource`. A frame that is not kept has the nearest one's."""
        with np.load(self.file) as archive:
            numbers, stops, data = archive["numbers"], archive["stops"], archive["data"]
        decoded: dict[int, Pixels] = {}
        for request in requests:
            crop = self._scaled(request.crop)
            wanted, places = np.unique(request.clips, return_inverse=True)
            pictures = []
            for number in wanted:
                kept = int(np.abs(numbers - number).argmin())
                if kept not in decoded:
                    decoded[kept] = _decoded(data[stops[kept] : stops[kept + 1]])
                pictures.append(crop_pixels(decoded[kept], crop, request.size))
            yield np.stack(pictures)[places.reshape(request.clips.shape)]

    def _scaled(self, crop: Crop) -> Crop:
        """The crop in pixels of the kept pictures."""
        down, across = self.size[0] / self.region.height, self.size[1] / self.region.width
        left, top = (crop.left - self.region.left) * across, (crop.top - self.region.top) * down
        width, height = max(1, round(crop.width * across)), max(1, round(crop.height * down))
        return Crop(round(left), round(top), width, height)


def keep_frames(
    training: Training,
    clips: Sequence[LabeledClip],
    folder: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[LabeledClip]:
    """The clips with their frames kept in a folder; those that are kept already are not decoded again.

    Args:
        training: says which crop a clip has, and which frames may be shown.
        clips: labeled clips with videos.
        folder: made where it is missing.
        progress: called with the number of clips done and of all.

    Raises:
        BadDataset: a clip has poses alone.
        UnreadableVideo, EmptyVideo: the frames of a clip cannot be read.
        OutputError: the folder cannot be written.
    """
    builder = training.config.builder
    if not isinstance(builder, NeedsFrames):
        return list(clips)
    check_frames(clips)
    folder.mkdir(parents=True, exist_ok=True)
    kept = []
    for done, clip in enumerate(clips):
        kept.append(clip if isinstance(clip.frames, KeptFrames) else _kept(clip, training, builder, folder))
        progress(done + 1, len(clips))
    return kept


def check_frames(clips: Sequence[LabeledClip]) -> None:
    """Refuse clips without a video.

    Raises:
        BadDataset: a clip has poses alone.
    """
    lacking = [clip.name for clip in clips if clip.frames is None or clip.origin == RECORDED]
    if lacking:
        raise BadDataset(
            f"the network reads the frames of the videos, and {len(lacking)} of {len(clips)} clips have poses alone; "
            f"the first is {lacking[0]}",
            hint="give the videos, or choose another --arch",
        )


def _kept(clip: LabeledClip, training: Training, builder: NeedsFrames, folder: Path) -> LabeledClip:
    assert clip.frames is not None
    numbers = _numbers(clip, training.frames_read)
    region, size = _region(clip, builder)
    told = f"{clip.sha256} {clip.name} {clip.frames} {region} {size} {QUALITY} {numbers.tolist()}"
    file = folder / f"{hashlib.sha256(told.encode('utf-8', 'surrogateescape')).hexdigest()}.npz"
    if not file.is_file():
        _keep(clip.frames, numbers, region, size, file)
    return replace(clip, frames=KeptFrames(file, region, size))


def _numbers(clip: LabeledClip, sampling: ClipSampling) -> Ints:
    plan = sampling.plan(len(clip), clip.frame_rate)
    return np.unique(np.concatenate([window.rgb_clips.ravel() for window in plan if window.rgb_clips is not None]))


def _region(clip: LabeledClip, builder: NeedsFrames) -> tuple[Crop, tuple[int, int]]:
    """The rectangle of a clip, within the frame, and the size that it is kept in."""
    columns = np.arange(len(clip), dtype=np.int64)
    sequence = clip_sequence(clip, columns, ClipSampling(people="together"))
    crop, (height, width) = builder.crop(sequence, columns[None]), sequence.frame_size
    left, top = max(0, int(crop.left - MARGIN * crop.width)), max(0, int(crop.top - MARGIN * crop.height))
    right = min(width, int(crop.left + (1 + MARGIN) * crop.width))
    bottom = min(height, int(crop.top + (1 + MARGIN) * crop.height))
    if right <= left or bottom <= top:
        left, top, right, bottom = 0, 0, width, height
    region = Crop(left, top, right - left, bottom - top)
    most_high, most_wide = (LARGEST * side for side in builder.frame_size)
    share = min(1.0, most_high / region.height, most_wide / region.width)
    return region, (max(1, round(region.height * share)), max(1, round(region.width * share)))


def _keep(source: FrameSource, numbers: Ints, region: Crop, size: tuple[int, int], file: Path) -> None:
    chunks = [numbers[start : start + _AT_ONCE] for start in range(0, len(numbers), _AT_ONCE)]
    pictures = [
        cv2.imencode(".jpg", np.ascontiguousarray(picture[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].ravel()
        for crops in source.crops([CropRequest(chunk[None], region, size) for chunk in chunks])
        for picture in crops[0]
    ]
    stops = np.cumsum([0, *map(len, pictures)])
    with atomic_write(file, overwrite=True) as part, part.open("wb") as opened:
        np.savez(opened, numbers=numbers, stops=stops, data=np.concatenate(pictures))


def _decoded(data: Pixels) -> Pixels:
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert picture is not None
    return np.ascontiguousarray(picture[..., ::-1], np.uint8)
