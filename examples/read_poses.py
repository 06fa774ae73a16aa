"""Write the poses of a video to a file, and print who was seen when.

    python examples/read_poses.py VIDEO OUT.npz [EVERY]

Every EVERY-th frame is looked at, by default each one; somebody who is out of sight for more than a second, or
between two frames further apart than that, counts as somebody new. docs/pose-files.md says what OUT.npz holds;
`posec3d predict OUT.npz` and `posec3d_cli.read_pose_file` read it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from posec3d_cli import PipelineConfig, PoseC3DError, PoseExtractor, VideoPoses, save_poses


def extract(extractor: PoseExtractor, path: Path, every: int) -> VideoPoses:
    """The people of every `every`-th frame."""
    with extractor.open(path) as video:
        return extractor.poses_of(video, np.arange(0, video.info.frame_count, every))


def table(video_poses: VideoPoses) -> list[str]:
    """One line per person, the most important first."""
    tracks = video_poses.tracks()
    seconds = video_poses.frame_indices / float(video_poses.video.fps)
    lines = ["person  frames  from s   to s  mean score"]
    for number, present, scores in zip(tracks.ids, tracks.present, tracks.scores, strict=True):
        first, last = seconds[present][[0, -1]]
        lines.append(f"{number:6d}  {present.sum():6d}  {first:6.2f} {last:6.2f}  {scores[present].mean():10.2f}")
    return lines


def main(arguments: Sequence[str]) -> int:
    """Extract, print and write."""
    if len(arguments) not in (2, 3):
        print("usage: python examples/read_poses.py VIDEO OUT.npz [EVERY]", file=sys.stderr)
        return 2
    video, out, every = Path(arguments[0]), Path(arguments[1]), int(arguments[2]) if arguments[2:] else 1
    try:
        extractor = PoseExtractor.from_config(PipelineConfig("light"))
        video_poses = extract(extractor, video, every)
        save_poses(video_poses, out)
    except PoseC3DError as error:
        print(f"error: {error.what}\nhint:  {error.hint}", file=sys.stderr)
        return 1
    print("\n".join(table(video_poses)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
