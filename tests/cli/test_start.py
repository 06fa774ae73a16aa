from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path


def test_an_interrupt_while_the_program_is_still_being_imported_ends_it_in_silence(tmp_path):
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt\n", encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    ran = subprocess.run(
        [sys.executable, "-m", "posec3d_cli.cli.start", "--help"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "")


def test_the_program_begins_there():
    root = Path(__file__).parents[2]
    stated = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    assert stated["project"]["scripts"] == {"posec3d": "posec3d_cli.cli.start:main"}


def test_the_exit_code_is_that_of_the_program():
    ran = subprocess.run([sys.executable, "-m", "posec3d_cli.cli.start", "nothing"], capture_output=True, check=False)
    assert ran.returncode == 2
