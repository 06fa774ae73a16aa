import re
import subprocess
import sys

import pytest
import typer

from posec3d_cli import __version__
from posec3d_cli.cli import app as program
from posec3d_cli.cli.options import Precision
from posec3d_cli.config import PRECISIONS
from posec3d_cli.errors import InputError, UnknownDevice, UnknownModel, UnknownSample, UnknownStage

HEAVY = {"torch", "numpy", "msgspec", "cv2", "onnxruntime", "onnx", "av", "decord", "scipy", "ai_edge_litert"}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["models", "list"], ["models", "--help"], ["stages"]])
def test_what_answers_at_once_imports_nothing_heavy(arguments):
    code = (
        "import sys, contextlib, io\n"
        "from posec3d_cli.cli.app import main\n"
        f"sys.argv = ['posec3d', *{arguments!r}]\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        "    main()\n"
        f"print(sorted({HEAVY!r} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    cards = ["msgspec"] if arguments == ["models", "list"] else []
    assert result.stdout == f"{cards}\n"


def test_a_command_imports_no_other_command():
    code = (
        "import sys\n"
        "from posec3d_cli.cli.app import main\n"
        "sys.argv = ['posec3d', 'cache']\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([name for name in ('train', 'predict', 'review') if f'posec3d_cli.cli.{name}' in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.endswith("[]\n")


def every_command(group: typer.Typer, *path: str) -> list[list[str]]:
    commands = [[*path, command.name or command.callback.__name__] for command in group.registered_commands]
    for inner in group.registered_groups:
        commands += [[*path, inner.name], *every_command(inner.typer_instance, *path, inner.name)]
    return commands


@pytest.mark.parametrize("command", every_command(program.program()), ids=" ".join)
def test_every_command_has_help(posec3d, command):
    ran = posec3d(*command, "--help")
    assert (ran.code, ran.err) == (0, "")
    usage, summary, *_ = ran.out.split("\n\n")
    assert usage.startswith(f"Usage: posec3d {' '.join(command)}")
    assert summary.strip().endswith(".")
    assert posec3d(*command, "-h").out == ran.out


def test_the_version_is_printed(posec3d):
    assert posec3d("--version").out == f"posec3d {__version__}\n"


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["--nonsense"], ["models", "show"], ["models", "pull", "--all", "x"]]
)
def test_wrong_usage_exits_with_2_and_says_so_on_stderr(posec3d, arguments):
    ran = posec3d(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert re.fullmatch(r"error: .+\nhint:  .+\n", ran.err)


@pytest.fixture
def failing(monkeypatch, posec3d):
    """Runs the program with one command more, which raises what it is given."""

    def run(error: BaseException):
        def command() -> None:
            raise error

        broken = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
        broken.command("fail")(command)
        broken.callback()(lambda: None)
        monkeypatch.setattr(program, "program", lambda *names: broken)
        return posec3d("fail")

    return run


def test_an_error_is_printed_as_the_text_it_is_with_its_hint(failing):
    ran = failing(InputError("cannot read '[/x].mp4' [bold]", hint="is :smile: a video?"))
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "error: cannot read '[/x].mp4' [bold]\nhint:  is :smile: a video?\n"


def test_further_lines_of_an_error_stand_below_the_first_and_an_empty_hint_is_left_out(failing):
    assert failing(InputError("first\nsecond")).err == "error: first\n       second\n"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UnknownModel("no"), 2),
        (UnknownStage("no"), 2),
        (UnknownSample("no"), 2),
        (UnknownDevice("no"), 2),
        (KeyboardInterrupt(), 130),
        (typer.Exit(1), 1),
    ],
)
def test_the_exit_code_tells_the_kind_of_failure(failing, error, code):
    assert failing(error).code == code


def test_a_bug_is_not_hidden(monkeypatch, failing):
    with pytest.raises(ZeroDivisionError):
        failing(ZeroDivisionError())


def test_the_precisions_offered_are_those_of_the_library():
    assert tuple(Precision) == PRECISIONS
