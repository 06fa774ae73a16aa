"""What the library logs reaches stderr and the log file, and nothing when nobody asks for it."""

from __future__ import annotations

import logging
import re
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from posec3d_cli.cli.commands import Commands
from posec3d_cli.cli.logs import log_file, logging_to
from posec3d_cli.errors import InputError, OutputError

logger = logging.getLogger("posec3d")


def test_the_library_is_silent_where_nobody_listens():
    program = "import posec3d_cli, logging; logging.getLogger('posec3d').error('heard')"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (run.stdout, run.stderr) == ("", "")


def test_warnings_are_notes_that_are_said_once_and_more_is_said_on_demand(capsys):
    for verbose in (False, True):
        with logging_to(None, verbose=verbose):
            logger.warning("the disk is %s", "full")
            logger.warning("the disk is full")
            logger.info("made\n%d models", 3)
            logger.debug("details")
    quiet, loud = ["note:  the disk is full"], ["info:  made\\n3 models", "debug: details"]
    assert capsys.readouterr().err.splitlines() == [*quiet, *quiet, *loud]


def test_the_file_has_every_record_with_its_time_and_ends_with_the_error(tmp_path, capsys):
    file = tmp_path / "log.txt"
    file.write_text("before\n")

    @logging_to(file, verbose=False)
    def refused():
        assert log_file() == file
        logger.info("made\n%d models of b\udcff", 3)
        logger.debug("details")
        logger.warning("the disk is full")
        raise InputError("no such video")

    @logging_to(file, verbose=True)
    def broken():
        logger.debug("details")
        return 1 / 0

    with pytest.raises(InputError):
        refused()
    with pytest.raises(ZeroDivisionError):
        broken()
    lines = [re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME", line) for line in file.read_text().splitlines()]
    assert lines[:6] == [
        "before",
        "TIME made\\n3 models of b\\udcff",
        "TIME warning: the disk is full",
        "TIME error: no such video",
        "TIME debug: details",
        "TIME error: an unexpected error",
    ]
    assert lines[-1] == "ZeroDivisionError: division by zero"
    assert capsys.readouterr().err.splitlines() == ["note:  the disk is full", "debug: details"]
    assert log_file() is None


def test_a_file_that_cannot_be_written_is_refused(tmp_path):
    with (
        pytest.raises(OutputError, match=r"none/log\.txt cannot be written: No such file"),
        logging_to(tmp_path / "none" / "log.txt", verbose=False),
    ):
        pass


def test_every_command_has_the_two_options_and_is_called_without_them(tmp_path):
    program = Commands()
    called = []

    @program.command("one")
    def one(number: int = typer.Option(1, "--number", help="A number.")) -> None:
        """Log something."""
        called.append(number)
        logger.info("a word")

    @program.command("two")
    def two() -> None:
        """Log nothing."""

    run = CliRunner().invoke(program, ["one", "--number", "2", "-v", "--log-file", str(tmp_path / "log")])
    assert (run.exit_code, called) == (0, [2])
    assert "a word" in run.stderr
    assert (tmp_path / "log").read_text().endswith("a word\n")
    assert CliRunner().invoke(program, ["one"]).stderr == ""
