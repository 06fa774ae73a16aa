"""Segments: the part of a video, and the person in it, that a row of a table labels."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from posec3d_cli.answers import Who, person_text, read_person
from posec3d_cli.errors import BadDataset, StageMismatch
from posec3d_cli.files.csv_tables import Row
from posec3d_cli.results import VideoPoses
from posec3d_cli.tracking.similarity import box_overlap
from posec3d_cli.tracking.tracks import Tracks

START, END, PERSON, BOX = "start", "end", "person", "box"
"""The columns of a segment; a table without the first two labels whole videos."""
SAME_PERSON = 0.3
"""The least overlap of the boxes of one person in two runs of a detector."""


@dataclass(frozen=True)
class Segment:
    """A part of a video, and whom a label is about.

    Attributes:
        start: its first frame.
        stop: the frame after its last; None: the end of the video.
        person: the track id of the person, those of two who do it together, or a name that says nothing of tracks;
            None: everybody.
        box: a frame, and x1, y1, x2, y2 in pixels of the person's box there, of each of two people one after the
            other, which finds them where track ids are others; None: the track ids alone do.
    """

    start: int = 0
    stop: int | None = None
    person: Who | str = None
    box: tuple[float, ...] | None = None

    def __str__(self) -> str:
        """As it stands in names of clips: "[120:240, person 1]"."""
        part = "" if self == Segment(0, None, self.person, self.box) else f"{self.start}:{self.stop or ''}"
        who = self.person if isinstance(self.person, str) else person_text(self.person)
        person = f"person {who}" if who else ""
        return f"[{', '.join(filter(None, (part, person)))}]"

    def frames(self, count: int) -> range:
        """Its frames in a video of `count` frames.

        Raises:
            StageMismatch: the video ends earlier.
        """
        stop = count if self.stop is None else self.stop
        if stop > count:
            raise StageMismatch(f"the segment {self} ends after the last of {count} frames")
        return range(self.start, stop)

    def of_each(self) -> tuple[Segment, ...]:
        """The segment of each of the people that it names; itself where that is one or nobody."""
        if not isinstance(self.person, tuple):
            return (self,)
        boxes = [None, None] if self.box is None else [self.box[:5], (self.box[0], *self.box[5:])]
        return tuple(replace(self, person=one, box=box) for one, box in zip(self.person, boxes, strict=True))

    def find_people(self, video_poses: VideoPoses) -> list[int]:
        """The track ids that the people have in these poses; empty where nobody in particular is meant.

        Raises:
            StageMismatch: one of them is not in them, or both are the same.
        """
        if self.person is None:
            return []
        tracks = video_poses.tracks()
        found = [one._find(tracks, video_poses) for one in self.of_each()]
        if len({*found}) < len(found):
            raise StageMismatch(f"the two people of the segment {self} are one in the poses of this run")
        return found

    def _find(self, tracks: Tracks, video_poses: VideoPoses) -> int:
        if not isinstance(self.person, int):
            raise StageMismatch(f"the person {self.person!r} is no track id of the poses")
        if self.box is None:
            if self.person not in tracks.ids:
                raise StageMismatch(f"there is no person {self.person} in the poses of this run")
            return self.person
        return self._at_box(tracks, video_poses)

    def _at_box(self, tracks: Tracks, video_poses: VideoPoses) -> int:
        assert self.box is not None
        frame, *box = self.box
        column = int(np.abs(video_poses.frame_indices - frame).argmin())
        here = np.flatnonzero(tracks.present[:, column])
        overlaps = box_overlap(tracks.boxes[here, column].astype(np.float64), np.array([box], np.float64))
        if not len(here) or overlaps.max() < SAME_PERSON:
            raise StageMismatch(f"nobody is where person {self.person} was in frame {frame:.0f}")
        return int(tracks.ids[here[int(overlaps.argmax())]])


def read_segment(path: object, row: Row, columns: tuple[str, ...]) -> Segment | None:
    """The segment that a row labels; None where it labels a whole video.

    Args:
        path: of the table, for messages.
        row: of the table.
        columns: the headings of the table; without both START and END, every row labels a whole video.

    Raises:
        BadDataset: a cell cannot be meant so.
    """
    if not {START, END} <= set(columns) or not any(row[name] for name in (START, END, PERSON)):
        return None
    start, stop = (_frame(path, row, name) for name in (START, END))
    if stop is not None and (start or 0) >= stop:
        raise BadDataset(
            f"{path}: line {row.line}: a segment from frame {start or 0} to {stop} is empty",
            hint=f"{START} is the first frame, {END} the frame after the last",
        )
    person: Who | str = row[PERSON]
    with suppress(ValueError):
        person = read_person(row[PERSON])
    return Segment(start or 0, stop, person, _box(path, row, 2 if isinstance(person, tuple) else 1))


def _frame(path: object, row: Row, name: str) -> int | None:
    text = row[name]
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise BadDataset(
            f"{path}: line {row.line}: {name} must be a frame number, 0 or more, got {text!r}",
            hint=f"in a table with the columns {START} and {END}, these are frames counted from 0",
        )
    return int(text)


def _box(path: object, row: Row, people: int) -> tuple[float, ...] | None:
    text = row[BOX]
    if not text:
        return None
    try:
        values = tuple(map(float, text.split()))
    except ValueError:
        values = ()
    if len(values) != 1 + 4 * people:
        each = " of each of the two people" if people > 1 else ""
        raise BadDataset(
            f"{path}: line {row.line}: {BOX} must be a frame and x1 y1 x2 y2{each} with blanks between, got {text!r}"
        )
    return values
