"""A process of its own for the videos, which may die or hang."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path

import batch_fakes
import fakes
import pytest

from posec3d_cli.batch.find import Found
from posec3d_cli.batch.ledger import error_of
from posec3d_cli.batch.work import Labelling, Models
from posec3d_cli.batch.worker import Worker
from posec3d_cli.errors import OutputError, StageError, WeightsMissing
from posec3d_cli.pose_cache import PoseCache


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    log = tmp_path_factory.mktemp("log") / "log.txt"
    with Worker(batch_fakes.Labelling(Models()).make, log=log) as made:
        made.log = log
        yield made


def do(worker, path, **options):
    outcome = worker.do(Found(path, path.name), **{"timeout": 20, **options})
    [entry] = outcome.entries
    return entry["status"], error_of(entry)


@pytest.fixture
def named(clip, tmp_path):
    return lambda name: Path(shutil.copyfile(clip, tmp_path / name))


def test_a_video_is_done_and_its_frames_are_counted(worker, clip):
    counted = []
    outcome = worker.do(Found(clip, "clip"), timeout=20, progress=counted.append)
    assert [entry["video"] for entry in outcome.entries] == ["clip"]
    assert counted == [8, 8], "once when posed, and again as a sign of life when read"
    assert len(outcome.sha256) == 64
    assert outcome.seconds > 0


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("crash.mp4", "its process crashed (SIGSEGV: Segmentation fault)"),
        ("exit.mp4", "its process ended by itself, with code 3"),
        ("killed.mp4", "its process was killed (SIGKILL); the memory may have run out"),
        ("hang.mp4", "given up: nothing moved for 0.5 seconds"),
        ("bug.mp4", "an unexpected error, ZeroDivisionError: one by nothing"),
        ("vanish.mp4", "there is no file"),
        ("text.mp4", "cannot be read as a video"),
    ],
)
def test_a_video_that_goes_wrong_in_any_way_fails_alone(worker, named, name, reason):
    path = named(name)
    if name.startswith("text"):
        path.write_text("no video")
    status, error = do(worker, path, timeout=0.5 if name.startswith("hang") else 20)
    assert status == "failed"
    assert reason in error
    assert do(worker, named("good.mp4")) == ("ok", "")


def test_what_decoders_say_and_tracebacks_go_to_the_log(worker, named, capfd):
    do(worker, named("noisy.mp4"))
    do(worker, named("bug2.mp4"))
    said = worker.log.read_text()
    assert "a decoder talks" in said
    assert "ZeroDivisionError: one by nothing" in said
    assert capfd.readouterr() == ("", "")


def test_a_full_disk_is_no_videos_fault(worker, named):
    with pytest.raises(OutputError, match=r"full\.mp4 cannot be written: No space left on device"):
        do(worker, named("full.mp4"))


def refuse():
    raise WeightsMissing("no weights", hint="connect")


def blow_up(error):
    raise error


def test_models_that_cannot_be_made_end_the_run(clip):
    with Worker(refuse) as worker, pytest.raises(WeightsMissing) as caught:
        do(worker, clip)
    assert (caught.value.what, caught.value.hint) == ("no weights", "connect")
    with Worker(functools.partial(blow_up, KeyError("x"))) as worker, pytest.raises(StageError, match="KeyError"):
        do(worker, clip)
    with Worker(functools.partial(blow_up, SystemExit(4))) as worker, pytest.raises(StageError, match="with code 4"):
        do(worker, clip)


def test_the_fingerprint_follows_models_settings_and_options_and_nothing_else():
    base = Labelling(Models()).fingerprint()
    assert Labelling(Models(), pictures=False, poses=Path("p")).fingerprint() == base
    others = [
        Labelling(Models(detector="whole-frame")),
        Labelling(Models(precision="bf16")),
        Labelling(Models(detector_options={"max_people": 1})),
        Labelling(Models(), reading={"views": 2}),
    ]
    assert len({base, *(other.fingerprint() for other in others)}) == 5


def test_the_settings_reach_the_pipeline(monkeypatch, tmp_path):
    made = {}

    def from_name(name, **options):
        made.update(options, name=name)
        return fakes.pipeline()

    monkeypatch.setattr("posec3d_cli.batch.work.Pipeline.from_name", from_name)
    cache = PoseCache(tmp_path)
    models = Models("p", "d", "q", "c", "b", "cpu", "fp32", "decord", True, {"max_people": 1}, cache)
    assert callable(Labelling(models).make())
    assert made == {
        **{"name": "p", "detector": "d", "pose": "q", "classifier": "c", "builder": "b", "device": "cpu"},
        **{"precision": "fp32", "reader": "decord", "offline": True, "detector_options": {"max_people": 1}},
        "cache": cache,
    }
