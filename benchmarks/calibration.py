"""Fit the temperature of a classifier on clips that it was not trained on.

    python benchmarks/calibration.py MODEL DATA… [--label-map CSV] [--clips FILE]

DATA and the options are those of `posec3d evaluate`, except that DATA are dataset pickles and folders of pose files
(`posec3d extract-poses` writes them). `posec3d train` does the same at its end.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from posec3d_cli.datasets.clip_lists import read_clip_list
from posec3d_cli.datasets.load import load_dataset, read_label_map
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
    dataset = load_dataset(
        asked.sources,
        read_label_map(asked.label_map) if asked.label_map else {},
        only=read_clip_list(asked.clips) if asked.clips else None,
    )
    if dataset.videos:
        raise BadDataset(
            f"{len(dataset.videos)} clips are videos", hint="estimate their poses with extract-poses first"
        )
    clips, _ = dataset.with_poses()
    for name, value in asdict(fit_temperature(asked.model, clips)).items():
        print(f"{name} {value:.4g}")


if __name__ == "__main__":
    main()
