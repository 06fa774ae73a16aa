"""The program `posec3d`: its commands, and how errors become messages and exit codes.

Exit codes: 0 every input was answered, 1 at least one failed, 2 wrong usage (an unknown name of a model, stage,
sample or device, and settings that contradict each other, count as such), 130 interrupted.
"""

from __future__ import annotations

import io
import sys
from typing import Annotated, NoReturn

import typer

from posec3d_cli import __version__
from posec3d_cli.cli import annotation_tools, cache, models, samples
from posec3d_cli.cli.benchmark import benchmark
from posec3d_cli.cli.commands import Commands
from posec3d_cli.cli.doctor import doctor
from posec3d_cli.cli.evaluate import evaluate
from posec3d_cli.cli.export import export
from posec3d_cli.cli.extract_poses import extract_poses
from posec3d_cli.cli.label import label
from posec3d_cli.cli.live import live
from posec3d_cli.cli.plot import plot
from posec3d_cli.cli.predict import predict
from posec3d_cli.cli.render import plugin_warnings, print_error
from posec3d_cli.cli.results_report import report
from posec3d_cli.cli.review import review
from posec3d_cli.cli.stages import stages
from posec3d_cli.cli.train import train
from posec3d_cli.cli.usage_errors import usage_problem
from posec3d_cli.errors import ConfigError, PoseC3DError, UnknownName
from posec3d_cli.runtime.memory import return_large_blocks

WELCOME = """Recognize human actions in videos.

Try these first:

\b
  posec3d samples fetch walk          fetch a clip and print its path
  posec3d predict clip.mp4            recognize the action in a video
  posec3d label clips/ -o labels.csv  label every video of a folder
"""

app = Commands(name="posec3d", help=WELCOME, context_settings={"help_option_names": ["-h", "--help"]})
app.command("predict")(predict)
app.command("label")(label)
app.command("live")(live)
app.command("review")(review)
app.command("extract-poses")(extract_poses)
app.command("train")(train)
app.command("evaluate")(evaluate)
app.command("report")(report)
app.command("plot")(plot)
app.add_typer(annotation_tools.app, name="annotations")
app.command("export")(export)
app.add_typer(models.app, name="models")
app.command("stages")(stages)
app.command("doctor")(doctor)
app.command("benchmark")(benchmark)
app.add_typer(samples.app, name="samples")
app.add_typer(cache.app, name="cache")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"posec3d {__version__}")
        raise typer.Exit()


@app.callback()
def posec3d(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Recognize human actions in videos."""


def main() -> NoReturn:
    """Run the program and exit with its code."""
    return_large_blocks()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # File names need not be text: print their bytes as they are where that is possible.
        utf8 = sys.stdout.encoding.lower() == "utf-8"
        sys.stdout.reconfigure(errors="surrogateescape" if utf8 else "backslashreplace")
    try:
        with plugin_warnings():
            code = app(prog_name="posec3d", standalone_mode=False)
    except typer.TyperException as error:
        print_error(usage_problem(error))
        sys.exit(2)
    except PoseC3DError as error:
        print_error(error)
        sys.exit(2 if isinstance(error, UnknownName | ConfigError) else 1)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(code or 0)


if __name__ == "__main__":
    main()
