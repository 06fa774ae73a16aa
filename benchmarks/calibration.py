"""Fit the temperature of a classifier on clips that it did not learn from.

    python benchmarks/calibration.py MODEL DATA… [--label-map CSV] [--clips FILE]

DATA and the options are those of `posec3d evaluate`, except that DATA are pose packs and folders of pose files
(`posec3d extract-poses` writes them). `posec3d train` does the same at its end.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from posec3d_cli.datasets import load
from posec3d_cli.errors import BadDataset
from posec3d_cli.training.calibration import fit_temperature


def main() -> None:
    """Fit and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("sources", type=Path, nargs="+")
    parser.add_argument("--label-map", type=Path)
    parser.add_argument("--clips", type=Path)
    asked = parser.parse_args()
    found = load.labelled(
        asked.sources,
        load.read_actions(asked.actions) if asked.actions else {},
        only=load.read_names(asked.clips) if asked.clips else None,
    )
    if found.videos:
        raise BadDataset(f"{len(found.videos)} clips are videos", hint="estimate their poses with extract-poses first")
    examples, _ = load.video_poses(found, lambda videos: [])
    for name, value in asdict(fit_temperature(asked.model, examples)).items():
        print(f"{name} {value:.4g}")


if __name__ == "__main__":
    main()
