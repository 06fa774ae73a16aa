"""The program `posec3d`: its commands, and how errors become messages and exit codes.

Exit codes: 0 every input was answered, 1 at least one failed, 2 wrong usage (an unknown name of a model, stage,
sample or device, and settings that contradict each other, count as such), 130 interrupted.
"""

from __future__ import annotations

import importlib
import io
import sys
from typing import Annotated, NoReturn

import typer

from posec3d_cli import __version__
from posec3d_cli.cli.commands import Commands
from posec3d_cli.cli.render import plugin_warnings, print_error
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

COMMANDS = (
    "predict", "label", "live", "review", "extract-poses", "train", "evaluate", "report", "plot", "annotations",
    "export", "models", "stages", "doctor", "benchmark", "samples", "cache",
)  # fmt: skip
_MODULES = {"report": "results_report", "annotations": "annotation_tools"}
"""Where a command is not in the module of its name."""


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"posec3d {__version__}")
        raise typer.Exit()


def posec3d(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Recognize human actions in videos."""


def program(*names: str) -> Commands:
    """The program with these commands, by default with all; the modules of the others are not imported."""
    made = Commands(name="posec3d", help=WELCOME, context_settings={"help_option_names": ["-h", "--help"]})
    made.callback()(posec3d)
    for name in names or COMMANDS:
        function = name.replace("-", "_")
        module = importlib.import_module(f"posec3d_cli.cli.{_MODULES.get(name, function)}")
        if hasattr(module, "app"):
            made.add_typer(module.app, name=name)
        else:
            made.command(name)(getattr(module, function))
    return made


def _asked(arguments: list[str]) -> list[str]:
    """The one command that is needed, where the first argument names it: all others take a tenth of a second."""
    return [name for name in arguments[:1] if name in COMMANDS]


def main() -> NoReturn:
    """Run the program and exit with its code."""
    return_large_blocks()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # File names need not be text: print their bytes as they are where that is possible.
        utf8 = sys.stdout.encoding.lower() == "utf-8"
        sys.stdout.reconfigure(errors="surrogateescape" if utf8 else "backslashreplace")
    try:
        with plugin_warnings():
            code = program(*_asked(sys.argv[1:]))(prog_name="posec3d", standalone_mode=False)
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
