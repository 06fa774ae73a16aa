"""Where the time of a pipeline goes: what is counted, and what is advised."""

from __future__ import annotations

from types import SimpleNamespace

import fakes
import pytest
import video_factory

from posec3d_cli.evaluation.speed import ADVICE, CROP, OTHER, STAGES, Speed, advice, measure
from posec3d_cli.extraction.cache import PoseCache


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return video_factory.write(tmp_path_factory.mktemp("clips") / "clip.mp4", 30)


def test_every_run_does_the_same_work_and_the_parts_make_the_whole(clip):
    stages, told = fakes.pipeline(lambda index: [30, 60]), []
    speed = measure(stages, clip, every_frame=True, repeats=2, done=told.append)
    assert told == [1, 2, 3]
    assert stages.extractor.detector.seen == [*range(30)] * 3
    assert (speed.frames, speed.people) == (30, 60)
    assert list(speed.seconds) == [*STAGES, OTHER]
    assert all(speed.seconds[stage] > 0 for stage in STAGES)
    assert sum(speed.seconds.values()) == pytest.approx(speed.whole, rel=0.05)
    assert 0 < speed.fastest <= speed.whole <= speed.slowest
    assert speed.frames_per_second == pytest.approx(30 / speed.whole)


def test_a_prediction_takes_only_the_frames_that_it_rests_on(clip):
    stages = fakes.pipeline()
    speed = measure(stages, clip, every_frame=False, repeats=1)
    assert speed.frames == 8
    assert len(stages.extractor.detector.seen) == 16


def test_a_long_video_is_taken_to_end_early(clip):
    stages = fakes.pipeline()
    speed = measure(stages, clip, every_frame=True, frames=20, repeats=1)
    assert speed.frames == 20
    assert set(stages.extractor.detector.seen) == set(range(20))
    _, clips, _ = stages.recognizer.members[0].builder.calls[0]
    assert clips.max() < 20


def test_a_pipeline_that_keeps_poses_is_not_measured(clip, tmp_path):
    stages = fakes.pipeline()
    stages.extractor.cache = PoseCache(tmp_path)
    with pytest.raises(ValueError, match="with a pose cache"):
        measure(stages, clip, every_frame=True)


def speed_of(**seconds):
    return Speed(10, 10, seconds, 10.0, 10.0, 10.0)


def test_advice_is_about_the_stages_that_take_much():
    [detect] = advice([speed_of(detect=6.0, pose=3.9), speed_of(detect=1.0)])
    assert detect.startswith("detect takes 60% of the time")
    assert len(advice([speed_of(detect=4.5, pose=4.5)])) == 2
    assert advice([speed_of(decode=2, detect=2, pose=2, classify=2)]) == []
    assert set(ADVICE) < {*STAGES, CROP}


def test_the_command_prints_both_ways_and_names_the_models(posec3d_benchmark, clip):
    ran = posec3d_benchmark(clip, "--repeats", 1)
    lines = [line.split("\t") for line in ran.stdout.splitlines()]
    assert [line[0] for line in lines] == ["stage", *STAGES, OTHER, "whole"]
    assert {len(line) for line in lines} == {7}
    assert lines[-1][3] == lines[-1][6] == "100%"
    assert "fake-detector on cpu" in ran.stderr
    assert "all frames: 30 frames, 30 people in them" in ran.stderr
    assert "one prediction: 8 frames, 8 people in them" in ran.stderr


def test_the_command_writes_json(posec3d_benchmark, clip):
    import json

    found = json.loads(posec3d_benchmark(clip, "--repeats", 1, "--json").stdout)
    assert found["models"]["classifier"] == "fake-classifier on cpu"
    assert found["all_frames"]["frames"] == 30
    assert found["one_prediction"]["frames"] == 8
    assert set(found["all_frames"]["seconds"]) == {*STAGES, OTHER, "whole"}


@pytest.fixture
def posec3d_benchmark(monkeypatch):
    import typer
    from typer.testing import CliRunner

    from posec3d_cli.cli.benchmark import benchmark
    from posec3d_cli.pipeline import Pipeline

    made = SimpleNamespace(config=None)

    def from_config(config, *, progress):
        made.config = config
        return fakes.pipeline()

    monkeypatch.setattr(Pipeline, "from_config", from_config)
    app = typer.Typer(rich_markup_mode=None)
    app.command()(benchmark)

    def run(*arguments):
        ran = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert ran.exit_code == 0, ran.output
        assert made.config.cache_dir is None  # nothing may be known already
        return ran

    return run
