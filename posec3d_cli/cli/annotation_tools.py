"""`posec3d annotations`: labeled segments to and from annotation tools."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from posec3d_cli.cli.commands import Commands
from posec3d_cli.cli.help_texts import INPUT, OUTPUT
from posec3d_cli.cli.options import RootOption
from posec3d_cli.cli.progress import one_line
from posec3d_cli.cli.render import note
from posec3d_cli.errors import InputError, counted

if TYPE_CHECKING:
    from posec3d_cli.annotations.transfer import Failed

app = Commands(help="Exchange labeled segments with annotation tools.")


class ExportFormat(StrEnum):
    """The formats that can be written."""

    elan = "elan"
    label_studio = "label-studio"
    cvat = "cvat"
    via = "via"
    srt = "srt"
    vtt = "vtt"


class ImportFormat(StrEnum):
    """The formats that can be read."""

    elan = "elan"
    label_studio = "label-studio"
    cvat = "cvat"
    via = "via"


OverwriteOption = Annotated[
    bool, typer.Option("--overwrite", help="Replace existing output files.", rich_help_panel=OUTPUT)
]


@app.command("export")
def export_annotations(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="RESULTS",
            help="Read a table of `label`, the JSON of `predict`, or a table of ground truth.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="PATH",
            help="Write this file, or into this folder where a format has a file per video.",
            rich_help_panel=OUTPUT,
        ),
    ],
    format_: Annotated[
        ExportFormat | None,
        typer.Option("--format", help="Write this format; by default, that of the suffix.", rich_help_panel=OUTPUT),
    ] = None,
    root: RootOption = None,
    poses: Annotated[
        Path | None,
        typer.Option(
            "--poses",
            metavar="DIR",
            help="Take boxes for CVAT from the pose files of `label --save-poses DIR`.",
            rich_help_panel=INPUT,
        ),
    ] = None,
    min_score: Annotated[
        float,
        typer.Option(
            "--min-score",
            min=0,
            max=1,
            metavar="SCORE",
            help="Write `unknown` for predictions that score less; 0 by default.",
            rich_help_panel=INPUT,
        ),
    ] = 0.0,
    media_url: Annotated[
        str,
        typer.Option(
            "--media-url",
            metavar="PREFIX",
            help="Write this before the name of each video; by default, the tool gets its path.",
            rich_help_panel=OUTPUT,
        ),
    ] = "",
    overwrite: OverwriteOption = False,
) -> None:
    """Write predictions or ground truth for an annotation tool, or as subtitles.

    Predictions become predictions, to be reviewed; corrections and ground truth become annotations. Exits with 1 when
    a video could not be exported.
    """
    from posec3d_cli.annotations import by_name, formats, transfer

    name = format_.value if format_ is not None else by_name.format_name(output)
    writer = by_name.writers()[name]
    if not writer.per_video and output.suffix.lower() != writer.suffix:
        raise typer.BadParameter(f"{name} writes a {writer.suffix} file, got {output}")
    if poses is not None and name != ExportFormat.cvat:
        raise typer.BadParameter(f"--poses is for --format {ExportFormat.cvat.value}, not {name}")
    loaded = transfer.load(source, root=root, poses=poses, min_score=min_score)
    for text in loaded.notes:
        note("note", one_line(text))
    choices = formats.Choices(media_url=media_url)
    written, refused = transfer.export(loaded, writer, output, choices, overwrite=overwrite)
    for path in written:
        typer.echo(one_line(str(path)))
    good = len(loaded.videos) - len(refused)
    segments = sum(len(one.segments) for one in loaded.videos if one.name not in {other.name for other in refused})
    note("done", f"{counted(segments, 'segment')} of {counted(good, 'video')} as {name}")
    _end((*loaded.failed, *refused))


@app.command("import")
def import_annotations(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Read these files of annotation tools.")],
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="TRUTH.csv", help="Write this table of ground truth.", rich_help_panel=OUTPUT
        ),
    ],
    format_: Annotated[
        ImportFormat | None,
        typer.Option("--format", help="Read this format; by default, what each file shows.", rich_help_panel=INPUT),
    ] = None,
    root: RootOption = None,
    reviewer: Annotated[
        str,
        typer.Option(
            "--reviewer",
            metavar="NAME",
            help="Write this reviewer where a file names none.",
            rich_help_panel=OUTPUT,
        ),
    ] = "",
    annotator: Annotated[
        str,
        typer.Option(
            "--annotator",
            metavar="NAME",
            help="Take only the annotations of this user of Label Studio: address or number.",
            rich_help_panel=INPUT,
        ),
    ] = "",
    fps: Annotated[
        float | None,
        typer.Option(
            "--fps",
            min=0.001,
            max=1000,
            metavar="RATE",
            help="Take this as the frame rate of the Label Studio project; by default, that of each task.",
            rich_help_panel=INPUT,
        ),
    ] = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Read what people annotated in a tool, as a table of ground truth.

    The videos must be there: segments begin and end at their frames. Exits with 1 when something could not be read.
    """
    from posec3d_cli.annotations import by_name, formats, transfer
    from posec3d_cli.annotations.truth import write_truth
    from posec3d_cli.files.input_paths import problem_of
    from posec3d_cli.files.writing import check_free

    check_free(output, overwrite=overwrite)
    names = {}
    for file in files:
        if (problem := problem_of(file)) is not None:
            raise InputError(problem[0], hint=problem[1])
        names[file] = format_.value if format_ is not None else by_name.format_name(file, file.read_bytes())
    known = by_name.readers()
    if written_only := [file for file, name in names.items() if name not in known]:
        raise InputError(
            f"{written_only[0]} holds subtitles, which are written and not read",
            hint="they cannot say whose a segment is; take a format of an annotation tool",
        )
    choices = formats.Choices(fps=fps, annotator=annotator)
    readers = {file: known[name] for file, name in names.items()}
    loaded = transfer.read_annotations(files, readers, choices, root=root, reviewer=reviewer)
    for text in loaded.notes:
        note("note", one_line(text))
    rows = write_truth(output, loaded.videos, overwrite=overwrite)
    typer.echo(one_line(str(output)))
    note("done", f"{counted(rows, 'segment')} of {counted(len(loaded.videos), 'video')}")
    _end(loaded.failed)


def _end(failed: Sequence[Failed]) -> None:
    for one in failed:
        note("failed", one_line(f"{one.name}: {one.reason}"))
    if failed:
        raise typer.Exit(1)
