"""Where a live run puts what it tells: lines of JSON, a video, a command."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading

import cv2
import live_fakes
import numpy as np
import pytest

from posec3d_cli.errors import InputError, OutputError
from posec3d_cli.live.answers import Alert, SourceStatus
from posec3d_cli.live.outputs import MOST_COMMANDS, AlertCommand, JsonLines, Quiet, Recording
from posec3d_cli.live.screen import Screen
from posec3d_cli.video import open_video

SENT = Alert(1.7e9, "fall", 3, 0.91, True, "", 2)
NOT_SENT = Alert(1.7e9, "fall", 3, 0.91, False, "12 were sent within an hour", 2)


def test_every_line_is_written_at_once():
    stream = io.StringIO()
    lines = JsonLines(stream)
    lines.status(SourceStatus(1.7e9, "lost", "it ended", 0.5))
    lines.answer(live_fakes.answer(1.7e9, p1="fall"))
    lines.alert(NOT_SENT)
    told = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [one["type"] for one in told] == ["status", "answer", "alert"]
    assert (told[0]["state"], told[0]["retry_seconds"]) == ("lost", 0.5)
    assert told[1]["people"][0]["label"] == "fall"
    assert told[1]["counts"] == {"decoded": 100, "processed": 40, "dropped": 60, "damaged": 2}
    assert (told[2]["sent"], told[2]["why_not"]) == (False, "12 were sent within an hour")


def grey(level, size=(60, 40)):
    return np.full((size[1], size[0], 3), level, np.uint8)


def test_frames_are_recorded_at_the_times_at_which_they_came(tmp_path):
    with Recording(tmp_path / "out.mp4") as recording:
        assert not any(tmp_path.iterdir()), "without a frame there is no file"
        for seconds, level in ((100.0, 50), (100.5, 100), (102.0, 150)):
            recording.frame(grey(level), seconds)
    with open_video(tmp_path / "out.mp4") as video:
        assert [frame.seconds for frame in video.frames()] == pytest.approx([0, 0.5, 2.0], abs=0.01)


def test_a_recording_is_whole_where_the_source_is_given_up(tmp_path):
    def record():
        with Recording(tmp_path / "out.mp4") as recording:
            recording.frame(grey(50), 1.0)
            recording.frame(grey(90), 2.0)
            raise InputError("the source gave no frame for 60 seconds")

    with pytest.raises(InputError):
        record()
    with open_video(tmp_path / "out.mp4") as video:
        assert video.info.frame_count == 2


def test_frames_of_another_size_are_fitted_into_the_first(tmp_path):
    with Recording(tmp_path / "out.mp4") as recording:
        recording.frame(grey(200), 0.0)
        recording.frame(grey(200, (40, 80)), 1.0)
    with open_video(tmp_path / "out.mp4") as video:
        first, second = video.frames()
        assert first.pixels.shape == second.pixels.shape == (40, 60, 3)
        assert second.pixels[:, :10].mean() < 20 < 180 < second.pixels[:, 25:35].mean()


def test_without_a_frame_there_is_no_file_and_an_error_leaves_none(tmp_path):
    with Recording(tmp_path / "out.mp4"):
        pass

    def record(*times):
        with Recording(tmp_path / "out.mp4") as recording:
            for seconds in times:
                recording.frame(grey(1), seconds)

    with pytest.raises(OutputError, match="cannot follow"):
        record(1.0, 0.0)
    assert list(tmp_path.iterdir()) == []


def test_a_command_gets_the_alert_and_only_one_that_is_sent(tmp_path):
    program = (
        "import os, sys\n"
        "names = ('LABEL', 'PERSON', 'SCORE', 'SUPPRESSED')\n"
        f"open({str(tmp_path / 'told')!r}, 'a').write("
        "' '.join(os.environ['POSEC3D_' + name] for name in names) + sys.stdin.read())\n"
    )
    with AlertCommand([sys.executable, "-c", program]) as command:
        command.alert(NOT_SENT)
        command.alert(SENT)
    told = (tmp_path / "told").read_text()
    assert told.startswith("fall 3 0.91 2{")
    assert json.loads(told[told.index("{") :])["label"] == "fall"


def test_a_command_that_fails_or_is_not_there_is_said(caplog):
    with caplog.at_level(logging.WARNING, "posec3d"):
        with AlertCommand([sys.executable, "-c", "raise SystemExit(3)"]) as command:
            command.alert(SENT)
        AlertCommand(["/no/such/program"]).alert(SENT)
    assert "ended with code 3" in caplog.text
    assert "/no/such/program cannot be started: No such file" in caplog.text


def test_commands_that_do_not_end_are_not_piled_up(caplog):
    command = AlertCommand([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        with caplog.at_level(logging.WARNING, "posec3d"):
            for _ in range(MOST_COMMANDS + 1):
                command.alert(SENT)
        assert "are still running" in caplog.text
        assert len(command._running) == MOST_COMMANDS
    finally:
        for process in command._running:
            process.kill()
            process.wait()


def test_a_quiet_output_takes_everything():
    quiet = Quiet()
    quiet.frame(grey(1), 0.0)
    quiet.answer(live_fakes.answer(0.0))
    quiet.status(SourceStatus(0.0, "live", ""))
    quiet.alert(SENT)
    assert not quiet.wants_frames


def test_a_window_without_a_display_or_without_windows_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(OutputError, match="there is no display") as info:
        Screen(None)
    assert "--serve" in info.value.hint

    def headless(*arguments):
        raise cv2.error("The function is not implemented")

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(cv2, "namedWindow", headless)
    with pytest.raises(OutputError, match="shows no windows"):
        Screen(None)


@pytest.mark.parametrize(("size", "shown"), [((320, 240), (320, 240)), ((1768, 994), (1280, 720))])
def test_the_window_begins_at_the_size_of_the_frames_or_of_a_small_screen(monkeypatch, size, shown):
    sizes, keys = [], [255, ord("q")]
    monkeypatch.setenv("DISPLAY", ":0")
    for name in ("namedWindow", "imshow"):
        monkeypatch.setattr(cv2, name, lambda *arguments: None)
    monkeypatch.setattr(cv2, "resizeWindow", lambda title, *of: sizes.append(of))
    monkeypatch.setattr(cv2, "waitKey", lambda milliseconds: keys.pop(0))
    monkeypatch.setattr(cv2, "getWindowProperty", lambda *arguments: 1)
    stop = threading.Event()
    screen = Screen(stop)
    screen.frame(grey(0, size), 0.0)
    assert not stop.is_set()
    screen.frame(grey(0, size), 0.1)
    assert stop.is_set(), "q ends the run"
    assert sizes == [shown]
