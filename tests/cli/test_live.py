"""`posec3d live` on the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import fakes
import live_senders
import pytest
import random_cards
import video_factory

from posec3d_cli.pipeline import Pipeline
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.video import open_video


@pytest.fixture
def live(posec3d, monkeypatch, tmp_path):
    """Runs `live` with fake models, in a folder of its own."""
    sampling = ClipSampling(frames=4, people="each", window_seconds=0.5)
    monkeypatch.setattr(
        Pipeline, "from_config", lambda config, **options: fakes.pipeline(lambda index: [60], sampling=sampling)
    )
    monkeypatch.chdir(tmp_path)
    video_factory.write(tmp_path / "clip.mp4", 30, rate=live_senders.Fraction(20))
    return lambda *arguments: posec3d("live", *arguments)


def test_a_file_as_if_live_gives_lines_json_and_a_video(live, tmp_path):
    ran = live("clip.mp4", "--stride", 0.3, "--jsonl", "out.jsonl", "--save-video", "out.mp4")
    assert ran.code == 0
    answers = [line for line in ran.out.splitlines() if "#0 right" in line]
    assert len(answers) >= 2
    assert "frames/s" in answers[0]
    assert "s late" in answers[0]
    assert "source: " in ran.err
    assert "live: gives frames" in ran.err
    assert "live:  30 frames decoded, " in ran.err
    told = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [one["state"] for one in told if one["type"] == "status"] == ["connecting", "live", "ended"]
    assert len([one for one in told if one["type"] == "answer"]) == len(answers)
    with open_video(tmp_path / "out.mp4") as video:
        assert 3 <= video.info.frame_count <= 30
        assert video.info.duration > 0.5
    again = live("clip.mp4", "--save-video", "out.mp4")
    assert (again.code, "already there" in again.err) == (1, True)


def test_a_classifier_that_reads_frames_is_refused_before_anything_is_fetched(posec3d, live, tmp_path, monkeypatch):
    monkeypatch.setattr(Pipeline, "from_config", lambda config, **options: pytest.fail("weights are fetched"))
    outputs = ("--save-video", "out.mp4", "--jsonl", "out.jsonl")
    ran = live("clip.mp4", "--classifier", "rgbpose-ntu60-xsub", *outputs)
    assert ran.code == 1
    assert "error: rgbpose-ntu60-xsub needs the frames of a video" in ran.err
    assert "hint:  --classifier rgbpose-ntu60-xsub-pose or " in ran.err
    random_cards.write_rgbpose_card(tmp_path / "runs" / "both", seed=0)
    ran = live("clip.mp4", "--classifier", "runs/both", *outputs)
    assert "error: both needs the frames of a video" in ran.err
    assert "hint:  leave out --classifier, or name one that was trained with --arch slowonly or stgcn++" in ran.err
    assert not (tmp_path / "out.jsonl").exists()


def test_a_run_without_an_answer_says_why(live):
    video_factory.write(Path("short.mp4"), 3)
    ran = live("short.mp4")
    assert ran.code == 0
    assert "no answer came: " in ran.err
    assert "of 3 frames were processed, too few for a window, or it ended too soon" in ran.err
    assert "no answer came" not in live("clip.mp4").err


def test_json_on_stdout_leaves_the_lines_to_stderr(live):
    ran = live("clip.mp4", "--jsonl", "-", "--stride", 0.3)
    assert {json.loads(line)["type"] for line in ran.out.splitlines()} == {"status", "answer"}
    assert "#0 right" in ran.err
    assert "#0" not in live("clip.mp4", "--quiet").out


def test_an_alert_starts_a_command_once(live, tmp_path):
    program = f"{sys.executable} -c \"open('rang', 'a').write('x')\""
    ran = live("clip.mp4", "--stride", 0.2, "--on-label", "right", "--run", program)
    assert ran.code == 0
    assert "ALERT right by #0" in ran.out
    assert (tmp_path / "rang").read_text() == "x"


def test_what_makes_no_sense_is_refused_before_anything_is_opened(live):
    for arguments, said in (
        (("clip.mp4", "--run", "true"), "--run needs --on-label"),
        (("clip.mp4", "--on-label", "rihgt"), "did you mean 'right'?"),
        (("clip.mp4", "--on-label", "right", "--run", "no-such-program x"), "there is no program"),
        (("clip.mp4", "--on-label", "right", "--run", "'"), "cannot be read as a command"),
        (("clip.mp4", "--save-video", "out.avi"), "writes .mp4 files"),
        (("clip.mp4", "--stride", "0"), "--stride"),
    ):
        ran = live(*arguments)
        assert (ran.code, said in ran.err) == (2, True), ran.err
    for arguments, said in (
        (("none.mp4",), "there is no file none.mp4"),
        (("gopher://host/a",), "is no live source"),
        (("clip.mp4", "--jsonl", "no/such/folder.jsonl"), "there is no folder"),
    ):
        ran = live(*arguments)
        assert (ran.code, said in ran.err) == (1, True), ran.err


def test_a_source_that_cannot_be_read_is_an_error(live, tmp_path):
    (tmp_path / "text.mp4").write_text("no video")
    ran = live("text.mp4", "--save-video", "out.mp4")
    assert (ran.code, "cannot be read as a live source" in ran.err) == (1, True)
    ran = live(f"tcp://127.0.0.1:{live_senders.free_port()}", "--give-up", 1)
    assert (ran.code, "gave no frame" in ran.err) == (1, True)
    assert not (tmp_path / "out.mp4").exists()


def test_a_signal_ends_it_with_a_whole_video(live, tmp_path):
    video_factory.write(tmp_path / "long.mp4", 900, rate=live_senders.Fraction(20))
    threading.Timer(2.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    begun, before = time.monotonic(), signal.getsignal(signal.SIGINT)
    ran = live("long.mp4", "--save-video", "out.mp4", "--stride", 0.5)
    assert ran.code == 0
    assert time.monotonic() - begun < 20
    with open_video(tmp_path / "out.mp4") as video:
        assert video.info.frame_count > 5
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.weights
def test_the_program_itself_reads_a_stream_that_is_piped_into_it(tmp_path):
    path = video_factory.write(tmp_path / "a.ts", 60)
    words = [sys.executable, "-m", "posec3d_cli.cli.start", "live", "-", "--jsonl", "-", "--offline"]
    with path.open("rb") as stdin:
        ran = subprocess.run(words, stdin=stdin, capture_output=True, text=True, check=True, timeout=120)
    told = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [one["state"] for one in told if one["type"] == "status"][-1] == "ended"
    assert "60 frames decoded" in ran.stderr


def test_the_page_is_served_while_it_runs(live, monkeypatch):
    ran = live("clip.mp4", "--serve")
    assert ran.code == 0
    assert "page:  http://127.0.0.1:" in ran.err
    assert "?token=" in ran.err


def test_a_window_needs_a_display(live, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    ran = live("clip.mp4", "--show")
    assert (ran.code, "there is no display" in ran.err) == (1, True)
    assert Path("clip.mp4").exists()
