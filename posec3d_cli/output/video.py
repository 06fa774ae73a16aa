"""Annotated videos: the headline, the people and their tags in each frame, and the objects on request.

A frame speaks of the windows that it lies in: its headline says what is done in them, and each person's tag what this
person does there, as `#0 squat 57%`. What an answer `unknown` would have been has a question mark: `? sit 15%`. Who
counts for little in these windows is drawn faintly and has no tag.

People whose best action in these windows is one that they do together have the tag of the pair, `#0+3 hug 80%`.
Of a video with a timeline, a frame speaks of its segments in the same way, and of the people who have one.

Of the objects, those are drawn that score `OBJECT_SHOWN` somewhere in the video, as `sports ball 84%`. Where the
detector missed one for a moment, its interpolated box is thin and its name in brackets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from posec3d_cli.answers import Pair, PairInWindow, people_of, person_text, weighted_mean
from posec3d_cli.config import DEFAULT_READER
from posec3d_cli.files.marks import MARK
from posec3d_cli.files.writing import check_free
from posec3d_cli.output.draw import DrawnObject, Figure
from posec3d_cli.results import (
    NO_PERSON_IN_WORDS,
    ClipResult,
    PersonInWindow,
    WindowScores,
    min_score_of,
    unless_named,
)
from posec3d_cli.types import ActionScores, ObjectTracks
from posec3d_cli.video import SoundOf, VideoWriter, open_video

FAINT = 0.1  # of the weight of the one who counts most in a window; who counts less is drawn faintly
OBJECT_SHOWN = 0.25  # the best score of an object that is drawn, as of people by default: weaker ones flicker
NO_OBJECTS = "no objects are drawn: the detector finds people only"


def headline(result: ClipResult, frame: int, min_score: float | None = None, *, timeline: bool = False) -> str:
    """The action at a frame with its probability in per cent; "no person" if its windows have no person.

    Args:
        result: of the video.
        frame: its number.
        min_score: of an action that is named without a question mark; None for that of the result's pipeline.
        timeline: say the actions of the segments at the frame.
    """
    if timeline:
        here = [one.scores for one in result.segments if one.start <= frame < one.stop and one.scores is not None]
        said = [_spelled(scores, min_score_of(result, min_score)) for scores in here]
        return ", ".join(said) or NO_PERSON_IN_WORDS
    known = [window.scores for window in _around(result, frame) if window.scores is not None]
    if not known:
        return NO_PERSON_IN_WORDS
    return _spelled(weighted_mean(known, [1.0] * len(known)), min_score_of(result, min_score))


def figures_at(
    result: ClipResult, frame: int, column: int | None, min_score: float | None = None, *, timeline: bool = False
) -> list[Figure]:
    """The people to draw in a frame, the most important first.

    Args:
        result: of the video.
        frame: its number.
        column: where the frame stands among those that were posed; None: it was not, and shows nobody.
        min_score: of an action that is named without a question mark; None for that of the result's pipeline.
        timeline: name the action of each person's segment at the frame, not that of the windows.
    """
    if column is None:
        return []
    video_poses = result.video_poses
    tags = (_segment_tags if timeline else _tags)(result, frame, min_score_of(result, min_score))
    found, poses = video_poses.detections[column], video_poses.poses[column]
    figures = [
        Figure(
            track_id,
            found.boxes[row],
            poses.keypoints[row],
            poses.scores[row],
            tags.get(track_id, ""),
            faint=track_id not in tags,
        )
        for row, track_id in enumerate(video_poses.track_ids[column].tolist())
        if track_id >= 0
    ]
    order = list(tags)
    return sorted(figures, key=lambda one: order.index(one.track_id) if one.track_id in tags else len(order))


def objects_to_draw(tracks: ObjectTracks) -> ObjectTracks:
    """The tracks that score `OBJECT_SHOWN` somewhere."""
    best = np.zeros(int(tracks.tracks.max(initial=-1)) + 1, np.float32)
    np.maximum.at(best, tracks.tracks, tracks.scores)
    return tracks.take(best[tracks.tracks] >= OBJECT_SHOWN)


def objects_at(tracks: ObjectTracks, column: int | None) -> list[DrawnObject]:
    """The objects to draw in a frame, best first.

    Args:
        tracks: of `objects_to_draw`.
        column: as of `figures_at`.
    """
    if column is None:
        return []
    here = tracks.in_frame(column)
    drawn = []
    for row in np.argsort(-here.scores, kind="stable").tolist():
        name, found = here.names[here.classes[row]], bool(here.found[row])
        label = f"{name} {100 * here.scores[row]:.0f}%" if found else f"({name})"
        drawn.append(DrawnObject(here.boxes[row], label, faint=not found))
    return drawn


def _pair_tags(result: ClipResult, frame: int, min_score: float) -> dict[int, str]:
    """The tags of people who do something together in the windows around a frame."""
    read: dict[Pair, list[PairInWindow]] = {}
    for window in _around(result, frame):
        for pair in window.pairs:
            read.setdefault(pair.people, []).append(pair)
    tags: dict[int, str] = {}
    for ids, parts in read.items():
        if all(one.together for one in parts):
            scores = weighted_mean([one.scores for one in parts], [1.0] * len(parts))
            tags |= dict.fromkeys(ids, f"#{person_text(ids)} {_spelled(scores, min_score)}")
    return tags


def _tags(result: ClipResult, frame: int, min_score: float) -> dict[int, str]:
    """The tags of the main people around a frame, the most important first, by track id."""
    if result.sampling.people != "each":  # nobody has an answer of their own
        return {person.id: f"#{person.id}" for person in result.people}
    read: dict[int, list[PersonInWindow]] = {}
    for window in _around(result, frame):
        for person in window.people:
            read.setdefault(person.id, []).append(person)
    weights = {track_id: sum(one.weight for one in parts) for track_id, parts in read.items()}
    most = max(weights.values(), default=0.0)
    of_pairs = _pair_tags(result, frame, min_score)
    return {
        track_id: of_pairs.get(track_id) or f"#{track_id} {_spelled(_mean(read[track_id]), min_score)}"
        for track_id in sorted(weights, key=lambda one: -weights[one])
        if weights[track_id] >= FAINT * most
    }


def _segment_tags(result: ClipResult, frame: int, min_score: float) -> dict[int, str]:
    """As `_tags`, of the segments at a frame."""
    if result.sampling.people != "each":
        return _tags(result, frame, min_score)
    return {
        person: f"#{person_text(one.person)} {_spelled(one.scores, min_score)}"
        for one in result.segments
        if one.start <= frame < one.stop and one.scores is not None
        for person in people_of(one.person)
    }


def _around(result: ClipResult, frame: int) -> list[WindowScores]:
    return [window for window in result.windows if window.start <= frame < window.stop]


def _mean(parts: Sequence[PersonInWindow]) -> ActionScores:
    return weighted_mean([one.scores for one in parts], [one.weight for one in parts])


def _spelled(scores: ActionScores, min_score: float) -> str:
    guess = unless_named(scores, min_score)
    label, probability = guess or scores.top(1)[0]
    return f"{'? ' if guess else ''}{label} {100 * probability:.0f}%"


def save_video(
    result: ClipResult,
    path: str | Path,
    *,
    min_score: float | None = None,
    draw_objects: bool = False,
    timeline: bool = False,
    overwrite: bool = False,
    reader: str = DEFAULT_READER,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[str, ...]:
    """Write the video with everybody's skeleton and box and the label drawn, with its sound, as H.264.

    Rate and size are those in which it is shown. The sound is copied where MP4 can hold it, and becomes AAC elsewhere.

    What each frame says and whom it shows: `posec3d_cli.output.video`. The video is decoded once more; frames that were
    not posed show the label only. Letters that OpenCV cannot draw are replaced, see `posec3d_cli.output.draw.plain`.

    Args:
        result: the answer, with poses in every frame that shows people.
        path: the video to write.
        min_score: of an action that is named without a question mark; None for that of the result's pipeline.
        draw_objects: also draw the objects that the detector found.
        timeline: say what the segments say; where the result is long, they are drawn anyway.
        overwrite: replace a file that is there.
        reader: name of the video reader.
        progress: called with the number of frames done and of all.

    Returns:
        Sentences about what could not be kept, or not drawn.

    Raises:
        OutputExists: `path` is already there and `overwrite` was not said.
        OutputError: it cannot be written.
    """
    from posec3d_cli.output.draw import annotate

    path = Path(path)
    video_poses, info = result.video_poses, result.video
    check_free(path, overwrite=overwrite, source=result.path)
    column_of = {int(index): column for column, index in enumerate(video_poses.frame_indices)}
    size = (info.width, info.height)
    found = video_poses.object_tracks() if draw_objects else None
    tracks = None if found is None else objects_to_draw(found)
    segments = timeline or result.is_long
    uneven = info.boundaries is not None or info.variable_rate or info.lost_frames > 0 or len(video_poses.lost) > 0
    with (
        open_video(result.path, reader=reader) as video,
        VideoWriter(path, fps=info.fps, size=size, sound=SoundOf(result.path, info.start), comment=MARK) as writer,
    ):
        for done, frame in enumerate(video.frames(), start=1):
            column = column_of.get(frame.index)
            figures = figures_at(result, frame.index, column, min_score, timeline=segments)
            objects = [] if tracks is None else objects_at(tracks, column)
            text = headline(result, frame.index, min_score, timeline=segments)
            pixels = annotate(frame.pixels, figures, video_poses.skeleton.limbs, text, objects)
            writer.write(pixels, frame.seconds if uneven else None)
            if progress is not None:
                progress(done, max(done, info.frame_count))
    undrawn = NO_OBJECTS if draw_objects and tracks is None else ""
    return tuple(sentence for sentence in (writer.lost_sound, undrawn) if sentence)
