"""Compare counted repetitions with those that a person counted in the same clips.

    posec3d extract-poses DATA/web -o POSES/web --detect-every 2
    python benchmarks/timeline/repetitions.py POSES/web

`repetitions.csv` has the clips by their names in DATA/web, and how often a person saw the movement: of squats and
push-ups the ways down, of the others the ways up. The count is that of the most important person over the whole clip.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

from posec3d_cli.answers import ActionSegment
from posec3d_cli.pose_files import read_pose_file
from posec3d_cli.timeline.repetitions import Movements
from posec3d_cli.types import ActionScores

HERE = Path(__file__).parent


def counted(path: Path, label: str) -> int | None:
    """The repetitions of the most important person in a pose file."""
    [poses] = read_pose_file(path)
    tracks = poses.tracks()
    if not len(tracks):
        return None
    movements = Movements(poses.skeleton, float(poses.video.fps))
    movements.add(poses.frame_indices, poses.track_ids, poses.poses)
    scores = ActionScores(np.ones(1, np.float32), (label,))
    whole = ActionSegment(0, poses.video.frame_count, int(tracks.ids[0]), scores)
    return movements.counted([whole], 0.0)[0].repetitions


def main() -> None:
    """Print each clip, and the errors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("poses", type=Path, metavar="POSES")
    given = parser.parse_args()
    with (HERE / "repetitions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    errors = []
    for row in rows:
        true, label = int(row["repetitions"]), row["video"].partition("/")[0]
        found = counted((given.poses / row["video"]).with_suffix(".npz"), label)
        errors.append(abs((found or 0) - true))
        print(f"{row['video']:70} {true:3} {'-' if found is None else found:>3}")
    exact, near = (sum(error <= most for error in errors) for most in (0, 1))
    print(f"{exact} of {len(errors)} exact, {near} within one, mean error {sum(errors) / len(errors):.2f}")


if __name__ == "__main__":
    main()
