"""The inputs of `posec3d predict`, and the files that are to be made of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from posec3d_cli.batch.find import InputFile


@dataclass(frozen=True)
class Job:
    """One input and the files to make of it.

    Attributes:
        file: a video or a pose file.
        posed: whether it is a pose file.
        annotated: where the annotated video goes.
        poses: where the poses go.
        crops: the folder that the crops of people go to.
    """

    file: InputFile
    posed: bool
    annotated: Path | None
    poses: Path | None
    crops: Path | None

    @property
    def every_frame(self) -> bool:
        """Whether its files need the poses of every frame."""
        return self.annotated is not None or self.crops is not None

    def check(self, *, overwrite: bool) -> None:
        """Refuse what can be known to fail before any model is made; nothing is written, and no address is fetched.

        Raises:
            UnreadableVideo, BadPoseFile: the input is not there, or cannot be read.
            OutputExists, OutputError: a file of its results is there already, or cannot be there.
        """
        from posec3d_cli.errors import BadPoseFile, UnreadableVideo
        from posec3d_cli.files.input_paths import problem_of
        from posec3d_cli.files.writing import check_free

        path = self.file.path
        if self.file.problem:
            raise UnreadableVideo(self.file.problem, hint=self.file.hint)
        known = self.file.address is not None or (self.posed and path.is_dir())
        problem = None if known else problem_of(path)
        if problem is not None:
            what, hint = problem
            raise (BadPoseFile if self.posed else UnreadableVideo)(what, hint=hint)
        for target in (self.annotated, self.poses):
            if target is not None:
                check_free(target, overwrite=overwrite, source=path)

    def check_clips(self) -> None:
        """Refuse a pose file of several clips where one file of poses is to be made of it.

        Raises:
            OutputError: it is one.
            BadPoseFile: it cannot be read.
        """
        from posec3d_cli.errors import OutputError
        from posec3d_cli.pose_files import read_pose_file

        if self.poses is not None and (clips := len(read_pose_file(self.file.path))) > 1:
            raise OutputError(f"{self.file.path} holds {clips} clips, and {self.poses} has room for one")


def plan_outputs(
    files: Sequence[InputFile], save_video: Path | None, save_poses: Path | None, save_crops: Path | None = None
) -> list[Job]:
    """Decide which file each input's results go to; makes nothing but missing output folders.

    One input goes to the file named, or into the folder named. Several need a folder, existing or without a suffix.
    The crops of several go into a folder each.

    Raises:
        typer.BadParameter: several inputs and one file, two inputs with one output, or pose files to be drawn.
    """
    from posec3d_cli.batch.output_names import without_suffixes
    from posec3d_cli.files.media import is_list
    from posec3d_cli.pose_files import is_pose_file, written_suffixes

    # A list of pictures is called after them; a copy is called as its address ends.
    videos = [Path(file.origin) if is_list(file.path) else file.path for file in files]
    posed = [is_pose_file(file.path) for file in files]
    if any(posed) and (save_video is not None or save_crops is not None):
        flag = "--save-video" if save_video is not None else "--save-crops"
        raise typer.BadParameter(f"{flag} needs a video, and {videos[posed.index(True)]} is a pose file")
    annotated = _outputs(videos, save_video, "--save-video", ".actions", (".mp4",))
    poses = _outputs(videos, save_poses, "--save-poses", ".poses", written_suffixes())
    crops: list[Path | None] = [save_crops] * len(videos)
    if save_crops is not None and len(videos) > 1:
        crops = [save_crops / stem for stem in without_suffixes([video.name for video in videos])]
    return [Job(*parts) for parts in zip(files, posed, annotated, poses, crops, strict=True)]


def _outputs(
    videos: Sequence[Path], target: Path | None, flag: str, kind: str, suffixes: Sequence[str]
) -> list[Path | None]:
    """Files of the first of `suffixes` where `target` is a folder, else `target` itself with one of them."""
    from posec3d_cli.batch.output_names import without_suffixes

    if target is None:
        return [None] * len(videos)
    if not target.is_dir() and len(videos) == 1:
        if target.suffix.lower() not in suffixes:
            raise typer.BadParameter(f"{flag} writes {', '.join(suffixes)} files, got {target}")
        return [target]
    if not target.is_dir() and target.suffix:
        raise typer.BadParameter(f"{flag} must be a folder where there are several videos, got {target}")
    outputs = [target / f"{name}{kind}{suffixes[0]}" for name in without_suffixes([video.name for video in videos])]
    for number, output in enumerate(outputs):
        if output in outputs[:number]:
            other = videos[outputs.index(output)]
            raise typer.BadParameter(f"{flag}: {other} and {videos[number]} would both become {output}")
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise typer.BadParameter(f"{flag}: {target} cannot be made: {error.strerror}") from error
    return list(outputs)
