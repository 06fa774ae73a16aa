"""LiveRun: people and their actions in a live source, until it ends or somebody stops it."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from posec3d_cli.answers import people_of, person_text
from posec3d_cli.errors import StageMismatch
from posec3d_cli.live.alerts import AlertRules
from posec3d_cli.live.answers import Alert, Counts, Doing, LiveAnswer, SourceStatus, doings_of
from posec3d_cli.live.people import LivePeople, People
from posec3d_cli.live.window import LEAST_FRAMES, PoseWindow
from posec3d_cli.output.draw import Figure, annotate
from posec3d_cli.pipeline import Pipeline
from posec3d_cli.types import Frame, Pixels
from posec3d_cli.video.capture import Capture, LiveFrame

WINDOW = 2.0
"""Seconds that are read where the classifier's card states no window."""
SILENT = 2.0
"""Seconds without a frame after which a source is said to be silent."""
_WAIT = 0.25  # seconds, after which stopping and silence are looked for


class LiveOutput(Protocol):
    """Where a live run puts what it tells; `posec3d_cli.live.outputs` has some."""

    @property
    def wants_frames(self) -> bool:
        """Whether annotated frames are of use now: drawing them costs time."""

    def frame(self, pixels: Pixels, seconds: float) -> None:
        """Take an annotated frame; `seconds` is when it came, on the monotonic clock."""

    def answer(self, answer: LiveAnswer) -> None:
        """Take an answer."""

    def status(self, status: SourceStatus) -> None:
        """Take what happened to the source."""

    def alert(self, alert: Alert) -> None:
        """Take an alert, sent or suppressed."""


class LiveRun:
    """Reads the newest frame again and again, and gives an answer every `stride` seconds.

    Args:
        capture: the source, open.
        pipeline: the models. Its clip sampling says how long a window is, and how people are read.
        outputs: where everything goes.
        stride: seconds from one answer to the next.
        detect_every: people are detected in every N-th frame that is processed.
        alerts: what rings; None: nothing.

    Attributes:
        answered: the number of answers so far.

    Raises:
        StageMismatch: a classifier reads frames beside the poses, and those of a live source are not kept.
    """

    def __init__(
        self,
        capture: Capture,
        pipeline: Pipeline,
        outputs: Sequence[LiveOutput],
        *,
        stride: float = 1.0,
        detect_every: int = 5,
        alerts: AlertRules | None = None,
    ) -> None:
        if pipeline.recognizer.needs_frames:
            raise StageMismatch(
                "a classifier reads frames beside the poses, and those of a live source are not kept",
                hint="choose a classifier that reads poses alone",
            )
        self.capture, self.outputs, self.stride, self.alerts = capture, tuple(outputs), stride, alerts
        self._recognizer = pipeline.recognizer
        extractor = pipeline.extractor
        sampling = self._recognizer.sampling
        self._people = LivePeople(extractor.detector, extractor.pose, every=detect_every)
        self._window = PoseWindow(sampling.window_seconds or WINDOW, extractor.pose.skeleton, capture.address.shown)
        self._sampling = sampling.changed(window_seconds=0)
        self._limbs = extractor.pose.skeleton.limbs
        self._processed = 0
        self.answered = 0
        self._doings: tuple[Doing, ...] | None = None
        self._due = self._since = 0.0
        self._state = "connecting"

    @property
    def counts(self) -> Counts:
        """The frames of the run so far."""
        return Counts(self.capture.decoded, self._processed, self.capture.damaged)

    def warm_up(self) -> None:
        """Run every model once on nothing, so that the first answer is no later than the others."""
        people = self._people.once(Frame(np.zeros((480, 640, 3), np.uint8), 0, 0.0))
        window = PoseWindow(self._window.seconds, self._window.skeleton, "nothing")
        for number in range(LEAST_FRAMES):
            window.add(number * window.seconds / LEAST_FRAMES, people, (640, 480))
        self._recognizer.recognize(window.video_poses(), self._sampling)

    def run(self, stop: threading.Event) -> None:
        """Run until the source ends or `stop` is set.

        Raises:
            PoseC3DError: the source cannot be opened, a stage broke its protocol, or an output cannot be written.
        """
        after, session = -1, -1
        last = time.monotonic()
        while not stop.is_set():
            frame = self.capture.next(after, _WAIT)
            self._tell_changes()
            if frame is None:
                if self.capture.ended:
                    return
                self._tell_silence(last)
                continue
            if frame.session != session:
                session = frame.session
                self._window.clear()
                self._people.came_back()
                self._since = frame.seconds
            if self._state == "silent":
                self._tell(SourceStatus(time.time(), "live", "gives frames again"))
                self._since = frame.seconds
            after, last = frame.number, frame.seconds
            self._process(frame)

    def _process(self, frame: LiveFrame) -> None:
        pixels = frame.pixels()
        people = self._people.find(Frame(pixels, frame.number, frame.seconds))
        self._processed += 1
        self._window.add(frame.seconds, people, (pixels.shape[1], pixels.shape[0]))
        if not self._window.is_ready:
            self._tell_slowness(frame.seconds)
        else:
            self._since = frame.seconds
            if frame.seconds >= self._due:
                self._answer(frame)
        watching = [output for output in self.outputs if output.wants_frames]
        if watching:
            drawn = annotate(pixels, figures_of(people, self._doings or ()), self._limbs, self._headline())
            for output in watching:
                output.frame(drawn, frame.seconds)

    def _answer(self, frame: LiveFrame) -> None:
        if self._state == "slow":
            self._tell(SourceStatus(time.time(), "live", "enough frames are processed again"))
        self._due = frame.seconds + self.stride
        result = self._recognizer.recognize(self._window.video_poses(), self._sampling)
        self._doings = doings_of(result)
        first, last = self._window.span
        delay = time.monotonic() - frame.seconds
        answer = LiveAnswer(
            time=time.time() - delay,
            window_seconds=last - first,
            frames=len(self._window),
            doings=self._doings,
            delay=delay,
            fps=(len(self._window) - 1) / (last - first),
            counts=self.counts,
        )
        self.answered += 1
        for output in self.outputs:
            output.answer(answer)
        for alert in [] if self.alerts is None else self.alerts.update(answer):
            for output in self.outputs:
                output.alert(alert)

    def _headline(self) -> str:
        """What all do together, where people are not read each by themselves."""
        return "".join(spelled(one) for one in self._doings or () if one.person is None)

    def _tell_changes(self) -> None:
        for change in self.capture.changes():
            at = time.time() - (time.monotonic() - change.seconds)
            if change.state == "lost":
                self._doings = None
            self._tell(SourceStatus(at, change.state, change.text, change.pause))

    def _tell_silence(self, last: float) -> None:
        silent = time.monotonic() - last
        if self._state in ("live", "slow") and silent >= SILENT:
            self._tell(SourceStatus(time.time(), "silent", f"no frame for {silent:.0f} seconds"))

    def _tell_slowness(self, now: float) -> None:
        """Say once that no answer can come, where frames are processed too slowly for a window."""
        if self._state == "live" and now - self._since > 2 * self._window.seconds:
            text = (
                f"fewer than {LEAST_FRAMES} frames are processed in {self._window.seconds:g} s, too few for an answer"
            )
            self._tell(SourceStatus(time.time(), "slow", text))

    def _tell(self, status: SourceStatus) -> None:
        self._state = status.state
        for output in self.outputs:
            output.status(status)


def spelled(doing: Doing) -> str:
    """An action with its probability in per cent; `unknown` has what it would have been."""
    name = doing.label if doing.guess is None else f"? {doing.guess[0]}"
    return f"{name} {100 * doing.score:.0f}%"


def figures_of(people: People, doings: Sequence[Doing]) -> list[Figure]:
    """The people to draw, with what they did in the latest answer."""
    detections, poses, track_ids = people
    tags = {person: f"#{person_text(one.person)} {spelled(one)}" for one in doings for person in people_of(one.person)}
    return [
        Figure(
            track_id,
            detections.boxes[row],
            poses.keypoints[row],
            poses.scores[row],
            tags.get(track_id, f"#{track_id}"),
        )
        for row, track_id in enumerate(track_ids.tolist())
        if track_id >= 0
    ]
