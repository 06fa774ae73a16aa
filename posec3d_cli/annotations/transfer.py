"""Export annotations to files of other tools, and import them: one outcome per video, the rest goes on."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from posec3d_cli.annotations.boundaries import FrameBoundaries
from posec3d_cli.annotations.formats import Choices, FoundSegment, FoundVideo, Reader, Writer
from posec3d_cli.annotations.predicted import predicted_segments
from posec3d_cli.annotations.segments import AnnotatedVideo, Boxes, Segment, segment_label
from posec3d_cli.annotations.truth import TruthRow, in_order, is_truth, modified, read_truth
from posec3d_cli.answers import read_person
from posec3d_cli.batch.output_names import without_suffixes
from posec3d_cli.batch.saved_results import SavedResult, read_results
from posec3d_cli.errors import InputError, PoseC3DError
from posec3d_cli.files.input_paths import problem_of
from posec3d_cli.files.relative_paths import RelativePaths
from posec3d_cli.files.writing import atomic_write, check_free
from posec3d_cli.pose_files import is_pose_file, read_pose_file
from posec3d_cli.results import FAILED
from posec3d_cli.video.probe import probe

_BEYOND = 1.0  # frames; a segment that ends so much after its video is cut off with a note


@dataclass(frozen=True)
class Failed:
    """A video, or a part of it, that could not be transferred.

    Attributes:
        name: of the video.
        reason: why.
    """

    name: str
    reason: str


@dataclass(frozen=True, eq=False)
class Loaded:
    """Videos with their segments.

    Attributes:
        videos: those that could be read.
        vocabulary: every label to choose from.
        failed: what could not be.
        notes: sentences about what was left out on purpose, or adapted.
    """

    videos: tuple[AnnotatedVideo, ...]
    vocabulary: tuple[str, ...]
    failed: tuple[Failed, ...]
    notes: tuple[str, ...]


def load(source: Path, *, root: Path | None = None, poses: Path | None = None, min_score: float = 0.0) -> Loaded:
    """The videos and segments of saved results, or of a table of ground truth.

    Args:
        source: see `posec3d_cli.batch.saved_results.read_results`; or a table with the columns video,label and perhaps
            start,end,person.
        root: where the names of the videos begin.
        poses: the folder of the pose files of `label --save-poses`; None: no boxes are known.
        min_score: where the best label scores less, a prediction is `unknown`.

    Raises:
        InputError: the file cannot be used.
    """
    if (problem := problem_of(source)) is not None:
        raise InputError(problem[0], hint=problem[1])
    truth = is_truth(source)
    paths = RelativePaths(source, root)
    notes: list[str] = []
    named: dict[str, tuple[Path | None, list[SavedResult | TruthRow]]] = {}
    if truth:
        rows = read_truth(source)
        vocabulary = {row.label for row in rows}
        for row in rows:
            named.setdefault(row.video, (paths.find(row.video), []))[1].append(row)
    else:
        saved = read_results(source, root)
        vocabulary = {segment_label(label) for label in saved.labels}
        lost = sum(one.status == FAILED for one in saved.results)
        if lost:
            notes.append(f"left out {lost} that failed when they were labeled")
        for one in saved.results:
            if one.status != FAILED:
                named.setdefault(one.name, (one.path, []))[1].append(one)
    videos: list[AnnotatedVideo] = []
    failed: list[Failed] = []
    for name, (path, said) in named.items():
        try:
            video = _video(name, path, paths)
            segments = [segment for one in said for segment in _segments_of(one, video, min_score)]
            boxes = {} if poses is None else _boxes(poses, name, video)
            videos.append(replace(video, segments=in_order(segments), boxes=boxes))
        except PoseC3DError as error:
            failed.append(Failed(name, f"{error.what}{'; ' * bool(error.hint)}{error.hint}"))
    return Loaded(tuple(videos), tuple(sorted(vocabulary)), tuple(failed), tuple(notes))


def _segments_of(said: SavedResult | TruthRow, video: AnnotatedVideo, min_score: float) -> list[Segment]:
    if isinstance(said, TruthRow):
        return [said.segment(len(video.times))]
    return predicted_segments(said, len(video.times), min_score)


def _video(name: str, path: Path | None, paths: RelativePaths) -> AnnotatedVideo:
    if path is None:
        raise InputError(f"there is no file {name!r}", hint=paths.hint([name]))
    if is_pose_file(path):
        raise InputError(f"{path} is a pose file, and annotation tools show videos")
    table = probe(path)
    return AnnotatedVideo(table.info, name, FrameBoundaries.of_table(table), ())


def _boxes(poses: Path, name: str, video: AnnotatedVideo) -> Boxes:
    """The boxes of everybody in a video, by track id and frame."""
    stems = (name, str(Path(name).with_suffix("")))
    file = next((path for stem in stems if (path := poses / f"{stem}.npz").is_file()), None)
    if file is None:
        raise InputError(f"{poses} has no pose file of it", hint="`posec3d label --save-poses DIR` writes them")
    (found,) = read_pose_file(file)
    if found.video.frame_count != len(video.times):
        raise InputError(f"{file} is of {found.video.frame_count} frames, and the video has {len(video.times)}")
    boxes: Boxes = {}
    for frame, people, ids in zip(found.frame_indices, found.detections, found.track_ids, strict=True):
        for box, track in zip(people.boxes, ids, strict=True):
            if track >= 0:
                boxes.setdefault(str(track), {})[int(frame)] = box
    return boxes


def target_files(loaded: Loaded, writer: Writer, output: Path) -> list[tuple[Path, list[AnnotatedVideo]]]:
    """The files to write, by the name without what the format puts behind it, with their videos.

    A format with a file per video takes a folder, or the name of the file where there is one video.
    """
    if not writer.per_video:
        return [(output.with_suffix(""), list(loaded.videos))] if loaded.videos else []
    if output.suffix.lower() == writer.suffix:
        if len(loaded.videos) + len(loaded.failed) > 1:
            raise InputError(
                f"{output} would hold one video, and there are {len(loaded.videos) + len(loaded.failed)}",
                hint="name a folder: a file per video is written into it",
            )
        return [(output, list(loaded.videos))] if loaded.videos else []
    paths = [os.path.abspath(video.path) for video in loaded.videos]
    top = os.path.commonpath([os.path.dirname(path) for path in paths]) if paths else ""
    names = [Path(os.path.relpath(path, top)).as_posix() for path in paths]
    return [
        (output / f"{stem}{writer.suffix}", [video])
        for stem, video in zip(without_suffixes(names), loaded.videos, strict=True)
    ]


def export(
    loaded: Loaded, writer: Writer, output: Path, choices: Choices, *, overwrite: bool = False
) -> tuple[list[Path], list[Failed]]:
    """Write the files of a format; returns those that were written, and the videos that it cannot hold.

    Raises:
        InputError: the output is one file, and the format needs several.
        OutputExists, OutputError: a file is there, or cannot be written.
    """
    failed: list[Failed] = []
    good = []
    for video in loaded.videos:
        try:
            writer.check(video)
            good.append(video)
        except InputError as error:
            failed.append(Failed(video.name, f"{error.what}{'; ' * bool(error.hint)}{error.hint}"))
    kept = replace(loaded, videos=tuple(good), failed=(*loaded.failed, *failed))
    targets = target_files(kept, writer, output)
    contents = {}
    for target, videos in targets:
        for behind, content in writer.write(videos, loaded.vocabulary, choices).items():
            contents[target.with_name(target.name + behind)] = content
    for path in contents:
        if writer.per_video and output.suffix.lower() != writer.suffix:
            path.parent.mkdir(parents=True, exist_ok=True)
        check_free(path, overwrite=overwrite)
    for path, content in contents.items():
        with atomic_write(path, overwrite=overwrite) as part:
            part.write_bytes(content)
    return list(contents), failed


def read_annotations(
    files: Sequence[Path], readers: Mapping[Path, Reader], choices: Choices, *, root: Path | None, reviewer: str
) -> Loaded:
    """The videos and segments that files of other tools hold; each video must be found, for its frames.

    Args:
        files: of other tools.
        readers: the format of each.
        choices: what the user says about them.
        root: where the names of the videos begin; None: beside each file.
        reviewer: who set the segments of which a file does not say it.
    """
    merged: dict[Path, AnnotatedVideo] = {}
    first: dict[Path, Path] = {}
    failed: list[Failed] = []
    notes: list[str] = []
    strangers: dict[str, str] = {}
    for file in files:
        try:
            found = readers[file].read(_content(file), choices)
        except PoseC3DError as error:
            failed.append(Failed(str(file), f"{error.what}{'; ' * bool(error.hint)}{error.hint}"))
            continue
        paths = RelativePaths(file, root)
        for one in found:
            name = next(iter(one.names), str(file))
            notes += [f"{file}: {text}" for text in one.notes]
            failed += [Failed(name, text) for text in one.problems]
            if not one.names and not one.segments:
                continue
            try:
                path = _file_of(one, paths)
                if (place := path.resolve()) in first:
                    raise InputError(
                        f"{first[place]} is about the same video", hint="import them one by one, and choose"
                    )
                video = _video(name, path, paths)
                first[place] = file
            except PoseC3DError as error:
                failed.append(Failed(name, f"{error.what}{'; ' * bool(error.hint)}{error.hint}"))
                continue
            segments: list[Segment] = []
            for each in one.segments:
                try:
                    segment, late = segment_in_frames(each, one, video.times)
                except InputError as error:
                    failed.append(Failed(name, error.what))
                    continue
                if late > _BEYOND:
                    notes.append(f"{name}: {segment.label!r} ends {late:.0f} frames after the video, is cut off there")
                if segment.person and not _is_track(segment.person):
                    strangers.setdefault(segment.person, name)
                    segment = replace(segment, person="")
                by = segment.reviewer or reviewer
                segments.append(replace(segment, reviewer=by, time=segment.time or modified(file)))
            merged[place] = replace(video, segments=in_order(segments))
    notes += [
        f"{name}: {person!r} is no track id of a person, so that its segments are about everybody"
        for person, name in strangers.items()
    ]
    vocabulary = {one.label for video in merged.values() for one in video.segments}
    return Loaded(tuple(merged.values()), tuple(sorted(vocabulary)), tuple(failed), tuple(notes))


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error


def _file_of(found: FoundVideo, paths: RelativePaths) -> Path:
    for name in found.names:
        path = paths.find(name, lambda path: Path(path).is_file())
        if path is not None:
            return path
    names = ", ".join(map(repr, dict.fromkeys(found.names))) or "no video"
    raise InputError(f"it names {names}, and there is no such file", hint=paths.hint(list(found.names)))


def _is_track(person: str) -> bool:
    """Whether a person of a file is a track id, or two of them, as 0+3."""
    try:
        return read_person(person) is not None
    except ValueError:
        return False


def segment_in_frames(found: FoundSegment, video: FoundVideo, times: FrameBoundaries) -> tuple[Segment, float]:
    """A segment in frames of its video, and how many frames it goes beyond the end of the video.

    Raises:
        InputError: it has no label, or holds no frame of the video.
    """
    label, frames = segment_label(found.label), len(times)
    if not label:
        raise InputError(f"a segment from {found.start:g} has no label")
    if video.in_frames:
        start, stop = int(found.start), frames if found.stop is None else int(found.stop)
        late = float(stop - frames)
    else:
        end = float(times.boundaries[-1])
        start = times.nearest(found.start)
        stop = frames if found.stop is None else times.nearest(found.stop)
        late = 0.0 if found.stop is None else (found.stop - end) * frames / end
    stop = min(stop, frames)
    if start >= stop:
        raise InputError(f"{label!r} from {found.start:g} to {found.stop} holds no frame of the video")
    person = segment_label(found.person)
    return Segment(label, start, stop, person, None, True, found.reviewer, found.time), late
