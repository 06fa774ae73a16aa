"""Input files: list the videos and pose files that paths, folders and lists of files name."""

from __future__ import annotations

import codecs
import logging
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath, PurePosixPath

from posec3d_cli.batch.output_names import without_suffixes
from posec3d_cli.errors import InputError, counted
from posec3d_cli.files.csv_tables import CSV_SUFFIXES, read_csv
from posec3d_cli.files.media import PICTURE_SUFFIXES, VIDEO_SUFFIXES, is_pattern
from posec3d_cli.files.relative_paths import RelativePaths
from posec3d_cli.pose_files import is_pose_file
from posec3d_cli.sources.kinds import kind_of
from posec3d_cli.sources.local_copies import Address

logger = logging.getLogger("posec3d")
NO_VIDEO = "a video is known by its suffix; --glob takes files of other names"


@dataclass(frozen=True)
class InputFile:
    """An input file: a video or a pose file.

    Attributes:
        path: where the file is.
        name: its path below the deepest folder that holds all inputs, with forward slashes.
        problem: why it cannot be read, if that is known already: a folder that cannot be listed, an address that
            cannot be fetched; else empty.
        stem: the name of its output files without their suffix; empty: as `name`.
        named: whether the user named the file itself, instead of a folder that holds it.
        hint: what to do about `problem`.
        origin: what the user named, where `path` is a copy or a list that posec3d made of it; else empty.
        address: where `path` is the place of a copy that is made when the file is processed; else None.
    """

    path: Path
    name: str
    problem: str = ""
    stem: str = ""
    named: bool = False
    hint: str = ""
    origin: str = ""
    address: Address | None = field(default=None, compare=False, repr=False)

    @property
    def folder(self) -> str:
        """The first folder of its name: the label of a sorted collection; empty where there is none."""
        first, slash, _ = self.name.partition("/")
        return first if slash else ""


def find(
    paths: Sequence[Path],
    *,
    glob: str | None = None,
    poses: bool = False,
    pictures: bool = False,
    without: Collection[Path] = (),
) -> list[InputFile]:
    """The input files: named files and those below named folders, each once, in order of their names.

    Hidden files and folders are left out. Links to folders are followed, but never into a folder that is being listed
    already. A file that is named itself is always taken, whatever its name, and also when it does not exist.

    Args:
        paths: files and folders.
        glob: take the files below folders that match this instead of those with a video's suffix: a pattern of the
            file's name or, with slashes, of the end of its path.
        poses: take pose files too.
        pictures: take folders that hold pictures, and no videos, as one input each.
        without: folders not to look into.

    Raises:
        InputError: there is no input file.
    """
    roots = [Path(os.path.abspath(path)) for path in paths]
    left_out = {os.path.realpath(folder) for folder in without}
    problems: dict[Path, str] = {}
    named = set()
    for path, root in zip(paths, roots, strict=True):
        whole = (poses and is_pose_file(root)) or (pictures and is_sequence(root))
        if os.path.isdir(root) and not whole:
            for file, problem in _below(path, root, (), left_out, Wanted(glob, poses, pictures)):
                problems.setdefault(file, problem)
        else:
            problems.setdefault(path, "")
            named.add(root)
    if not problems:
        raise InputError(
            f"there is no video below {', '.join(map(str, paths))}",
            hint=f"{NO_VIDEO}, --fps folders of pictures",
        )
    absolute = {Path(os.path.abspath(path)): path for path in reversed(problems)}
    top = os.path.commonpath([root if os.path.isdir(root) and root not in named else root.parent for root in roots])
    videos = [
        InputFile(
            path,
            absolute_path.relative_to(top).as_posix(),
            problems[path],
            named=absolute_path in named,
            hint="give yourself permission to read it" if problems[path] else "",
        )
        for absolute_path, path in absolute.items()
    ]
    return sorted(videos, key=lambda video: video.name)


def is_sequence(folder: Path) -> bool:
    """Whether a folder is a sequence of pictures: it holds some, directly, and no video."""
    try:
        names = [entry.name.lower() for entry in os.scandir(folder) if not entry.name.startswith(".")]
    except OSError:
        return False
    suffixes = {os.path.splitext(name)[1] for name in names}
    return bool(suffixes & PICTURE_SUFFIXES) and not suffixes & VIDEO_SUFFIXES


def only_pose_files(files: Iterable[InputFile]) -> bool:
    """Whether all files are pose files: then no frame is read, and no detector and no pose model are needed."""
    return all(is_pose_file(file.path) for file in files)


def with_stems(files: Sequence[InputFile], known: Iterable[Path]) -> list[InputFile]:
    """The same files with the stems of their output files: without suffix, unless two would be alike.

    Inputs of earlier runs count as if they were still there: an output never gets the name of another input's output.
    A stem that a file has already stays.

    Args:
        files: the input files; pose files have no output files and take no name.
        known: the paths of the inputs of earlier runs.
    """
    named = [_named_path(file) for file in files]
    videos = [path for path, file in zip(named, files, strict=True) if not file.stem and not is_pose_file(file.path)]
    there = set(videos)
    gone = [path for path in map(os.path.abspath, known) if path not in there and not is_pose_file(path)]
    paths = list(dict.fromkeys((*videos, *gone)))
    short = {path for path, stem in zip(paths, without_suffixes(paths), strict=True) if stem != path}
    stems = [
        str(PurePosixPath(file.name).with_suffix("")) if path in short else file.stem or file.name
        for path, file in zip(named, files, strict=True)
    ]
    return [file if file.stem == stem else replace(file, stem=stem) for file, stem in zip(files, stems, strict=True)]


def _named_path(file: InputFile) -> str:
    return os.path.abspath(file.origin or file.path)


def read_list(file: Path, *, root: Path | None = None) -> list[Path | str]:
    """The inputs of a text file, one a line, or of the column video of a CSV table; empty lines are left out.

    They are paths, or addresses as they stand there.

    Where they begin: `posec3d_cli.files.relative_paths`. What is not there keeps its path, so that its row says
    so, and a warning is logged.
    Names in a text need not be UTF-8.

    Args:
        file: the list.
        root: where its relative paths begin.

    Raises:
        BadDataset: the list is a table that cannot be used.
        InputError: the list cannot be read, or none of its files exists.
    """
    names = _names_in(file)
    paths = RelativePaths(file, root)
    resolved = [name if kind_of(name) != "path" else paths.find(name, _there) for name in names]
    missing = [name for name, path in zip(names, resolved, strict=True) if path is None]
    if missing:
        count = counted(len(missing), "file")
        text = f"{file} names {count} of {len(names)} that cannot be found, the first is {missing[0]!r}"
        if len(missing) == len(names):
            raise InputError(text, hint=paths.hint(missing))
        logger.warning(f"{text}; {paths.hint(missing)}")
    return [path or paths.folders[0] / name for name, path in zip(names, resolved, strict=True)]


def _there(path: Path) -> bool:
    return os.path.exists(path) or (is_pattern(path) and os.path.isdir(path.parent))


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


@dataclass(frozen=True)
class Wanted:
    """What is taken below folders, see `find`."""

    glob: str | None
    poses: bool
    pictures: bool = False

    def fits(self, file: PurePath) -> bool:
        """Whether a file is taken; with `glob`, `file` is its path below the folder."""
        if self.glob is not None:
            return PurePosixPath(file).match(self.glob)
        return file.suffix.lower() in VIDEO_SUFFIXES or (self.poses and is_pose_file(str(file)))


def _below(
    path: Path, root: Path, above: tuple[tuple[int, int], ...], without: Collection[str], wanted: Wanted
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
            at = inner if wanted.glob is None else Path(os.path.abspath(inner)).relative_to(root)
            if wanted.fits(at):
                yield inner, ""
        elif wanted.glob is None and (
            (wanted.poses and is_pose_file(inner)) or (wanted.pictures and is_sequence(inner))
        ):
            yield inner, ""
        else:
            yield from _below(inner, root, (*above, here), without, wanted)
