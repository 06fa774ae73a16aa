"""Processes of their own for the videos, which may die or hang."""

from __future__ import annotations

import functools
import os
import shutil
from pathlib import Path

import batch_fakes
import fakes
import pytest

from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.label_task import LabelTask
from posec3d_cli.batch.pool import WorkerPool
from posec3d_cli.config import PipelineConfig
from posec3d_cli.errors import OutputError, StageError, WeightsMissing
from posec3d_cli.output.tables import error_of


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    log = tmp_path_factory.mktemp("log") / "log.txt"
    with WorkerPool(batch_fakes.LabelTask(PipelineConfig()).make, 1, log=log) as made:
        made.log = log
        yield made


def outcome_of(worker, found, timeout=20, counted=None):
    [(done, outcome)] = worker.outcomes(
        [found], timeout=timeout, progress=lambda found, frames: counted is None or counted.append((found, frames))
    )
    assert done == found
    return outcome


def do(worker, path, **options):
    [entry] = outcome_of(worker, InputFile(path, path.name), **options).entries
    return entry["status"], error_of(entry)


@pytest.fixture
def named(clip, tmp_path):
    return lambda name: Path(shutil.copyfile(clip, tmp_path / name))


def test_a_video_is_done_and_its_frames_are_counted(worker, clip):
    counted = []
    found = InputFile(clip, "clip")
    outcome = outcome_of(worker, found, counted=counted)
    assert [entry["video"] for entry in outcome.entries] == ["clip"]
    assert counted == [(found, 8), (found, 8)], "once when posed, and again as a sign of life when read"
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


def test_workers_do_videos_side_by_side_and_one_that_dies_costs_only_its_own(named, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    videos = [InputFile(named(name), name) for name in ("wait1.mp4", "wait2.mp4", "crash.mp4", "good.mp4")]
    begun = []

    def drawn():
        for video in videos:
            begun.append(video.name)
            yield video

    ended = []
    with WorkerPool(batch_fakes.LabelTask(PipelineConfig()).make, 2) as pool:
        # Either could wait for ever: that both are in work at once is what lets the test end.
        (tmp_path / "go-wait2.mp4").touch()
        for found, outcome in pool.outcomes(drawn(), timeout=20, progress=lambda found, frames: None):
            ended.append((found.name, outcome.entries[0]["status"]))
            if len(ended) == 3:
                assert begun == [video.name for video in videos], "wait1.mp4 holds one worker, the other does the rest"
                (tmp_path / "go-wait1.mp4").touch()
    assert ended == [("wait2.mp4", "ok"), ("crash.mp4", "failed"), ("good.mp4", "ok"), ("wait1.mp4", "ok")]


def test_a_worker_that_hangs_is_given_up_while_the_other_goes_on(named, tmp_path, monkeypatch):
    videos = [InputFile(named(name), name) for name in ("hang.mp4", *(f"good{number}.mp4" for number in range(3)))]
    with WorkerPool(batch_fakes.LabelTask(PipelineConfig()).make, 2) as pool:
        outcomes = {
            found.name: outcome.entries[0]["status"]
            for found, outcome in pool.outcomes(videos, timeout=1.5, progress=lambda found, frames: None)
        }
    assert outcomes == {"hang.mp4": "failed", "good0.mp4": "ok", "good1.mp4": "ok", "good2.mp4": "ok"}


def test_where_nothing_is_to_be_done_nobody_asks_for_a_gpu(monkeypatch):
    monkeypatch.setattr("posec3d_cli.batch.pool.resolve_device", lambda name: pytest.fail("asked"))
    with WorkerPool(tell_gpu, 0, device="cuda") as pool:
        assert not list(pool.outcomes([], timeout=20, progress=lambda found, frames: None))


def test_gpus_are_dealt_out_to_the_workers_in_turn(clip, monkeypatch):
    monkeypatch.setattr("posec3d_cli.batch.pool.visible_gpus", lambda: ["4", "GPU-7"])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,GPU-7")
    monkeypatch.setattr("posec3d_cli.batch.pool.resolve_device", lambda name: name)
    videos = [InputFile(clip, f"{number}.mp4") for number in range(3)]
    for device, seen in [("cuda", ["4", "4", "GPU-7"]), ("cuda:1", ["4,GPU-7"] * 3)]:
        with WorkerPool(tell_gpu, 3, device=device) as pool:
            outcomes = list(pool.outcomes(videos, timeout=20, progress=lambda found, frames: None))
        assert sorted(outcome.entries[0]["gpu"] for _, outcome in outcomes) == seen


def test_workers_share_the_processors(clip, monkeypatch):
    monkeypatch.setattr("posec3d_cli.batch.pool.processors", lambda: 6)
    monkeypatch.setattr("posec3d_cli.batch.pool.network_threads", lambda: 4)
    assert [threads_in(size, clip) for size in (1, 2, 6, 9)] == [None, "3", "1", "1"]
    monkeypatch.setattr("posec3d_cli.batch.pool.network_threads", lambda: 1)
    assert threads_in(2, clip) == "1", "what OMP_NUM_THREADS says is not exceeded"


def threads_in(size, clip):
    with WorkerPool(tell_threads, size) as pool:
        [(_, outcome)] = pool.outcomes([InputFile(clip, "")], timeout=20, progress=lambda found, frames: None)
    return outcome.entries[0]["threads"]


def tell_threads():
    return lambda found, count: [{"threads": os.environ.get("OMP_NUM_THREADS")}]


def tell_gpu():
    return lambda found, count: [{"gpu": os.environ.get("CUDA_VISIBLE_DEVICES")}]


def refuse():
    raise WeightsMissing("no weights", hint="connect")


def blow_up(error):
    raise error


def test_models_that_cannot_be_made_end_the_run(clip):
    with WorkerPool(refuse, 1) as worker, pytest.raises(WeightsMissing) as caught:
        do(worker, clip)
    assert (caught.value.what, caught.value.hint) == ("no weights", "connect")
    with (
        WorkerPool(functools.partial(blow_up, KeyError("x")), 1) as worker,
        pytest.raises(StageError, match="KeyError"),
    ):
        do(worker, clip)
    with (
        WorkerPool(functools.partial(blow_up, SystemExit(4)), 1) as worker,
        pytest.raises(StageError, match="with code 4"),
    ):
        do(worker, clip)


def test_the_fingerprint_follows_models_settings_and_options_and_nothing_else():
    base = LabelTask(PipelineConfig()).fingerprint()
    assert LabelTask(PipelineConfig(), pictures=False, poses=Path("p")).fingerprint() == base
    others = [
        LabelTask(PipelineConfig(detector="whole-frame")),
        LabelTask(PipelineConfig(precision="bf16")),
        LabelTask(PipelineConfig(detector_settings={"max_people": 1})),
        LabelTask(PipelineConfig(views=2)),
        LabelTask(PipelineConfig(ensemble_weights=(1.0,))),
    ]
    assert len({base, *(other.fingerprint() for other in others)}) == 6


def test_the_settings_reach_the_pipeline(monkeypatch, tmp_path):
    made = []
    monkeypatch.setattr(
        "posec3d_cli.batch.label_task.Pipeline.from_config", lambda config: made.append(config) or fakes.pipeline()
    )
    config = PipelineConfig("p", "d", "q", ("c",), (2.0,), "b", device="cpu", offline=True, cache_dir=tmp_path)
    assert callable(LabelTask(config).make())
    assert made == [config]
