"""Processes of their own for the videos, which may die or hang."""

from __future__ import annotations

import shutil
from pathlib import Path

import batch_fakes
import pytest

from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.pool import WorkerPool
from posec3d_cli.batch.worker import run_task
from posec3d_cli.config import PipelineConfig
from posec3d_cli.errors import OutputError, StageError, WeightsMissing
from posec3d_cli.files import digests
from posec3d_cli.results import ClipResult


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    log = tmp_path_factory.mktemp("log") / "log.txt"
    with WorkerPool(batch_fakes.LabelTask(PipelineConfig()), 1, log=log) as made:
        made.log = log
        yield made


def result_of(worker, found, timeout=20, counted=None):
    [(done, result)] = worker.results(
        [found], timeout=timeout, progress=lambda found, frames: counted is None or counted.append((found, frames))
    )
    assert done == found
    return result


def do(worker, path, **options):
    [result] = result_of(worker, InputFile(path, path.name), **options).results
    return result.status, result.error.what if result.error else ""


@pytest.fixture
def named(clip, tmp_path):
    return lambda name: Path(shutil.copyfile(clip, tmp_path / name))


def test_a_video_is_done_and_its_frames_are_counted(worker, clip):
    counted = []
    found = InputFile(clip, "clip")
    came = result_of(worker, found, counted=counted)
    assert [(type(one), one.name, one.path) for one in came.results] == [(ClipResult, "clip", clip)]
    assert len(came.results[0].video_poses) == 0, "poses are not sent"
    signs = [(found, 4), (found, 8), (found, 8)]
    assert counted == signs, "when the first are posed, when all are, and again as a sign of life when read"
    assert len(came.sha256) == 64
    assert came.seconds > 0


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("crash.mp4", "its process crashed (SIGSEGV: Segmentation fault)"),
        ("exit.mp4", "its process ended by itself, with code 3"),
        ("killed.mp4", "its process was killed (SIGKILL); the memory may have run out"),
        ("hang.mp4", "no progress for 0.5 seconds"),
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
    with WorkerPool(batch_fakes.LabelTask(PipelineConfig()), 2) as pool:
        # Either could wait for ever: that both are in work at once is what lets the test end.
        (tmp_path / "go-wait2.mp4").touch()
        for found, result in pool.results(drawn(), timeout=20, progress=lambda found, frames: None):
            ended.append((found.name, result.status))
            if len(ended) == 3:
                assert begun == [video.name for video in videos], "wait1.mp4 holds one worker, the other does the rest"
                (tmp_path / "go-wait1.mp4").touch()
    assert ended == [("wait2.mp4", "ok"), ("crash.mp4", "failed"), ("good.mp4", "ok"), ("wait1.mp4", "ok")]


def test_a_worker_that_hangs_is_given_up_while_the_other_goes_on(named, tmp_path, monkeypatch):
    videos = [InputFile(named(name), name) for name in ("hang.mp4", *(f"good{number}.mp4" for number in range(3)))]
    with WorkerPool(batch_fakes.LabelTask(PipelineConfig()), 2) as pool:
        statuses = {
            found.name: result.status
            for found, result in pool.results(videos, timeout=6, progress=lambda found, frames: None)
        }
    assert statuses == {"hang.mp4": "failed", "good0.mp4": "ok", "good1.mp4": "ok", "good2.mp4": "ok"}


def telling(variable):
    return batch_fakes.TellTask(PipelineConfig(), variable=variable)


def test_where_nothing_is_to_be_done_nobody_asks_for_a_gpu(monkeypatch):
    monkeypatch.setattr("posec3d_cli.batch.pool.resolve_device", lambda name: pytest.fail("asked"))
    with WorkerPool(telling("CUDA_VISIBLE_DEVICES"), 0, device="cuda") as pool:
        assert not list(pool.results([], timeout=20, progress=lambda found, frames: None))


def test_gpus_are_dealt_out_to_the_workers_in_turn(clip, monkeypatch):
    monkeypatch.setattr("posec3d_cli.batch.pool.visible_gpus", lambda: ["4", "GPU-7"])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,GPU-7")
    monkeypatch.setattr("posec3d_cli.batch.pool.resolve_device", lambda name: name)
    videos = [InputFile(clip, f"{number}.mp4") for number in range(3)]
    for device, seen in [("cuda", ["4", "4", "GPU-7"]), ("cuda:1", ["4,GPU-7"] * 3)]:
        with WorkerPool(telling("CUDA_VISIBLE_DEVICES"), 3, device=device) as pool:
            results = list(pool.results(videos, timeout=20, progress=lambda found, frames: None))
        assert sorted(result.error.what for _, result in results) == seen


def test_workers_share_the_processors(clip, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("posec3d_cli.batch.pool.processors", lambda: 6)
    monkeypatch.setattr("posec3d_cli.batch.pool.network_threads", lambda: 4)
    assert [threads_in(size, clip) for size in (1, 2, 6, 9)] == ["", "3", "1", "1"]
    monkeypatch.setattr("posec3d_cli.batch.pool.network_threads", lambda: 1)
    assert threads_in(2, clip) == "1", "what OMP_NUM_THREADS says is not exceeded"


def threads_in(size, clip):
    with WorkerPool(telling("OMP_NUM_THREADS"), size) as pool:
        [(_, result)] = pool.results([InputFile(clip, "")], timeout=20, progress=lambda found, frames: None)
    return result.error.what


def refusing(error):
    return WorkerPool(batch_fakes.RefuseTask(PipelineConfig(), raises=error), 1)


def test_models_that_cannot_be_made_end_the_run(clip):
    with refusing(WeightsMissing("no weights", hint="connect")) as worker, pytest.raises(WeightsMissing) as caught:
        do(worker, clip)
    assert (caught.value.what, caught.value.hint) == ("no weights", "connect")
    with refusing(KeyError("x")) as worker, pytest.raises(StageError, match="KeyError"):
        do(worker, clip)
    with refusing(SystemExit(4)) as worker, pytest.raises(StageError, match="with code 4"):
        do(worker, clip)


def test_a_video_is_hashed_once_for_the_state_and_the_cache(clip, tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_CACHE", "1")
    task = batch_fakes.LabelTask(PipelineConfig(cache_dir=tmp_path / "cache"))
    task.prepare()
    video = Path(shutil.copyfile(clip, tmp_path / "only here.mp4"))
    read = []
    plain = digests.sha256_of
    monkeypatch.setattr(digests, "sha256_of", lambda path: read.append(path) or plain(path))
    run_task(task, InputFile(video, video.name), lambda done: None)
    assert read == [video]
    assert list((tmp_path / "cache").glob("*.npz"))
