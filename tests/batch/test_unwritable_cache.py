"""Poses that cannot be kept cost no answer, and are spoken of once, however many videos and processes there are."""

from __future__ import annotations

import shutil

import batch_fakes
import pytest

from posec3d_cli.batch.find import InputFile
from posec3d_cli.config import PipelineConfig
from posec3d_cli.datasets import poses


@pytest.fixture
def taken(tmp_path):
    """Where no folder can be made, not even by root."""
    (tmp_path / "taken").touch()
    return tmp_path / "taken" / "cache"


def test_label_answers_and_says_it_once(program, clip, taken):
    folder = program.folder / "in"
    folder.mkdir()
    for name in "abc":
        shutil.copy(clip, folder / f"{name}.mp4")
    arguments = ("label", folder, "-o", "out.csv", "--workers", 2, "--cache", taken)
    assert program.run(*arguments, FAKE_CACHE="1") == 0
    assert (program.folder / "out.csv").read_text().count(",ok,") == 3
    assert program.stderr.count("poses are not kept for the next time") == 1


def test_the_people_of_labelled_clips_are_found_all_the_same(clip, taken, monkeypatch, caplog):
    monkeypatch.setenv("FAKE_CACHE", "1")
    task = batch_fakes.PeopleTask(PipelineConfig(device="cpu", cache_dir=taken))
    [(_, [people])] = poses.side_by_side(task, 1)([InputFile(clip, "clip.mp4")], {})
    assert people.keypoints.shape[1] == 20
    [said] = caplog.messages
    assert "is a file" in said
