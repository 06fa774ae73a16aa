"""The poses that the claims are measured on: of every second frame, by two networks, and the first one's heatmaps.

    python benchmarks/claims/poses.py FOLDER OUT [--part 0/2]

FOLDER holds one sub-folder per action. OUT gets `thunder/` and `lightning/`, one pose file per clip from the same
boxes, and `volumes/`, the volumes of the main person drawn from Thunder's coordinates and resampled from Thunder's own
heatmaps. `--part 1/2` does every second clip, so that two processes share the work; what is there is not done again.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from posec3d_cli.config import PipelineConfig
from posec3d_cli.extraction.extractor import PoseExtractor
from posec3d_cli.files.writing import atomic_write
from posec3d_cli.hub.catalog import load_card
from posec3d_cli.pose_files import write_pose_file
from posec3d_cli.results import VideoPoses
from posec3d_cli.sampling.indices import uniform_test_indices
from posec3d_cli.stages.builders.estimator_heatmap import EstimatorHeatmapBuilder
from posec3d_cli.stages.builders.heatmap import HeatmapBuilder
from posec3d_cli.stages.create import make_stage
from posec3d_cli.training.config import BODY
from posec3d_cli.transforms.heatmaps import HeatmapSpec
from posec3d_cli.types import Detections, Frame
from posec3d_cli.video import VIDEO_SUFFIXES

EVERY, VIEWS, FRAMES, SIZE = 2, 3, 16, 28
SPEC = HeatmapSpec(size=(SIZE, SIZE), joints=BODY, score_threshold=0.1, crop_min_size=4)


class Remembering:
    """A detector that looks at a frame once, so that two pose networks are given the same boxes."""

    def __init__(self, detector: object) -> None:
        self.detector, self.known = detector, dict[int, Detections]()

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        new = [frame for frame in frames if frame.index not in self.known]
        for frame, found in zip(new, self.detector.detect(new) if new else [], strict=True):
            self.known[frame.index] = found
        return [self.known[frame.index] for frame in frames]


def volumes(video_poses: VideoPoses) -> dict[str, np.ndarray] | None:
    """`(V, K, T, H, W)` float16 of the main person, from coordinates and from heatmaps; None where nobody was found."""
    people = video_poses.tracks().main_people(0.2, max_people=1).each(**video_poses.placing)
    if not people:
        return None
    [sequence] = people
    clips = video_poses.frame_indices[
        uniform_test_indices(len(video_poses), clip_len=FRAMES, num_clips=VIEWS, flavour="pyskl")
    ]
    builders = {"coordinates": HeatmapBuilder(SPEC), "heatmaps": EstimatorHeatmapBuilder(SPEC)}
    return {name: builder.build(sequence, clips).values.astype(np.float16) for name, builder in builders.items()}


def main() -> None:
    """Estimate and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--part", default="0/1")
    asked = parser.parse_args()
    part, parts = (int(number) for number in asked.part.split("/"))
    clips = sorted(path for path in asked.folder.glob("*/*") if path.suffix.lower() in VIDEO_SUFFIXES)[part::parts]
    config = PipelineConfig(device="cpu")
    detector, _ = make_stage(load_card("efficientdet-lite2", "detector"), config)
    thunder, _ = make_stage(load_card("movenet-thunder", "pose"), config, settings={"heatmaps": True})
    lightning, _ = make_stage(load_card("movenet-lightning", "pose"), config)
    for number, clip in enumerate(clips, start=1):
        place = clip.relative_to(asked.folder)
        files = SimpleNamespace(
            **{name: asked.out / name / f"{place}.npz" for name in ("thunder", "lightning", "volumes")}
        )
        if files.lightning.exists():
            continue
        for file in vars(files).values():
            file.parent.mkdir(parents=True, exist_ok=True)
        once = Remembering(detector)
        for pose, file in ((thunder, files.thunder), (lightning, files.lightning)):
            with (extractor := PoseExtractor(once, pose)).open(clip) as video:
                video_poses = extractor.poses_of(video, np.arange(0, video.info.frame_count, EVERY, dtype=np.int64))
            if pose is thunder and (drawn := volumes(video_poses)):
                with atomic_write(files.volumes, overwrite=True) as name:
                    np.savez_compressed(name, **drawn)
            with atomic_write(file, overwrite=True) as name:
                write_pose_file(video_poses, name, ".npz")
        print(f"{number} of {len(clips)}: {place}", flush=True)


if __name__ == "__main__":
    main()
