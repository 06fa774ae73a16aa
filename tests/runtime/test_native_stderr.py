"""What native code writes to stderr: one line is dropped, and nothing else is lost."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import drawn_people
import pytest

from posec3d_cli.runtime.native_stderr import without_lines


def test_only_lines_with_the_text_are_dropped(capfd):
    with without_lines("chatter"):
        os.write(2, b"an error\nINFO: chatter\nlast, without an end")
    assert capfd.readouterr().err == "an error\nlast, without an end"
    os.write(2, b"chatter afterwards\n")
    assert capfd.readouterr().err == "chatter afterwards\n"


def fail():
    os.write(2, b"why\nchatter\n")
    raise ZeroDivisionError


def test_an_error_in_the_block_loses_nothing(capfd):
    with pytest.raises(ZeroDivisionError), without_lines("chatter"):
        fail()
    assert capfd.readouterr().err == "why\n"


def test_what_other_threads_write_is_kept(capfd):
    def write():
        for number in range(200):
            os.write(2, f"line {number}\n".encode())

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        with without_lines("chatter"):
            os.write(2, b"chatter\n")
    for thread in threads:
        thread.join()
    written = capfd.readouterr().err.splitlines()
    assert sorted(written) == sorted(f"line {number}" for number in range(200) for _ in threads)


def test_descriptors_do_not_pile_up():
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("the system does not list descriptors")
    before = len(list(folder.iterdir()))
    for _ in range(5):
        with without_lines("chatter"):
            pass
    assert len(list(folder.iterdir())) == before


def test_a_program_that_is_started_meanwhile_holds_nothing_up(capfd):
    with without_lines("chatter"):
        program = "import sys, time; time.sleep(4); print('late', file=sys.stderr)"
        slow = subprocess.Popen([sys.executable, "-c", program])
    assert slow.poll() is None, "it was not waited for"
    slow.wait(60)
    until = time.monotonic() + 10
    heard = ""
    while "late" not in heard and time.monotonic() < until:
        time.sleep(0.05)
        heard += capfd.readouterr().err
    assert "late" in heard


def test_a_closed_stderr_is_left_alone():
    program = (
        "import os; os.close(2)\n"
        "from posec3d_cli.runtime.native_stderr import without_lines\n"
        "with without_lines('chatter'): print('done')"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.stdout == "done\n"


@pytest.mark.weights
def test_predict_says_nothing_of_the_runtime(tmp_path, weights):
    for name in ("efficientdet-lite2", "movenet-thunder"):
        weights(name)
    film = drawn_people.write(tmp_path / "film.mkv")
    command = [
        sys.executable,
        "-m",
        "posec3d_cli.cli.app",
        "predict",
        film,
        "--no-cache",
        "--offline",
        "--device",
        "cpu",
    ]
    ran = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "film.mkv" in ran.stdout
    assert "read:" in ran.stderr
    assert "XNNPACK" not in ran.stderr
    assert "INFO" not in ran.stderr
