"""What Windows and macOS lack is not needed: the pieces are taken away, and a run goes on as before."""

from __future__ import annotations

import ast
import errno
import os
import shutil
import signal
from multiprocessing import resource_tracker
from pathlib import Path

import batch_fakes
import pytest

from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.pool import WorkerPool
from posec3d_cli.batch.worker import exit_words
from posec3d_cli.config import PipelineConfig
from posec3d_cli.files.writing import atomic_write

PACKAGE = Path(__file__).resolve().parents[2] / "posec3d_cli"
POSIX_ONLY = {"fcntl", "grp", "pwd", "resource", "termios", "pty", "posix"}


def test_videos_are_processed_where_signals_cannot_be_blocked(monkeypatch, clip, tmp_path):
    monkeypatch.delattr(signal, "pthread_sigmask")
    monkeypatch.setattr(resource_tracker, "_HAVE_SIGMASK", False)
    videos = []
    for name in ("a.mp4", "exit.mp4", "b.mp4"):
        shutil.copyfile(clip, tmp_path / name)
        videos.append(InputFile(tmp_path / name, name))
    with WorkerPool(batch_fakes.LabelTask(PipelineConfig()), 1) as pool:
        ended = {file.name: result for file, result in pool.results(videos, timeout=60, progress=lambda *given: None)}
    assert {name: result.status for name, result in ended.items()} == {
        "a.mp4": "ok",
        "b.mp4": "ok",
        "exit.mp4": "failed",
    }
    assert ended["exit.mp4"].error.what == "its process ended by itself, with code 3"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (3, "its process ended by itself, with code 3"),
        (None, "its process ended by itself, with code None"),
        (0xC0000005, "its process crashed (exception 0xC0000005)"),
        (-9, "its process was killed (SIGKILL); the memory may have run out"),
        (-11, "its process crashed (SIGSEGV: Segmentation fault)"),
    ],
)
def test_how_a_process_ended_is_said_on_every_system(code, said):
    assert exit_words(code) == said


def test_what_is_written_is_synced_through_a_descriptor_that_may_write(monkeypatch, tmp_path):
    """Windows refuses to sync one that only reads."""
    import fcntl

    modes = []
    plain = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda number: modes.append(fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE) or plain(number)
    )
    with atomic_write(tmp_path / "file") as part:
        part.write_text("whole")
    assert (modes, (tmp_path / "file").read_text()) == ([os.O_RDWR], "whole")


@pytest.mark.parametrize("code", [errno.EINVAL, errno.EPERM, errno.ENOTSUP])
def test_a_disk_without_hard_links_takes_files(monkeypatch, tmp_path, code):
    """FAT disks, on Windows and elsewhere."""

    def refuse(self, target):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    with atomic_write(tmp_path / "file") as part:
        part.write_text("whole")
    assert (tmp_path / "file").read_text() == "whole"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_no_module_needs_what_only_posix_has():
    for file in PACKAGE.rglob("*.py"):
        imported = set()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(str(node.module).split(".")[0])
        assert not imported & POSIX_ONLY, file


def test_processes_are_spawned_and_never_forked():
    started = [file for file in PACKAGE.rglob("*.py") if "multiprocessing" in file.read_text(encoding="utf-8")]
    for file in started:
        text = file.read_text(encoding="utf-8")
        assert 'get_context("fork' not in text
        assert "os.fork" not in text
