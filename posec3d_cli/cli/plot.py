"""`posec3d plot`: timelines as pictures, poses and joint angles as pictures and numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from posec3d_cli.cli.help_texts import OUTPUT
from posec3d_cli.cli.options import RootOption
from posec3d_cli.cli.progress import one_line
from posec3d_cli.cli.render import note
from posec3d_cli.errors import BadDataset

if TYPE_CHECKING:
    from posec3d_cli.batch.saved_results import SavedResult
    from posec3d_cli.output.timeline_plot import Bar


def plot(
    source: Annotated[
        Path,
        typer.Argument(metavar="SOURCE", help="Read a table of `label`, the JSON of `predict`, or a pose file."),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT",
            help="Write this .png, .svg or .html, of a pose file also .csv; a folder for several videos.",
            rich_help_panel=OUTPUT,
        ),
    ],
    angles: Annotated[
        bool,
        typer.Option("--angles", help="Give the joint angles of a pose file, not its joints.", rich_help_panel=OUTPUT),
    ] = False,
    root: RootOption = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace existing output files.", rich_help_panel=OUTPUT)
    ] = False,
) -> None:
    """Draw who does what over time, or give poses as numbers.

    Of results, a picture per video: one row per person, coloured by action. Of a pose file, a .csv with one joint per
    line, or with --angles one joint angle per line, which may also be drawn.
    """
    from posec3d_cli.batch.own import holds_results
    from posec3d_cli.pose_files import is_pose_file

    if is_pose_file(source) and not holds_results(source):
        _poses(source, output, angles=angles, overwrite=overwrite)
    elif angles:
        raise typer.BadParameter("--angles needs a pose file")
    else:
        _timelines(source, output, root, overwrite=overwrite)


def _poses(source: Path, output: Path, *, angles: bool, overwrite: bool) -> None:
    from posec3d_cli.output.pose_table import write_pose_table
    from posec3d_cli.output.timeline_plot import PLOT_SUFFIXES, plot_angles
    from posec3d_cli.pose_files import read_pose_file

    suffix = output.suffix.lower()
    if suffix != ".csv" and not (angles and suffix in PLOT_SUFFIXES):
        able = f".csv, {', '.join(PLOT_SUFFIXES)}" if angles else ".csv, with --angles also a picture"
        raise typer.BadParameter(f"-o writes {able} of a pose file, got {output}")
    clips = read_pose_file(source)
    if len(clips) > 1:
        raise BadDataset(f"{source} holds {len(clips)} clips, and {output} has room for one")
    if suffix == ".csv":
        write_pose_table(clips[0], output, angles=angles, overwrite=overwrite)
    else:
        plot_angles(clips[0], source.name, output, overwrite=overwrite)
    typer.echo(one_line(str(output)))


def _timelines(source: Path, output: Path, root: Path | None, *, overwrite: bool) -> None:
    from posec3d_cli.batch.output_names import without_suffixes
    from posec3d_cli.batch.saved_results import read_results
    from posec3d_cli.output.timeline_plot import PLOT_SUFFIXES, plot_timeline
    from posec3d_cli.results import FAILED

    results = [one for one in read_results(source, root).results if one.status != FAILED]
    good = [one for one in results if one.times]
    for one in results:
        if not one.times:
            note("note", one_line(f"{one.name}: the times of its frames were not saved, and it is left out"))
    if not good:
        raise BadDataset(
            f"{source} has no video that can be drawn", hint="keep the table of `label` beside the state of its run"
        )
    is_file = output.suffix.lower() in PLOT_SUFFIXES and not output.is_dir()
    if (output.suffix and not is_file and not output.is_dir()) or (is_file and len(good) > 1):
        what = f"{len(good)} videos need a folder" if is_file else f"-o writes {', '.join(PLOT_SUFFIXES)} files"
        raise typer.BadParameter(f"{what}, got {output}")
    targets = [output]
    if not is_file:
        targets = [output / f"{stem}.png" for stem in without_suffixes([one.name for one in good])]
    for one, target in zip(good, targets, strict=True):
        if not is_file:
            target.parent.mkdir(parents=True, exist_ok=True)
        start, end = one.shown_at(0), one.shown_at(one.times[-1][0])
        plot_timeline(_bars(one), end - start, one.name, target, start=start, overwrite=overwrite)
        typer.echo(one_line(str(target)))


def _bars(one: SavedResult) -> list[Bar]:
    """The segments of a video as bars."""
    from posec3d_cli.annotations.predicted import predicted_segments
    from posec3d_cli.output.timeline_plot import Bar

    segments = predicted_segments(one, one.times[-1][0], float(one.entry.get("min_score") or 0.0))
    people = sorted({segment.person for segment in segments}, key=lambda person: (len(person), person))
    return [
        Bar(
            f"person {person}" if person else "everybody",
            segment.label,
            one.shown_at(segment.start),
            one.shown_at(segment.stop),
            segment.score,
        )
        for person in people
        for segment in segments
        if segment.person == person
    ]
