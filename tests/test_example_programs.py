"""Every example runs, as a user runs it, and prints what is true."""

from __future__ import annotations

import importlib
import os
import runpy
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import fakes
import numpy as np
import pytest
import video_factory

from posec3d_cli.config import DEFAULT_PIPELINE
from posec3d_cli.errors import BadCard, UnreadableVideo, WeightsMissing
from posec3d_cli.hub.catalog import load_card, load_pipeline
from posec3d_cli.hub.sample_clips import fetch_sample
from posec3d_cli.pose_files import read_pose_file
from posec3d_cli.stages.create import create_stage
from posec3d_cli.testing import check_detector
from posec3d_cli.types import Frame

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


@dataclass(frozen=True)
class Ran:
    """What one example printed."""

    code: int
    lines: list[str]
    err: str


@pytest.fixture
def example(monkeypatch, capsys) -> Callable[..., Ran]:
    """Runs an example in this process: `example("read_poses", "walk.mp4", "out.npz").lines`."""

    def run(name: str, *arguments: object) -> Ran:
        file = EXAMPLES / f"{name}.py"
        monkeypatch.setattr("sys.argv", [str(file), *map(str, arguments)])
        code: object = 0
        try:
            runpy.run_path(str(file), run_name="__main__")
        except SystemExit as exit_:
            code = exit_.code or 0
        printed = capsys.readouterr()
        return Ran(int(code), printed.out.splitlines(), printed.err)

    return run


@pytest.fixture
def module(monkeypatch):
    """Imports an example: `module("own_detector").PlainBackground`."""
    monkeypatch.syspath_prepend(EXAMPLES)
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if (EXAMPLES / f"{name}.py").exists():
            del sys.modules[name]


@pytest.fixture(scope="module")
def walk() -> Path:
    try:
        return fetch_sample("walk")
    except WeightsMissing as error:
        if os.environ.get("POSEC3D_REQUIRE_WEIGHTS") == "1":
            raise
        pytest.skip(f"the clip cannot be fetched here: {error.what}")


def test_every_example_is_run_here():
    source = Path(__file__).read_text(encoding="utf-8")
    programs = [program.stem for program in EXAMPLES.glob("*.py")]
    assert programs
    assert [name for name in programs if f'example("{name}"' not in source] == []


def test_keypoints_become_a_volume_and_the_waving_wrist_is_seen_to_wave(example):
    ran = example("volume_from_keypoints")
    assert ran.code == 0
    assert ran.lines[0].endswith("(1, 17, 48, 56, 56)")
    columns = {line.split()[0]: (int(line.split()[-3]), int(line.split()[-1])) for line in ran.lines[1:]}
    assert len(columns) == 17
    widths = {joint: last - first for joint, (first, last) in columns.items()}
    assert widths.pop("right_wrist") > 2 * max(widths.values())


def plain(number: int, left: int, *, size=(60, 90)) -> Frame:
    pixels = np.full((*size, 3), (200, 190, 180), np.uint8)
    pixels[10:50, left : left + 15] = (40, 60, 20)
    return Frame(pixels, number, number / 25)


def test_the_detector_of_ones_own_keeps_the_contract_and_finds_who_stands_out(module):
    detector = module("own_detector").PlainBackground()
    check_detector(detector)
    frames = [plain(0, 20), plain(1, 30), Frame(np.full((60, 90, 3), 128, np.uint8), 2, 0.08)]
    check_detector(detector, frames)
    first, second, empty = detector.detect(frames)
    assert first.boxes.tolist() == [[20, 10, 35, 50]]
    assert second.boxes.tolist() == [[30, 10, 45, 50]]
    assert len(empty) == 0


@pytest.fixture
def plugin(tmp_path, module):
    """The entry point and the card that the example's docstring shows, laid down as pip would."""
    text = module("own_detector").__doc__
    metadata = tmp_path / "own_detector-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: own-detector\nVersion: 1.0\n")
    shown = [line.strip() for line in text.splitlines()]
    [point] = [line.replace('"', "") for line in shown if line.startswith("plain-background = ")]
    (metadata / "entry_points.txt").write_text(f"[posec3d.detectors]\n{point}\n")
    card = shown[next(number for number, line in enumerate(shown) if line.startswith("kind = ")) :]
    (tmp_path / "model.toml").write_text("\n".join(card))
    return tmp_path


def test_the_detector_of_ones_own_is_made_by_name_from_the_card_that_the_example_shows(plugin, monkeypatch):
    monkeypatch.syspath_prepend(plugin)
    card = load_card(plugin, "detector")
    detector = create_stage(card)
    assert type(detector).__name__ == "PlainBackground"
    assert (detector.settings.difference, create_stage(card, difference=9).settings.difference) == (40, 9)
    with pytest.raises(BadCard, match=r"unknown key recipe\.colour = 'blue'"):
        create_stage(card, colour="blue")


@pytest.mark.weights
def test_the_detector_of_ones_own_feeds_the_pose_model(example, weights, tmp_path):
    weights("movenet-lightning")
    clip = video_factory.write(tmp_path / "clip.mp4", 12)
    ran = example("own_detector", clip)
    assert ran.code == 0
    assert [line.split(":")[0] for line in ran.lines] == [f"frame {number}" for number in range(10)]


@pytest.mark.parametrize(("name", "arguments"), [("own_detector", ()), ("read_poses", ("clip.mp4",))])
def test_wrong_usage_is_told_on_stderr(example, name, arguments):
    ran = example(name, *arguments)
    assert (ran.code, ran.lines) == (2, [])
    assert ran.err.startswith(f"usage: python examples/{name}.py VIDEO")


def test_one_video_that_cannot_be_read_does_not_stop_the_others(module, tmp_path):
    program = module("predict_many")
    good = video_factory.write(tmp_path / "good.mp4", 30)
    bad = tmp_path / "bad.mp4"
    bad.write_text("no video")
    pipeline = fakes.pipeline(lambda index: [30])
    outcomes = list(program.outcomes(pipeline, [good, bad, good]))
    assert [path for path, _ in outcomes] == [good, bad, good]
    assert isinstance(outcomes[1][1], UnreadableVideo)
    assert program.line(outcomes[0][1]) == program.line(outcomes[2][1]) == "left 70.0 %, right 30.0 %"
    assert program.line(outcomes[1][1]).startswith("failed: ")
    [(_, nobody)] = program.outcomes(fakes.pipeline(lambda index: []), [good])
    assert program.line(nobody) == "no person"


@pytest.mark.weights
def test_several_videos_are_answered_and_the_exit_code_tells_of_the_failure(example, weights, walk, tmp_path):
    for name in ("efficientdet-lite2", "movenet-thunder", *load_pipeline(DEFAULT_PIPELINE).classifier.split("+")):
        weights(name)
    ran = example("predict_many", tmp_path / "missing.mp4", walk)
    assert ran.code == 1
    missing, walking = ran.lines
    assert missing.startswith(f"{tmp_path / 'missing.mp4'}: failed: ")
    assert walking.startswith(f"{walk}: walk ")


@pytest.mark.weights
def test_the_poses_of_the_walk_are_written_and_one_walker_is_seen_most(example, weights, walk, tmp_path):
    for name in ("efficientdet-lite2", "movenet-thunder"):
        weights(name)
    out = tmp_path / "walk.npz"
    ran = example("read_poses", walk, out, 20)
    assert ran.code == 0
    [video_poses] = read_pose_file(out)
    assert set(np.diff(video_poses.frame_indices)) == {20}
    tracks = video_poses.tracks()
    assert len(ran.lines) == len(tracks.ids) + 1
    left_hip = video_poses.skeleton.joints.index("left_hip")
    x = tracks.keypoints[0, tracks.scores[0].mean(axis=1) > 0.3, left_hip, 0]
    assert len(x) > len(video_poses) / 2
    assert np.ptp(x) > 300

    again = example("read_poses", walk, out)
    assert (again.code, again.lines) == (1, [])
    assert "is already there" in again.err
