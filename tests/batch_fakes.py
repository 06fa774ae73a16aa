"""What the process of a run makes instead of real models: stages of a few lines, and every way to misbehave.

What happens to a video is decided by its name, so that it can be told from outside of the process.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import fakes

from posec3d_cli.batch import label_task, pose_task
from posec3d_cli.batch.find import InputFile
from posec3d_cli.datasets import poses
from posec3d_cli.errors import WeightsMissing
from posec3d_cli.extraction.cache import pose_cache
from posec3d_cli.results import ClipResult, Failure


class Detector(fakes.Detector):
    """Finds somebody at x = 30, and nobody where the clip is called "empty"."""


def misbehave(found: InputFile) -> None:
    name = Path(found.name).name
    if name.startswith("crash"):
        ctypes.string_at(0)
    if name.startswith("exit"):
        os._exit(3)
    if name.startswith("hang"):
        time.sleep(3600)
    if name.startswith("bug"):
        raise ZeroDivisionError("one by nothing")
    if name.startswith("full"):
        raise OSError(28, "No space left on device", str(found.path))
    if name.startswith("killed"):
        os.kill(os.getpid(), 9)
    if name.startswith("once") and not found.path.with_suffix(".killed").exists():
        found.path.with_suffix(".killed").touch()
        os.kill(os.getpid(), 9)
    if name.startswith("vanish"):
        found.path.unlink()
    if name.startswith("noisy"):
        os.write(2, b"a decoder talks\n")
    while name.startswith("wait") and not Path(f"go-{name}").exists():
        time.sleep(0.01)


def begin(found: InputFile) -> None:
    """Note down in a file that a video is begun, and misbehave if it is called so."""
    if "FAKE_JOURNAL" in os.environ:
        with Path(os.environ["FAKE_JOURNAL"]).open("a", errors="surrogateescape") as file:
            file.write(f"{found.name}\n")
    misbehave(found)


def where(name: str):
    return (lambda index: []) if "empty" in name else (lambda index: [30])


def _pipeline():
    pipeline = fakes.pipeline(lambda index: [30])
    plain = pipeline.extractor.open

    def open_(path):
        pipeline.extractor.detector.where = where(Path(path).name)
        return plain(path)

    pipeline.extractor.open = open_
    return pipeline


@dataclass
class LabelTask(label_task.LabelTask):
    """Labels with fake stages; the version stands for the models."""

    def fetch(self, progress=None):
        pass

    def prepare(self, progress=None):
        if os.environ.get("FAKE_MODELS") == "missing":
            raise WeightsMissing("the weights are not there", hint="connect")
        self.pipeline = fakes.configured(_pipeline(), self.config)
        self.pipeline.extractor.cache = _cache(self.config)
        self.recognizer = self.pipeline.recognizer

    def run(self, file, heartbeat):
        begin(file)
        yield from super().run(file, heartbeat)


@dataclass
class PoseTask(pose_task.PoseTask):
    """Poses with fake stages."""

    def fetch(self, progress=None):
        pass

    def prepare(self):
        self.extractor = _pipeline().extractor

    def run(self, file, heartbeat):
        begin(file)
        yield from super().run(file, heartbeat)


@dataclass
class PeopleTask(poses.PeopleTask):
    """Main people with fake stages."""

    def fetch(self, progress=None):
        pass

    def prepare(self):
        self.extractor = _pipeline().extractor
        self.extractor.cache = _cache(self.config)

    def run(self, file, heartbeat):
        begin(file)
        yield from super().run(file, heartbeat)


@dataclass
class TellTask(label_task.LabelTask):
    """Says what a variable of the process's environment holds."""

    variable: str = ""

    def prepare(self, progress=None):
        pass

    def run(self, file, heartbeat):
        yield ClipResult.failed(file.path, Failure("", os.environ.get(self.variable, "")))


@dataclass
class RefuseTask(label_task.LabelTask):
    """Its models cannot be made."""

    raises: BaseException | None = None

    def prepare(self, progress=None):
        raise self.raises


def _cache(config):
    """Fake poses are kept only where a test says so: they depend on the video's name."""
    return pose_cache(config) if "FAKE_CACHE" in os.environ else None


def put_in_place() -> None:
    label_task.LabelTask, pose_task.PoseTask = LabelTask, PoseTask


if __name__ == "__main__":
    # The whole program, with these models; the process of the run imports this file by its name.
    import batch_fakes

    from posec3d_cli.cli.app import main

    batch_fakes.put_in_place()
    sys.argv[0] = "posec3d"
    main()
