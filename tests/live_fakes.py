"""Live sources and outputs of a few lines each, for tests of what happens between them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from posec3d_cli.live.answers import Counts, Doing, LiveAnswer
from posec3d_cli.live.outputs import Quiet
from posec3d_cli.types import ActionScores, Detections, Poses
from posec3d_cli.video.capture import StateChange
from posec3d_cli.video.live_address import LiveAddress

LABELS = ("fall", "walk", "unknown")


@dataclass
class Given:
    """A frame that a test made."""

    number: int
    seconds: float
    session: int = 0
    size: tuple[int, int] = (80, 60)

    def pixels(self):
        return np.full((self.size[1], self.size[0], 3), 90, np.uint8)


class Capture:
    """Gives the frames of a list, one after the other; strings between them are states that are told."""

    address = LiveAddress("rtsp://camera/1", "network", "rtsp://me:secret@camera/1")

    def __init__(self, given, stop=None, late=0.0):
        self._given, self._changes, self._stop, self._late = list(given), [], stop, late
        self.decoded = self.damaged = 0
        self.ended = False

    def next(self, after, timeout):
        while self._given and isinstance(self._given[0], str):
            self._changes.append(StateChange(self._given.pop(0), "as the test says", time.monotonic()))
        if not self._given:
            self.ended = True
            if self._stop is not None:
                self._stop.set()
            return None
        time.sleep(self._late)
        frame = self._given.pop(0)
        self.decoded = frame.number + 1
        return frame

    def changes(self):
        told, self._changes = self._changes, []
        return told


@dataclass
class Kept(Quiet):
    """Keeps everything that it is told."""

    looks: bool = False
    frames: list = field(default_factory=list)
    answers: list = field(default_factory=list)
    states: list = field(default_factory=list)
    alerts: list = field(default_factory=list)

    @property
    def wants_frames(self):
        return self.looks

    def frame(self, pixels, seconds):
        self.frames.append((pixels, seconds))

    def answer(self, answer):
        self.answers.append(answer)

    def status(self, status):
        self.states.append(status.state)

    def alert(self, alert):
        self.alerts.append(alert)


def answer(seconds, min_score=0.5, **people):
    """An answer at a time in which `p1="fall"` says what person 1 does."""
    doings = []
    for who, label in people.items():
        probabilities = np.array([0.8 if one == label else 0.1 for one in LABELS], np.float32)
        doings.append(Doing(int(who[1:]), ActionScores(probabilities, LABELS), min_score))
    return LiveAnswer(seconds, 2.0, 20, tuple(doings), 0.25, 10.0, Counts(100, 40, 2))


def people_at(*places, score=0.9):
    """People of 20 x 40 pixels whose joints spread over their box."""
    boxes = np.array([[x - 10, y - 20, x + 10, y + 20] for x, y in places], np.float32).reshape(-1, 4)
    spread = np.linspace(-1, 1, 17, dtype=np.float32)
    joints = [np.stack([x + 8 * spread, y + 18 * spread[::-1]], axis=1) for x, y in places]
    keypoints = np.array(joints, np.float32).reshape(-1, 17, 2)
    scores = np.full(len(boxes), 0.9, np.float32)
    return Detections(boxes, scores), Poses(keypoints, np.full(keypoints.shape[:2], score, np.float32))
