"""One run of ours over clips, on any networks: what `predict` or `extract-poses` do, with the calls of each network.

    python benchmarks/throughput/ours.py CLIP… --detector CARD --pose CARD [--classifier CARD] [--given POSES]

Without a classifier every frame is posed, as `extract-poses` does. `--given` says who is in each frame. Prints as JSON
the frames posed, the seconds of each stage, how often each network was called (of an ensemble, its first), and the
shape of what each classifier reads.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from given import GivenDetector, GivenPose, read_given

from posec3d_cli.config import PipelineConfig
from posec3d_cli.extraction.extractor import PoseExtractor
from posec3d_cli.hub.resolve import ensemble_of
from posec3d_cli.pipeline import Pipeline
from posec3d_cli.types import HeatmapVolume


class Counted:
    """A stage that counts what it is given."""

    def __init__(self, stage: Any) -> None:
        self.stage, self.calls = stage, 0
        self.shape: tuple[int, ...] = ()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stage, name)

    def detect(self, frames: Sequence[Any]) -> Any:
        """Counts frames."""
        self.calls += len(frames)
        return self.stage.detect(frames)

    def estimate(self, frames: Sequence[Any], detections: Sequence[Any]) -> Any:
        """Counts people."""
        self.calls += sum(map(len, detections))
        return self.stage.estimate(frames, detections)

    def classify(self, volumes: Sequence[HeatmapVolume]) -> Any:
        """Counts views."""
        self.calls += sum(len(volume.values) for volume in volumes)
        self.shape = volumes[0].values.shape[1:]
        return self.stage.classify(volumes)


def parser() -> argparse.ArgumentParser:
    """The options that say which networks read what."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("clip", type=Path, nargs="+")
    made.add_argument("--given", type=Path)
    made.add_argument("--detector", required=True)
    made.add_argument("--pose", required=True)
    made.add_argument("--classifier")
    made.add_argument("--detect-every", type=int, default=1)
    made.add_argument("--no-flip-test", action="store_true")
    return made


def make(options: argparse.Namespace) -> tuple[PoseExtractor, Pipeline | None]:
    """The stages."""
    config = PipelineConfig(
        detector=options.detector,
        pose=options.pose,
        classifiers=() if options.classifier is None else ensemble_of(options.classifier),
        pose_settings={"flip_test": False} if options.no_flip_test else {},
        detect_every=options.detect_every,
        device="cpu",
        offline=True,
        cache_dir=None,
    )
    if options.classifier is None:
        return PoseExtractor.from_config(config), None
    whole = Pipeline.from_config(config)
    return whole.extractor, whole


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Do all clips."""
    extractor, whole = make(options)
    stages = {"detect": Counted(extractor.detector), "pose": Counted(extractor.pose)}
    extractor.detector, extractor.pose = stages["detect"], stages["pose"]
    classifiers: list[Counted] = []
    if whole is not None:
        for member in whole.recognizer.members:
            classifiers.append(Counted(member.classifier))
            object.__setattr__(member, "classifier", classifiers[-1])
        stages["classify"] = classifiers[0]
    if options.given is not None:
        boxes, poses = read_given(options.given)
        extractor.detector, extractor.pose = GivenDetector(stages["detect"], boxes), GivenPose(stages["pose"], poses)
    frames, seconds = 0, Counter[str]()
    for clip in options.clip:
        if whole is None:
            video_poses = extractor.poses(clip)
            seconds.update(video_poses.seconds)
        else:
            result = whole.predict(clip)
            video_poses = result.video_poses
            seconds.update(result.seconds)
        frames += len(video_poses)
    calls = {name: stage.calls for name, stage in stages.items()}
    return {"frames": frames, "seconds": seconds, "calls": calls, "shapes": [one.shape for one in classifiers]}


if __name__ == "__main__":
    print(json.dumps(run(parser().parse_args())))
