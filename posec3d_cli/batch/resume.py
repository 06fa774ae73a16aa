"""Resuming: plan which inputs have no valid result yet, and why an input is processed again."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.state import RunState, Summary
from posec3d_cli.batch.task import ResumableTask
from posec3d_cli.files.digests import digest, stamp


@dataclass(frozen=True)
class Todo:
    """An input file to process, and why again if it has a result: "", "video", "pipeline", "output" or "failed"."""

    file: InputFile
    again: str = ""


def plan(
    files: Sequence[InputFile], task: ResumableTask[Any], run_state: RunState, *, retry_failed: bool = False
) -> deque[Todo]:
    """The files that have no valid result. In the run state, only the time stamps of touched files change.

    Args:
        files: all input files.
        task: the task to run on them.
        run_state: the results so far.
        retry_failed: whether failed files are processed again.
    """
    pipeline = task.fingerprint()
    todo: deque[Todo] = deque()
    for video in files:
        record = run_state.summary(video.path)
        reason = "" if record is None else _outdated(video, record, pipeline, task, run_state, retry_failed)
        if reason is not None:
            todo.append(Todo(video, reason))
    return todo


def _outdated(
    video: InputFile, record: Summary, pipeline: str, task: ResumableTask[Any], run_state: RunState, retry_failed: bool
) -> str | None:
    """Why a result is no longer valid, or None."""
    now = stamp(video.path)
    if now != record.stamp:
        if not record.sha256 or digest(video.path) != record.sha256:
            return "video"
        run_state.touch(video.path, now)
    if record.pipeline != pipeline:
        return "pipeline"
    if record.failed:
        return "failed" if retry_failed else None
    return (
        None if all(output.exists() and run_state.made(output) for output in task.outputs(video).values()) else "output"
    )
