"""Processes that are started before their work is known: they import meanwhile, do it, and end where there is none."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import batch_fakes
import pytest

from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.pool import WorkerPool
from posec3d_cli.batch.process import WorkerProcess
from posec3d_cli.config import PipelineConfig
from posec3d_cli.errors import StageError


def test_a_started_process_does_the_work_of_a_worker(clip):
    started = WorkerProcess("posec3d_cli.batch.worker")
    with WorkerPool(batch_fakes.LabelTask(PipelineConfig()), 1, started=[started]) as pool:
        [(_, done)] = pool.results([InputFile(clip, "clip")], timeout=60, progress=lambda file, frames: None)
        assert done.results[0].error is None
        assert started.process.is_alive(), "it was used, and no other one"
    assert not started.process.is_alive()


def test_a_process_that_is_not_needed_ends_by_itself():
    started = WorkerProcess("posec3d_cli.batch.worker")
    process = started.process
    del started
    process.join(20)
    assert process.exitcode == 0


def test_a_process_that_died_meanwhile_is_told_as_any_other(clip):
    started = WorkerProcess()
    started.process.kill()
    started.process.join(10)
    with (
        WorkerPool(batch_fakes.LabelTask(PipelineConfig()), 1, started=[started]) as pool,
        pytest.raises(StageError, match="the models cannot be loaded: its process was killed"),
    ):
        list(pool.results([InputFile(clip, "clip")], timeout=60, progress=lambda file, frames: None))


def test_it_ends_with_its_parent_process(tmp_path: Path):
    program = """
        import os
        from posec3d_cli.batch.process import WorkerProcess
        if __name__ == "__main__":
            started = WorkerProcess("posec3d_cli.batch.worker")
            os._exit(0)
    """
    file = tmp_path / "program.py"
    file.write_text(textwrap.dedent(program))
    # It holds what it inherited of the output open: this returns when all processes have ended.
    subprocess.run([sys.executable, file], stdout=subprocess.PIPE, check=True, timeout=60)


def test_starting_a_process_imports_nothing_that_takes_long():
    program = (
        "import sys, posec3d_cli.batch.process\n"
        "print({'numpy', 'cv2', 'av', 'msgspec', 'onnxruntime'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"


def test_whoever_plans_a_run_imports_no_decoder():
    program = (
        "import sys\n"
        "from posec3d_cli.batch import label_task, own, pose_task, resume, run, shards\n"
        "print({'cv2', 'av', 'PIL', 'onnxruntime', 'scipy'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"
