"""Link the objects of single frames over time, and interpolate where one was not found for a moment.

A small, fast or half hidden thing, such as a ball, is found in some frames and not in others. Objects of one class are
linked frame by frame, the most similar pair first; there is no optimal assignment and no velocity: objects that matter
are few, and the gaps are short.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from posec3d_cli.tracking.similarity import Doubles, box_area, box_overlap
from posec3d_cli.types import Ints, Objects, ObjectTracks

MAX_GAP = 0.5  # seconds for which an object may be missed and keep its track
MISSES = 3  # frames that it may always be missed in, however far apart the frames are
REACH = 1.0  # sizes of its own that an object may move from sighting to sighting, the size being the root of its area
SPEED = 1.0  # diagonals of the frame that it may move further per second
FURTHEST = 0.25  # diagonals that it may move further at most
SAME_SIZE = 0.25  # smallest ratio of the areas of one object at two sightings


@dataclass(eq=False)
class _Track:
    """An object so far."""

    name: str
    seconds: float = 0.0
    sighting: int = 0  # number of the last frame, of those that were searched, in which it was found
    columns: list[int] = field(default_factory=list)
    boxes: list[Doubles] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)

    def extend(self, column: int, sighting: int, seconds: float, box: Doubles, score: float) -> None:
        self.sighting, self.seconds = sighting, seconds
        self.columns.append(column)
        self.boxes.append(box)
        self.scores.append(score)


def link_objects(
    objects: Sequence[Objects | None],
    *,
    seconds: Sequence[float] | NDArray[np.float64],
    frame_size: tuple[int, int],
    cuts: Collection[int] = (),
    max_gap: float = MAX_GAP,
) -> ObjectTracks | None:
    """Link the objects of T frames, class by class, and interpolate boxes and scores in between.

    Two sightings can be one object where it was missed for at most `max_gap` seconds or `MISSES` frames, whichever is
    longer, where its size stays within a factor of four in area, and where it moved at most its own size, and `SPEED`
    diagonals of the frame per second besides, but no more than `FURTHEST`. Of the pairs that can be, the most similar
    are linked first: similarity is the mean of the intersection over union and of the nearness of the centres.

    Args:
        objects: of each frame; None: nothing but people was looked for in it, which is no miss.
        seconds: `(T,)` the time of each frame, in ascending order.
        frame_size: (H, W) in pixels.
        cuts: the frames of the T that begin a new shot: every track ends there.
        max_gap: in seconds.

    Returns:
        None if nothing but people was looked for in any frame.
    """
    searched = [(column, found) for column, found in enumerate(objects) if found is not None]
    if not searched:
        return None
    times = np.asarray(seconds, np.float64)
    diagonal = float(np.hypot(*frame_size))
    shots = np.searchsorted(np.sort(np.array([*cuts], np.int64)), np.arange(len(objects)), side="right")
    tracks: list[_Track] = []
    alive: list[_Track] = []
    for sighting, (column, found) in enumerate(searched):
        now = float(times[column])
        alive = [
            track
            for track in alive
            if shots[track.columns[-1]] == shots[column]
            and (sighting - track.sighting - 1 <= MISSES or now - track.seconds <= max_gap)
        ]
        boxes, names = found.boxes.astype(np.float64), found.class_names
        pairs = _pairs(alive, boxes, names, now, diagonal)
        for row, (box, name, score) in enumerate(zip(boxes, names, found.scores.tolist(), strict=True)):
            track = pairs.get(row)
            if track is None:
                track = _Track(name)
                tracks.append(track)
                alive.append(track)
            track.extend(column, sighting, now, box, score)
    names_known = tuple(dict.fromkeys(name for _, found in searched for name in found.names))
    return _rows(tracks, times, names_known)


def _pairs(
    tracks: Sequence[_Track], boxes: Doubles, names: Sequence[str], now: float, diagonal: float
) -> dict[int, _Track]:
    """The track that each object continues, by its row; the most similar pairs first."""
    if not tracks or not len(boxes):
        return {}
    last = np.stack([track.boxes[-1] for track in tracks])
    passed = np.array([now - track.seconds for track in tracks])
    size, new_size = box_area(last)[:, None], box_area(boxes)[None]
    centres, new_centres = (last[:, :2] + last[:, 2:]) / 2, (boxes[:, :2] + boxes[:, 2:]) / 2
    apart = np.linalg.norm(centres[:, None] - new_centres[None], axis=-1)
    reach = REACH * np.sqrt(np.maximum(size, new_size)) + diagonal * np.minimum(SPEED * passed, FURTHEST)[:, None]
    may = np.array([[track.name == name for name in names] for track in tracks])
    may &= (apart <= reach) & (np.minimum(size, new_size) >= SAME_SIZE * np.maximum(size, new_size))
    similarity = np.where(may, box_overlap(last, boxes) + 1 - apart / np.maximum(reach, 1e-9), -1.0)
    taken: dict[int, _Track] = {}
    for place in np.argsort(-similarity, axis=None, kind="stable").tolist():
        number, row = divmod(place, len(boxes))
        if similarity[number, row] < 0:
            break
        if row not in taken and tracks[number] not in taken.values():
            taken[row] = tracks[number]
    return taken


def _rows(tracks: Sequence[_Track], times: Doubles, names: tuple[str, ...]) -> ObjectTracks:
    """One row in each frame from the first to the last sighting of each track."""
    spans = [np.arange(track.columns[0], track.columns[-1] + 1) for track in tracks]
    parts: dict[str, list[NDArray[np.generic]]] = {"boxes": [], "scores": [], "found": []}
    for track, span in zip(tracks, spans, strict=True):
        values = np.column_stack([np.array(track.boxes), track.scores])
        seen = np.isin(span, track.columns)
        if not seen.all():
            at, known = times[span], times[track.columns]
            values = np.column_stack([np.interp(at, known, one) for one in values.T])
        parts["boxes"].append(values[:, :4])
        parts["scores"].append(values[:, 4])
        parts["found"].append(seen)
    columns = np.concatenate([np.zeros(0, np.int64), *spans])
    numbers = np.repeat(np.arange(len(tracks), dtype=np.int64), [len(span) for span in spans])
    order = np.lexsort([numbers, columns])
    classes: Ints = np.array([names.index(track.name) for track in tracks], np.int64)
    return ObjectTracks(
        columns=columns[order],
        tracks=numbers[order],
        boxes=np.concatenate([np.zeros((0, 4)), *parts["boxes"]]).astype(np.float32)[order],
        scores=np.concatenate([np.zeros(0), *parts["scores"]]).astype(np.float32)[order],
        classes=classes[numbers[order]],
        found=np.concatenate([np.zeros(0, bool), *parts["found"]])[order],
        names=names,
    )
