"""Input files: list the videos and pose files that paths, folders and lists of files name."""

from __future__ import annotations

import codecs
import logging
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from posec3d_cli.batch.output_names import without_suffixes
from posec3d_cli.errors import InputError, counted
from posec3d_cli.files.csv_tables import CSV_SUFFIXES, read_csv
from posec3d_cli.files.relative_paths import RelativePaths
from posec3d_cli.pose_files import is_pose_file
from posec3d_cli.video import VIDEO_SUFFIXES

logger = logging.getLogger("posec3d")


@dataclass(frozen=True)
class InputFile:
    """One video or pose file to do.

    Attributes:
        path: where it is.
        name: its path below the deepest folder that holds everything that was named, with forward slashes.
        problem: why it cannot be looked into, for a folder that may not be read.
        stem: what the files that are made of it are called, without their suffix; empty: as `name`.
        named: it was named itself and not found below a folder.
    """

    path: Path
    name: str
    problem: str = ""
    stem: str = ""
    named: bool = False

    @property
    def folder(self) -> str:
        """The first folder of its name: the label of a sorted collection; empty where there is none."""
        first, slash, _ = self.name.partition("/")
        return first if slash else ""


def find(
    paths: Sequence[Path], *, glob: str | None = None, poses: bool = False, without: Collection[Path] = ()
) -> list[InputFile]:
    """The videos that are named and those below the folders that are named, each once, in order of their names.

    Hidden files and folders are left out. Links to folders are followed, but never into a folder that is being listed
    already. What is named itself is always taken, whatever it is called; what does not exist too.

    Args:
        paths: files and folders.
        glob: take the files below folders that match this instead of those with a video's suffix: a pattern of the
            file's name or, with slashes, of the end of its path.
        poses: take pose files too.
        without: folders not to look into.

    Raises:
        InputError: nothing is found.
    """
    roots = [Path(os.path.abspath(path)) for path in paths]
    left_out = {os.path.realpath(folder) for folder in without}
    found: dict[Path, str] = {}
    themselves = set()
    for path, root in zip(paths, roots, strict=True):
        if os.path.isdir(root) and not (poses and is_pose_file(root)):
            for file, problem in _below(path, root, (), left_out, glob, poses):
                found.setdefault(file, problem)
        else:
            found.setdefault(path, "")
            themselves.add(root)
    if not found:
        raise InputError(
            f"no video is found below {', '.join(map(str, paths))}",
            hint="a video is known by its suffix; --glob takes files of other names",
        )
    absolute = {Path(os.path.abspath(path)): path for path in reversed(found)}
    top = os.path.commonpath([root if os.path.isdir(root) else root.parent for root in roots])
    videos = [
        InputFile(path, place.relative_to(top).as_posix(), found[path], named=place in themselves)
        for place, path in absolute.items()
    ]
    return sorted(videos, key=lambda video: video.name)


def only_pose_files(files: Iterable[InputFile]) -> bool:
    """Whether all files are pose files: then no frame is read, and no detector and no pose model are needed."""
    return all(is_pose_file(file.path) for file in files)


def with_stems(found: Sequence[InputFile], known: Iterable[Path]) -> list[InputFile]:
    """The same, each with the name of the files that are made of it: without its suffix, unless two would be alike.

    What a run met before counts as if it were still there: a file never gets the name of one that another video left.

    Args:
        found: the videos; pose files among them, of which nothing is made, stand in nobody's way.
        known: the paths of those that earlier runs met.
    """
    videos = [os.path.abspath(one.path) for one in found if not is_pose_file(one.path)]
    gone = [os.path.abspath(path) for path in known if not is_pose_file(path)]
    paths = list(dict.fromkeys((*videos, *gone)))
    short = {path for path, stem in zip(paths, without_suffixes(paths), strict=True) if stem != path}
    return [
        replace(one, stem=str(PurePosixPath(one.name).with_suffix("")))
        if os.path.abspath(one.path) in short
        else replace(one, stem=one.name)
        for one in found
    ]


def read_list(file: Path, *, root: Path | None = None) -> list[Path]:
    """The paths of a text file, one a line, or of the column video of a CSV table; empty lines are left out.

    Where they begin: `posec3d_cli.files.relative_paths`. What is not there keeps its path, so that its row says
    so, and a warning is logged.
    Names in a text need not be UTF-8.

    Args:
        file: the list.
        root: where its relative paths begin.

    Raises:
        BadDataset: it is a table that cannot be used.
        InputError: it cannot be read, or names many files and none is there.
    """
    names = _names_in(file)
    paths = RelativePaths(file, root)
    found = [paths.find(name) for name in names]
    missing = [name for name, path in zip(names, found, strict=True) if path is None]
    if missing:
        count = counted(len(missing), "file")
        text = f"{file} names {count} of {len(names)} that cannot be found, the first is {missing[0]!r}"
        if len(missing) == len(names):
            raise InputError(text, hint=paths.hint(missing))
        logger.warning(f"{text}; {paths.hint(missing)}")
    return [path or paths.folders[0] / name for name, path in zip(names, found, strict=True)]


def _names_in(file: Path) -> list[str]:
    if file.suffix.lower() in CSV_SUFFIXES:
        return [row["video"] for row in read_csv(file, ("video",)).rows if row["video"]]
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return [line for line in content.decode("utf-16").splitlines() if line.strip()]
        except UnicodeDecodeError as error:
            raise InputError(f"{file} cannot be read: {error}") from error
    lines = content.removeprefix(codecs.BOM_UTF8).split(b"\n")
    return [os.fsdecode(line.rstrip(b"\r")) for line in lines if line.strip()]


def _below(
    path: Path, root: Path, above: tuple[tuple[int, int], ...], without: Collection[str], glob: str | None, poses: bool
) -> Iterator[tuple[Path, str]]:
    """The files below a folder, each with the problem that it has; `above` are the folders being listed."""
    try:
        status = path.stat()
        entries = sorted(os.scandir(path), key=lambda entry: entry.name)
    except OSError as error:
        yield path, f"{path} is a folder that cannot be read: {error.strerror}"
        return
    here = (status.st_dev, status.st_ino)
    if here in above or os.path.realpath(path) in without:
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        inner = path / entry.name
        if not os.path.isdir(inner):
            if _fits(inner, root, glob, poses):
                yield inner, ""
        elif poses and glob is None and is_pose_file(inner):
            yield inner, ""
        else:
            yield from _below(inner, root, (*above, here), without, glob, poses)


def _fits(file: Path, root: Path, glob: str | None, poses: bool) -> bool:
    if glob is not None:
        return PurePosixPath(Path(os.path.abspath(file)).relative_to(root)).match(glob)
    return file.suffix.lower() in VIDEO_SUFFIXES or (poses and is_pose_file(file))
