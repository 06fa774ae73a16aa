"""LivePeople: the people in each frame of a live source: detected in keyframes, followed by their joints in between."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posec3d_cli.errors import StageMismatch
from posec3d_cli.extraction.cuts import Signature, is_another_scene, signature
from posec3d_cli.stages.protocols import Detector, PoseEstimator
from posec3d_cli.tracking.online import OnlineTracker
from posec3d_cli.tracking.tracker import Track
from posec3d_cli.types import Detections, Floats, Frame, Ints, Poses

People = tuple[Detections, Poses, Ints]
"""The boxes, poses and track ids in one frame."""
MAX_GAP = 2.0
"""Seconds for which a person may be out of sight and keep the track id."""
KEPT = 30.0
"""Seconds for which a source may be gone and people keep their track ids, where the scene is the same."""
SETTLES = 1.0
"""Seconds after an absence in which the scene before it may still come: cameras begin with dark and damaged frames."""
SCENE_FRAMES = 40  # the latest keyframes, by which a scene is known
GAP = 0.1  # seconds that such an absence counts for
SEEN = 0.3  # joints that score less do not move a box
FEW = 3  # joints that a movement needs
KEY_SECONDS = 0.5
"""The longest time between keyframes: where frames are processed slowly, people leave boxes within a few of them."""
WORSE = 0.5  # share of the certainty of a person's joints in the keyframe, below which the box may be empty


@dataclass(frozen=True)
class _SceneBefore:
    """A scene that did not show when the source came back, and the people in it."""

    frames: list[Signature]
    tracks: list[Track]
    until: float


class LivePeople:
    """Finds and tracks people in frames as they come.

    Args:
        detector: detects people in keyframes.
        pose: estimates their poses in every frame.
        every: every N-th frame is a keyframe; so are the first one after an absence of the source, one that comes
            `KEY_SECONDS` after the last, and the next one where joints in a box become unsure.
    """

    def __init__(self, detector: Detector, pose: PoseEstimator, *, every: int) -> None:
        self.detector, self.pose, self.every = detector, pose, every
        self._tracker = OnlineTracker(max_gap=MAX_GAP)
        self._since, self._key_seconds = 0, 0.0
        self._key: tuple[Detections, Poses] | None = None
        self._latest: Poses | None = None
        self._left_out = 0.0
        self._last: float | None = None
        self._scene: deque[Signature] = deque(maxlen=SCENE_FRAMES)
        self._before: _SceneBefore | None = None
        self._size: tuple[int, ...] = ()
        self._came_back = False

    def came_back(self) -> None:
        """The source was gone before the next frame: it is a keyframe, and perhaps of another scene."""
        self._came_back = True

    def find(self, frame: Frame) -> People:
        """The people in the next frame; its seconds rise from frame to frame.

        Raises:
            StageMismatch: a stage broke its protocol.
        """
        if self._came_back or frame.pixels.shape != self._size:
            self._judge_scene(frame)
        elif self._before is not None:
            self._look_for(self._before, frame)
        if self._key is None or self._since >= self.every or frame.seconds - self._key_seconds >= KEY_SECONDS:
            found = self.detector.detect([frame])[0]
            self._since, self._key, self._key_seconds = 0, None, frame.seconds
        else:
            assert self._latest is not None
            found = followed(*self._key, self._latest, frame.pixels.shape[1::-1])
        self._since += 1
        [poses] = self.pose.estimate([frame], [found])
        if len(poses) != len(found):
            raise StageMismatch(f"frame {frame.index} has {len(found)} boxes but {len(poses)} poses")
        if self._key is None:
            self._key = (found, poses)
        elif np.any(poses.scores.mean(axis=1) < WORSE * self._key[1].scores.mean(axis=1)):
            self._since = self.every
        self._latest, self._last, self._size = poses, frame.seconds, frame.pixels.shape
        if self._key[1] is poses:
            self._scene.append(signature(frame.pixels))
        return found, poses, self._tracker.update(found, poses, frame.seconds - self._left_out)

    def once(self, frame: Frame) -> People:
        """Run the models on a frame of nobody, taken as one person who fills it; nobody is tracked."""
        self.detector.detect([frame])
        height, width = frame.pixels.shape[:2]
        whole = Detections(np.array([[0, 0, width, height]], np.float32), np.ones(1, np.float32))
        [poses] = self.pose.estimate([frame], [whole])
        return whole, poses, np.zeros(1, np.int64)

    def _judge_scene(self, frame: Frame) -> None:
        """After an absence: whether it is the same scene, in which people keep their ids."""
        self._came_back, self._key = False, None
        if self._last is None:  # the first frame
            return
        if self._before is not None:  # it went again, before it was clear what it shows
            self._return_to(self._before)
        absence = frame.seconds - self._last
        # Who was there when the source went is looked for where they stood, as if no time had passed.
        self._left_out += max(0.0, absence - GAP)
        scene = list(self._scene)
        if absence > KEPT:
            self._tracker.cut()
        elif is_another_scene(scene, signature(frame.pixels)):
            self._before = _SceneBefore(scene, self._tracker.cut(), frame.seconds + SETTLES)
        else:
            return
        self._scene.clear()

    def _look_for(self, before: _SceneBefore, frame: Frame) -> None:
        """Return to the scene before the absence once it shows, or forget it."""
        if frame.seconds > before.until:
            self._before = None
        elif not is_another_scene(before.frames, signature(frame.pixels)):
            self._return_to(before)
            self._key = None

    def _return_to(self, before: _SceneBefore) -> None:
        self._tracker.resume(before.tracks)
        self._scene = deque(before.frames, SCENE_FRAMES)
        self._before = None


def followed(key: Detections, then: Poses, now: Poses, size: tuple[int, ...]) -> Detections:
    """The boxes of a keyframe, moved as the joints in them have moved since.

    Args:
        key: the people of the keyframe.
        then: their poses in it.
        now: their poses in the latest frame, in the same order.
        size: width and height of the frame.
    """
    moved = [
        box + np.tile(_movement(*parts), 2)
        for box, *parts in zip(key.boxes, then.keypoints, then.scores, now.keypoints, now.scores, strict=True)
    ]
    boxes = np.array(moved, np.float32).reshape(-1, 4)
    # A box that has left the frame stays as it was: the next keyframe knows better.
    gone = (boxes[:, 2] <= 0) | (boxes[:, 3] <= 0) | (boxes[:, 0] >= size[0]) | (boxes[:, 1] >= size[1])
    return Detections(np.where(gone[:, None], key.boxes, boxes), key.scores)


def _movement(before: Floats, certain_before: Floats, after: Floats, certain_after: Floats) -> NDArray[np.float32]:
    seen = (certain_before >= SEEN) & (certain_after >= SEEN)
    if seen.sum() < FEW:
        return np.zeros(2, np.float32)
    return np.asarray(np.median(after[seen] - before[seen], axis=0), np.float32)
