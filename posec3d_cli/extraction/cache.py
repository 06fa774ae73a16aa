"""PoseCache: estimated poses on disk, by the content of the video and by the models and settings.

A cache is a folder of NumPy archives, one for each `PART` frames of a video and pair of models, called by the key and,
after the first, by their number. Frames are added to it as they are asked for, so a second run on a video estimates
only the frames that the first did not, and one that was killed goes on after the last part that was kept. A moved or
renamed video keeps its poses; one whose bytes changed, other models or settings, or another `POSES_VERSION` have
another key. When the archives outgrow the limit, those that were not used for longest go. An archive that cannot be
read is as good as none and is written again.

No answer depends on a cache: where it cannot be written, nothing is kept, and a warning is logged.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posec3d_cli import results
from posec3d_cli.config import PipelineConfig
from posec3d_cli.errors import OutputError, UnreadableVideo
from posec3d_cli.extraction.cuts import SIZE, Signature
from posec3d_cli.files.digests import content_digest
from posec3d_cli.files.writing import atomic_write, cannot_write
from posec3d_cli.hub.weights import cache_home
from posec3d_cli.tracking.object_rows import ObjectRows
from posec3d_cli.types import Detections, Poses

logger = logging.getLogger("posec3d")
LIMIT = 10 * 10**9  # bytes; an hour of two people at 30 frames per second takes about 40 MB
_FORMAT = "4"  # 2 had no objects, 3 had other keys
PART = 600
"""Frames of a video, at most, in one archive; where poses are estimated part by part, a part is one of these."""
_SLACK = 100  # a process may store so small a part of the limit before it looks at what all have stored
_SUFFIX = ".npz"


def default_folder() -> Path:
    """The default folder of the pose cache: beside the weights."""
    return cache_home() / "poses"


@dataclass(frozen=True, eq=False)
class KnownFrames:
    """The cached poses of some frames of a video.

    Attributes:
        people: detections, with their objects, and poses by frame number; poses come without heatmaps.
        lost: frames that were asked for and did not decode.
        signatures: what tells cuts, see `posec3d_cli.extraction.cuts`, by frame number: of all frames in `people`,
            and of some around the cuts.
    """

    people: dict[int, tuple[Detections, Poses]] = field(default_factory=dict)
    lost: frozenset[int] = frozenset()
    signatures: dict[int, Signature] = field(default_factory=dict)


class PoseCache:
    """A folder of cached poses.

    Args:
        folder: made when something is first kept.
        limit: in bytes.
    """

    def __init__(self, folder: Path, *, limit: int = LIMIT) -> None:
        self.folder = folder
        self.limit = limit
        self._listed: int | None = None  # bytes of all archives when they were last listed
        self._stored = 0  # bytes since then

    def key(self, video: Path, made_of: str) -> str:
        """The key of the poses of a video: a digest of its bytes, of `made_of` and of the version of the code.

        Raises:
            UnreadableVideo: the file cannot be read.
        """
        content = content_digest(video)
        if not content:
            raise UnreadableVideo(f"{video} cannot be read")
        return hashlib.sha256(f"{_FORMAT} {results.POSES_VERSION} {content} {made_of}".encode()).hexdigest()

    def frames(self, key: str, part: int = 0) -> frozenset[int]:
        """The numbers of the cached frames of a part, also of those that did not decode."""
        try:
            with self._file(key, part).open("rb") as archive, np.load(archive, allow_pickle=False) as arrays:
                return frozenset([*arrays["frames"].tolist(), *arrays["lost"].tolist()])
        except Exception:  # as of `load`
            return frozenset()

    def load(self, key: str, part: int = 0) -> KnownFrames:
        """Load the cached frames of a part, perhaps none."""
        file = self._file(key, part)
        try:
            with file.open("rb") as archive, np.load(archive, allow_pickle=False) as arrays:
                known = _unpacked({name: arrays[name] for name in arrays.files})
        except Exception:  # a damaged archive can fail in any way
            return KnownFrames()
        with contextlib.suppress(OSError):  # where nothing can be written, it can be read all the same
            os.utime(file)
        return known

    def store(self, key: str, known: KnownFrames, part: int = 0) -> None:
        """Store frames of a part in place of those that were cached before, then remove old archives above the limit.

        Where that cannot be done, the poses are as good as before: a warning is logged, and nothing is raised.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with atomic_write(self._file(key, part), overwrite=True) as unfinished, unfinished.open("wb") as file:
                np.savez_compressed(file, **_packed(known))
            self._stored += self._file(key).stat().st_size
            if self._listed is None or self._stored > min(self.limit - self._listed, self.limit // _SLACK):
                self._make_room(keep=self._file(key, part))
        except (OutputError, OSError) as error:
            cause = error.__cause__ or error
            reason = getattr(cause, "strerror", None) or cause
            why = cannot_write(self.folder) or f"{self.folder} cannot be written: {reason}"
            logger.warning(f"poses are not kept for the next time: {why}")  # the same text for every video

    def files(self) -> list[Path]:
        """The archives, in order of their last use."""
        return [file for _, _, file in self._archives()]

    @property
    def videos(self) -> int:
        """The number of keys: of videos, each for a pair of models."""
        return len({file.name.partition(".")[0] for file in self.files()})

    @property
    def size(self) -> int:
        """Bytes of all archives."""
        return sum(size for _, size, _ in self._archives())

    def clear(self) -> int:
        """Remove every archive; the number of videos.

        Raises:
            OutputError: one cannot be removed.
        """
        videos = self.videos
        for file in self.files():
            try:
                file.unlink(missing_ok=True)
            except OSError as error:
                raise OutputError(f"{file} cannot be removed: {error.strerror}") from error
        return videos

    def _file(self, key: str, part: int = 0) -> Path:
        return self.folder / f"{key}{f'.{part}' if part else ''}{_SUFFIX}"

    def _archives(self) -> list[tuple[int, int, Path]]:
        """When each archive was last used, its bytes and its path, in order of use."""
        found = []
        for file in self.folder.glob(f"[!.]*{_SUFFIX}"):
            try:
                status = file.stat()
            except FileNotFoundError:  # another process made room
                continue
            found.append((status.st_mtime_ns, status.st_size, file))
        return sorted(found)

    def _make_room(self, *, keep: Path) -> None:
        """Remove old archives above the limit, and some more: listing all of them for each new one takes too long.

        Other processes store here too, of which nothing is known until the archives are listed again.
        """
        archives = self._archives()
        size = sum(one for _, one, _ in archives)
        most = self.limit if size <= self.limit or len(archives) <= _SLACK else self.limit - self.limit // _SLACK
        for _, one, file in archives:
            if size <= most:
                break
            if file != keep:
                size -= one
                file.unlink(missing_ok=True)
        self._listed, self._stored = size, 0


def pose_cache(config: PipelineConfig) -> PoseCache | None:
    """The pose cache of a config; None if the config has none."""
    if config.cache_dir is None:
        return None
    return PoseCache(default_folder() if config.cache_dir == "default" else Path(config.cache_dir))


def _packed(known: KnownFrames) -> dict[str, Any]:
    frames = sorted(known.people)
    people = [known.people[frame] for frame in frames]
    joints = people[0][1].keypoints.shape[1] if people else 0
    nobody = np.zeros(0, np.float32)
    objects = ObjectRows.of([found.objects for found, _ in people])
    return {
        "frames": np.array(frames, np.int64),
        "counts": np.array([len(found) for found, _ in people], np.int64),
        "boxes": np.concatenate([nobody.reshape(0, 4), *(found.boxes for found, _ in people)]),
        "box_scores": np.concatenate([nobody, *(found.scores for found, _ in people)]),
        "keypoints": np.concatenate([nobody.reshape(0, joints, 2), *(poses.keypoints for _, poses in people)]),
        "scores": np.concatenate([nobody.reshape(0, joints), *(poses.scores for _, poses in people)]),
        "object_counts": objects.counts,
        "object_boxes": objects.boxes,
        "object_scores": objects.scores,
        "object_classes": objects.classes,
        "object_names": np.array(objects.names, np.str_),
        "lost": np.array(sorted(known.lost), np.int64),
        "signed": np.array(list(known.signatures), np.int64),
        "signatures": np.array(list(known.signatures.values()), np.uint8).reshape(-1, SIZE),
    }


def _unpacked(parts: dict[str, NDArray[Any]]) -> KnownFrames:
    stops = np.cumsum(parts["counts"])
    objects = ObjectRows(
        parts["object_counts"],
        parts["object_boxes"],
        parts["object_scores"],
        parts["object_classes"],
        tuple(parts["object_names"].tolist()),
    ).frames()
    people = {}
    starts = stops - parts["counts"]
    for frame, start, stop, held in zip(parts["frames"].tolist(), starts, stops, objects, strict=True):
        rows = slice(start, stop)
        found = Detections(parts["boxes"][rows], parts["box_scores"][rows], held)
        people[frame] = (found, Poses(parts["keypoints"][rows], parts["scores"][rows]))
    signatures = dict(zip(parts["signed"].tolist(), parts["signatures"], strict=True))
    return KnownFrames(people, frozenset(parts["lost"].tolist()), signatures)
