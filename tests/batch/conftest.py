from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import video_factory

TESTS = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def clip(tmp_path_factory) -> Path:
    return video_factory.write(tmp_path_factory.mktemp("clip") / "clip.mp4", 20)


class Program:
    """The program with fake models, as a process of its own that can be killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = folder / "journal.txt"
        self.stderr = ""

    def start(self, *arguments: object, **environment: str) -> subprocess.Popen[str]:
        paths = os.pathsep.join([str(TESTS), str(TESTS.parent)])
        return subprocess.Popen(
            [sys.executable, str(TESTS / "batch_fakes.py"), *map(str, arguments)],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": paths, "FAKE_JOURNAL": str(self.journal), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Where the tests themselves run in the background, a shell has told them to ignore Ctrl-C.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        )

    def run(self, *arguments: object, **environment: str) -> int:
        process = self.start(*arguments, **environment)
        self.stdout, self.stderr = process.communicate(timeout=60)
        return process.returncode

    def cut_off(self, at: str, *arguments: object, by: signal.Signals = signal.SIGKILL) -> int:
        """Start it and end it in the middle of a video, one that waits for a file."""
        process = self.start(*arguments)
        until = time.monotonic() + 60
        while self.begun()[-1:] != [at] and time.monotonic() < until and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(by)
        self.stdout, self.stderr = process.communicate(timeout=60)
        return process.returncode

    def let_go(self, *names: str) -> None:
        """Let videos that wait go on."""
        for name in names:
            (self.folder / f"go-{name}").touch()

    def begun(self) -> list[str]:
        """The videos that were begun, in order, those begun twice twice."""
        return self.journal.read_text().split() if self.journal.exists() else []


@pytest.fixture
def program(tmp_path) -> Program:
    return Program(tmp_path)
