"""Resuming: plan which inputs have no valid result yet, and why an input is processed again."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.state import RunState, Summary
from posec3d_cli.batch.task import ResumableTask
from posec3d_cli.files.digests import digest, stamp

_ASKED_AT_A_TIME = 8


@dataclass(frozen=True)
class Todo:
    """An input file to process, and why again if it has a result.

    That is "", "video" (its content changed), "unread" (it could not be read), "pipeline", "output" or "failed".
    """

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
    elsewhere = _changed_elsewhere(files, run_state)
    todo: deque[Todo] = deque()
    for video in files:
        record = run_state.summary(video.path)
        reason = "" if record is None else _outdated(video, record, pipeline, task, run_state, retry_failed, elsewhere)
        if reason is not None:
            todo.append(Todo(video, reason))
    return todo


def _changed_elsewhere(files: Sequence[InputFile], run_state: RunState) -> set[Path]:
    """The files with a result whose address is known to have another content by now; none is fetched."""
    asked = []
    for video in files:
        if video.address is not None and (record := run_state.summary(video.path)) is not None:
            # Without its copy, the version that was processed is not known; without a sha256, none was.
            asked += [(video.path, video.address)] if video.path.exists() or not record.sha256 else []
    with ThreadPoolExecutor(_ASKED_AT_A_TIME) as threads:
        changed = threads.map(lambda one: one[1].has_changed(), asked)
        return {path for (path, _), is_other in zip(asked, changed, strict=True) if is_other}


def _outdated(
    video: InputFile,
    record: Summary,
    pipeline: str,
    task: ResumableTask[Any],
    run_state: RunState,
    retry_failed: bool,
    elsewhere: Collection[Path],
) -> str | None:
    """Why a result is no longer valid, or None."""
    now = stamp(video.path)
    changed = "video" if record.sha256 else "unread"
    if video.path in elsewhere:
        return changed
    lost_copy = video.address is not None and now is None
    if now != record.stamp and not lost_copy:
        if not record.sha256 or digest(video.path) != record.sha256:
            return changed
        run_state.touch(video.path, now)
    if record.pipeline != pipeline:
        return "pipeline"
    if record.failed:
        return "failed" if retry_failed else None
    return (
        None if all(output.exists() and run_state.made(output) for output in task.outputs(video).values()) else "output"
    )
