"""RayPool: the interface of WorkerPool over a Ray cluster; an actor per processor or GPU, and one file in work on each.

Plain actors and `ray.wait`, without Ray Data: that one loses files whose function raises, retries a file that kills its
process for ever, knows no timeout, and stalls where a node is lost while the actors hold all processors of the others.
Only this process, the driver, writes the run state: an actor that dies costs the file in work a second try, on another
actor, and a driver that dies leaves a state that the same command resumes.
"""

from __future__ import annotations

import logging
import os
import re
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, Generic, Self

from posec3d_cli import __version__
from posec3d_cli.batch import ray_worker
from posec3d_cli.batch.file_result import FileResult, R
from posec3d_cli.batch.find import InputFile
from posec3d_cli.batch.outputs import Claims
from posec3d_cli.batch.pool import WORKER_BYTES
from posec3d_cli.batch.ray_worker import Done, Visible
from posec3d_cli.batch.task import Task
from posec3d_cli.errors import PoseC3DError, StageError, StageUnavailable, unexpected
from posec3d_cli.files.digests import stamp
from posec3d_cli.runtime.installation import how_to_add
from posec3d_cli.runtime.threads import processors

logger = logging.getLogger("posec3d")
LOCAL = "local"
"""The address of a cluster of this machine alone, which is started for one run."""
MOST_DEATHS = 2
"""Actors that a file may kill before it fails."""
_MOST_LOSSES = 5  # of nodes under one file: none of them is its fault
_MOST_FAILED_STARTS = 5  # of actors in a row
_NODE_LOST = re.compile(r"\bnode\b[^.]*\b(?:died|dead|terminated|removed|preempted)", re.IGNORECASE)
_CONNECT = 10.0  # seconds in which a cluster answers
_PATIENCE = 60.0  # seconds without an actor after which that is said
_POLL = 0.5  # seconds between two looks at the heartbeats
_BEAT = 2.0  # seconds between two questions for a heartbeat
_GROW = 10.0  # seconds between two looks at the size of the cluster
_FILES_SHOWN = 200  # input files that every node is asked for


@dataclass(eq=False)
class _Job:
    """A file to process, with what its former actors came to."""

    file: InputFile
    replaced: frozenset[Path] = frozenset()
    deaths: int = 0
    losses: int = 0
    began: float = 0.0


@dataclass(eq=False)
class _Member:
    """An actor as the driver knows it: `ref` is that of its models first, then that of the file in work."""

    handle: Any
    ref: Any
    ready: bool = False
    job: _Job | None = None
    beat: Any = None
    asked: float = 0.0
    beats: tuple[int, int] = (0, 0)
    heard: float = field(default_factory=monotonic)


class RayPool(Generic[R]):
    """Actors of a Ray cluster, as a context manager.

    Args:
        task: the task to run on each file; each actor prepares its own copy.
        address: "auto" for the cluster that this machine belongs to, "HOST:PORT", "ray://HOST:PORT", or "local".
        files: the input files, which every node must see.
        size: the largest number of actors; None: one per processor or GPU of the cluster, also of nodes that join.
        folders: folders of this run in which nodes write.
        claims: what is recorded about output files; None if the task writes none.

    Raises:
        StageUnavailable: Ray is not installed.
        StageError, InputError: on entering: there is no such cluster, or a node cannot see a path or lacks weights.
    """

    def __init__(
        self,
        task: Task[R],
        address: str,
        files: Sequence[InputFile],
        *,
        size: int | None = None,
        folders: Sequence[Path] = (),
        claims: Claims | None = None,
    ) -> None:
        self._ray = _import()
        self._task = task
        self._address = address
        self._files = files
        self._size = size
        self._folders = folders
        self._claims = claims
        self._members: list[_Member] = []
        self._failed_starts = self._open = 0
        self._grown = 0.0

    def __enter__(self) -> Self:
        self._connected = not self._ray.is_initialized()
        if self._connected:
            self._connect()
        try:
            self._stored = self._ray.put(self._task)
            self._check_nodes()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def results(
        self,
        videos: Iterable[InputFile],
        *,
        timeout: float,
        progress: Callable[[InputFile, int], None],
    ) -> Iterator[tuple[InputFile, FileResult[R]]]:
        """As `posec3d_cli.batch.pool.WorkerPool.results`."""
        source = iter(videos)
        again: deque[_Job] = deque()
        self._open = len(self._files)
        self._waiting_since = monotonic()
        while True:
            self._grow()
            no_more = self._hand_out(source, again)
            if no_more and not again and not any(member.job for member in self._members):
                return
            self._say_if_nothing_starts()
            for job, result in self._news(timeout, progress, again):
                self._open -= 1
                yield job.file, result

    def _hand_out(self, source: Iterator[InputFile], again: deque[_Job]) -> bool:
        """Give each idle actor a file; returns whether there was none for one."""
        for member in self._members:
            if member.ready and member.job is None:
                if again:
                    self._begin(member, again.popleft())
                elif (file := next(source, None)) is not None:
                    self._begin(member, _Job(file))
                else:
                    return True
        return False

    def _begin(self, member: _Member, job: _Job) -> None:
        if self._claims is not None:
            job.replaced = self._claims.begin(job.file)
        if not job.began:
            job.began = monotonic()
        member.job, member.beats = job, (0, 0)
        member.heard = member.asked = monotonic()
        member.ref = member.handle.run.remote(job.file, job.replaced)

    def _news(
        self, timeout: float, progress: Callable[[InputFile, int], None], again: deque[_Job]
    ) -> Iterator[tuple[_Job, FileResult[R]]]:
        """Wait for what the actors send, for half a second at most; yields the files that are done."""
        waiting = {member.ref: member for member in self._members if member.job is not None or not member.ready}
        beats = {member.beat: member for member in self._members if member.beat is not None}
        refs = [*waiting, *beats]
        there, _ = self._ray.wait(refs, num_returns=1, timeout=_POLL)
        if there:
            there, _ = self._ray.wait(refs, num_returns=len(refs), timeout=0)
        for ref in there:
            if ref in waiting:
                yield from self._received(waiting[ref], again)
            else:
                self._heard(beats[ref], progress)
        now = monotonic()
        for member in list(self._members):
            if member.job is None:
                continue
            if now - member.heard >= timeout:
                job = member.job
                self._drop(member)
                why = PoseC3DError(f"no progress for {timeout:g} seconds", hint="a larger --timeout waits longer")
                yield job, self._failed(job, why)
            elif member.beat is None and now - member.asked >= min(_BEAT, timeout / 2):
                member.beat, member.asked = member.handle.heartbeat.remote(), now

    def _heard(self, member: _Member, progress: Callable[[InputFile, int], None]) -> None:
        ref, member.beat = member.beat, None
        with suppress(self._ray.exceptions.RayError):  # it died: that of its file says so too
            beats = self._ray.get(ref)
            if member.job is not None and beats != member.beats:
                member.beats, member.heard = beats, monotonic()
                progress(member.job.file, beats[1])

    def _received(self, member: _Member, again: deque[_Job]) -> Iterator[tuple[_Job, FileResult[R]]]:
        """What became of the file in work of an actor, or of its models."""
        if member not in self._members:
            return
        job = member.job
        try:
            answer = self._ray.get(member.ref)
        except self._ray.exceptions.RayTaskError as error:  # what it sends cannot be read
            answer = StageError(f"an actor failed: {error.cause!r}") if job is None else error
        except self._ray.exceptions.RayError as error:
            self._drop(member)
            if job is None:
                self._not_started(error)
            else:
                yield from self._lost(job, error, again)
            return
        if isinstance(answer, PoseC3DError):
            raise answer
        if job is None:
            member.ready, self._failed_starts = True, 0
            return
        member.job = None
        if not isinstance(answer, Done):
            yield job, self._failed(job, unexpected(answer.cause))
            return
        for level, text in answer.said:
            logger.log(level, "%s", text)
        if isinstance(answer.result, PoseC3DError):
            raise answer.result
        if self._claims is not None:
            self._claims.end(job.file, answer.written)
        yield job, answer.result

    def _lost(self, job: _Job, error: Exception, again: deque[_Job]) -> Iterator[tuple[_Job, FileResult[R]]]:
        """Give the file of a dead actor to another one, unless it killed two."""
        if isinstance(error, self._ray.exceptions.ActorUnavailableError) or _NODE_LOST.search(str(error)):
            job.losses += 1
            logger.info("%s is given to another actor: its node was lost", job.file.name)
        else:
            job.deaths += 1
            logger.info("%s is given to another actor: %s", job.file.name, _reason(error))
        if job.deaths < MOST_DEATHS and job.losses < _MOST_LOSSES:
            again.appendleft(job)
        elif job.losses >= _MOST_LOSSES:
            yield job, self._failed(job, PoseC3DError(f"the nodes that processed it were lost, {job.losses} times"))
        else:
            why = PoseC3DError(f"its process ended twice, on two actors: {_reason(error)}")
            yield job, self._failed(job, why)

    def _failed(self, job: _Job, error: PoseC3DError) -> FileResult[R]:
        if self._claims is not None:
            self._claims.end(job.file, ())
        return FileResult((self._task.failed(job.file, error),), seconds=monotonic() - job.began)

    def _not_started(self, error: Exception) -> None:
        self._failed_starts += 1
        if self._failed_starts >= _MOST_FAILED_STARTS:
            raise StageError(f"the models cannot be loaded: {self._failed_starts} actors ended: {_reason(error)}")

    def _grow(self) -> None:
        """Start the actors that are missing: as many as were asked for, or as the cluster has room for."""
        now = monotonic()
        if len(self._members) >= (self._open if self._size is None else min(self._size, self._open)):
            return
        if self._size is None and self._members and now - self._grown < _GROW:
            return
        self._grown = now
        gpus = self._gpus()
        room = int(self._ray.cluster_resources().get("GPU" if gpus else "CPU", 0)) if self._size is None else self._size
        for _ in range(min(self._open, room) - len(self._members)):
            actor = self._ray.remote(
                num_cpus=1,
                num_gpus=1 if gpus else 0,
                memory=WORKER_BYTES,
                max_restarts=0,
                max_task_retries=0,
                max_concurrency=2,
                scheduling_strategy="SPREAD",
            )(ray_worker.Actor)
            handle = actor.remote(self._stored, Path.cwd(), logger.getEffectiveLevel())
            self._members.append(_Member(handle, handle.prepare.remote(__version__)))

    def _say_if_nothing_starts(self) -> None:
        if any(member.ready for member in self._members):
            self._waiting_since = monotonic()
        elif monotonic() - self._waiting_since > _PATIENCE:
            self._waiting_since = float("inf")
            free = self._ray.available_resources()
            there = ", ".join(f"{free.get(name, 0):g} {name}" for name in ("CPU", "GPU", "memory"))
            logger.warning("no actor could be started for %g seconds; the cluster has free: %s", _PATIENCE, there)

    def _gpus(self) -> bool:
        device = self._task.config.device
        return device.startswith("cuda") or (device == "auto" and self._ray.cluster_resources().get("GPU", 0) >= 1)

    def _drop(self, member: _Member) -> None:
        self._members.remove(member)
        with suppress(Exception):  # it is dead, or its node is
            self._ray.kill(member.handle)

    def _connect(self) -> None:
        own = {"num_cpus": processors(), "include_dashboard": False} if self._address == LOCAL else {}
        host, _, port = self._address.removeprefix("ray://").rpartition(":")
        try:
            if port.isdecimal():  # Ray would wait for minutes
                socket.create_connection((host, int(port)), _CONNECT).close()
            self._ray.init(address=self._address, logging_level="ERROR", log_to_driver=False, **own)
        except Exception as error:  # of many kinds
            raise StageError(
                f"there is no Ray cluster at {self._address}: {error}",
                hint="`ray start --head` starts one; --address names another",
            ) from error

    def _check_nodes(self) -> None:
        """Check every node, and get the weights there.

        Raises:
            PoseC3DError: a node lacks something.
        """
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        nodes = [node for node in self._ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]
        if not nodes:
            raise StageError(f"the Ray cluster at {self._address} has no processors", hint="start nodes with some")
        some = self._files[:: max(1, len(self._files) // _FILES_SHOWN)]
        files = [(file.path, None if file.problem or file.address else stamp(file.path)) for file in some]
        wanted = Visible(__version__, Path.cwd(), files, self._folders)
        refs = [
            self._ray.remote(num_cpus=0, max_retries=0)(ray_worker.check_node)
            .options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False))
            .remote(self._stored, wanted, node["NodeManagerHostname"])
            for node in nodes
        ]
        lost = 0
        for node, ref in zip(nodes, refs, strict=True):
            name = node["NodeManagerHostname"]
            try:
                problem = self._ray.get(ref)
            except self._ray.exceptions.RayTaskError as error:  # of ModuleNotFoundError, where posec3d is missing
                raise StageError(
                    f"node {name} cannot run posec3d: {_reason(error)}",
                    hint="install the same version of posec3d, Python and Ray on every node",
                ) from error
            except self._ray.exceptions.RayError as error:  # it was lost meanwhile
                logger.warning("node %s is left out: %s", name, _reason(error))
                lost += 1
                continue
            if problem is not None:
                raise problem
        if lost == len(nodes):
            raise StageError(f"all nodes of the Ray cluster at {self._address} were lost", hint="start it again")

    def _close(self) -> None:
        for member in list(self._members):
            self._drop(member)
        if self._connected:
            self._ray.shutdown()


def _import() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ModuleNotFoundError as error:
        raise StageUnavailable("--engine ray needs Ray, which is not installed", hint=how_to_add("ray")) from error
    return ray


def _reason(error: Exception) -> str:
    """The last line of an error of Ray."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
