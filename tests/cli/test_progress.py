"""How far a run is: said on a pipe every half minute, whatever it waits for."""

from __future__ import annotations

import time

import pytest

from posec3d_cli.cli.batch_run import saying_read
from posec3d_cli.cli.progress import SECONDS_BETWEEN_LINES, now_and_then
from posec3d_cli.cli.training_progress import Clock, Lines, place, training_progress
from posec3d_cli.training.loop import EpochMetrics, Validation


@pytest.fixture
def often(monkeypatch):
    monkeypatch.setattr("posec3d_cli.cli.progress.SECONDS_BETWEEN_LINES", 0.02)


def wait_for(said, capsys):
    """The lines that are said until one of them holds this."""
    until, heard = time.monotonic() + 20, ""
    while said not in heard:
        assert time.monotonic() < until, heard
        time.sleep(0.01)
        heard += capsys.readouterr().err
    return heard


def test_something_is_said_every_half_minute_until_the_end(often):
    assert SECONDS_BETWEEN_LINES == 30
    times = []
    with now_and_then(lambda: times.append(1)):
        while len(times) < 3:
            time.sleep(0.01)
    said = len(times)
    time.sleep(0.1)
    assert len(times) == said


def test_a_training_says_which_epoch_of_which_network_it_is_in(often, capsys):
    with training_progress(2, 3) as watcher:
        wait_for("epoch: the first step is being prepared", capsys)
        watcher.network(1)
        watcher.features(16, 48)
        wait_for("epoch: a new head on the frozen backbone: sample 16 of 48", capsys)
        watcher.step(1, 4, 9, 0.25)
        wait_for("epoch: 1 of 2, network 2 of 3: step 4 of 9, loss 0.250", capsys)
        watcher.epoch(EpochMetrics(1, 2, 0.5, 0.1, Validation({"all": 0.75})))
        wait_for("epoch: 1 of 2, network 2 of 3: loss 0.500, validation top-1: all 75.0%", capsys)
        watcher.finished(1, 0)
        wait_for("ended early after 1 of 2, network 2 of 3: the model is the head on the frozen backbone", capsys)
        watcher.finished(0, 0)
        wait_for("done:  ended after head on the frozen backbone, network 2 of 3: the model is the head", capsys)
        watcher.finished(2, 1)
        wait_for("done:  ended after 2 of 2, network 2 of 3: the model is epoch 1", capsys)
        watcher.measuring()
        wait_for("the model is measured on the validation clips", capsys)


@pytest.mark.parametrize(
    ("epoch", "number", "networks", "words"),
    [
        (1, 0, 1, "1 of 2"),
        (2, 0, 1, "2 of 2"),
        (0, 0, 1, "head on the frozen backbone"),
        (1, 0, 2, "1 of 2, network 1 of 2"),
        (2, 1, 2, "2 of 2, network 2 of 2"),
    ],
)
def test_epochs_are_counted_within_their_network(epoch, number, networks, words):
    lines = Lines(2, networks)
    lines.network(number)
    assert place(epoch, lines) == words


def test_the_time_left_is_that_of_the_steps_that_are_left(monkeypatch):
    """Ten steps in 100 seconds, and 90 of two networks of five epochs are to come."""
    times = iter([0.0, 1000.0, 1100.0])
    monkeypatch.setattr("posec3d_cli.cli.training_progress.time.monotonic", lambda: next(times))
    clock = Clock(5, 2)
    assert clock.left == ""
    clock.step(0, 1, 1, 10)
    assert clock.left == "", "nothing is known of the first step, which makes what is made at first use"
    clock.step(0, 2, 1, 10)
    assert clock.left == ", at most 15 min left"


def test_an_evaluation_says_how_many_clips_are_read(often, capsys):
    with saying_read() as read:
        read(3, 8)
        wait_for("read:  3 of 8 clips", capsys)
