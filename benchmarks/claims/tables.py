"""Accuracies with intervals, and differences with theirs, out of kept results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from clips import FOLDS

RESAMPLES = 2000


class Outcomes:
    """Which clips were named rightly.

    Args:
        results: the folder of the kept probabilities.
        data: the clips and folds, see `accuracy.Data`.
    """

    def __init__(self, results: Path, data: Any) -> None:
        self.results, self.data = results, data

    def probabilities(self, name: str, test: str, poses: str) -> np.ndarray:
        """`(N, C)` in the order of the clips."""
        folds = self.data.folds(poses)
        rows: np.ndarray | None = None
        for fold in range(FOLDS):
            with np.load(self.results / f"{name}-{fold}.npz") as arrays:
                part = arrays[test]
            if rows is None:
                rows = np.zeros((len(folds), part.shape[1]))
            rows[folds == fold] = part
        assert rows is not None
        return rows

    def right(self, *answers: tuple[str, str], poses: str = "thunder") -> np.ndarray:
        """`(N,)` 1 where the mean of these answers, (variant, test), names the clip rightly."""
        clips = self.data.clips(poses)
        classes = sorted({clip.label for clip in clips})
        mean = np.mean([self.probabilities(name, test, poses) for name, test in answers], axis=0)
        truth = np.array([classes.index(clip.label) for clip in clips])
        return (mean.argmax(axis=1) == truth).astype(float)

    def sources(self, poses: str) -> np.ndarray:
        """`(N,)` the number of each clip's source video."""
        return np.unique([clip.group for clip in self.data.clips(poses)], return_inverse=True)[1]


def interval(values: np.ndarray, sources: np.ndarray) -> tuple[float, float]:
    """The 95 % bootstrap interval of the mean, whole source videos drawn at a time."""
    generator = np.random.default_rng(0)
    sums, counts = np.bincount(sources, weights=values), np.bincount(sources)
    drawn = generator.integers(len(sums), size=(RESAMPLES, len(sums)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def _row(words: str, values: np.ndarray, against: np.ndarray | None, sources: np.ndarray) -> str:
    low, high = interval(values, sources)
    cells = [words, f"{values.mean():.1%}", f"{low:.1%} to {high:.1%}"]
    if against is None:
        cells.append("")
    else:
        low, high = interval(values - against, sources)
        cells.append(f"{100 * (values - against).mean():+.1f} ({100 * low:+.1f} to {100 * high:+.1f})")
    return f"| {' | '.join(cells)} |"


def _print(title: str, rows: list[tuple[str, np.ndarray]], sources: np.ndarray) -> None:
    print(f"\n### {title}\n\n| | top-1 | 95 % | against the first row, points |\n|---|---:|---|---:|")
    for number, (words, values) in enumerate(rows):
        print(_row(words, values, rows[0][1] if number else None, sources))


def print_tables(results: Path, data: Any) -> None:
    """Print all tables as Markdown."""
    seen = Outcomes(results, data)
    videos = seen.sources("thunder")
    right = seen.right
    for title, prefix, first, poses, sources in (
        ("(a) Sampling, J-HMDB", "", "joints", "thunder", videos),
        *(
            [("(a) Sampling, Penn Action", "Penn, ", "Penn, uniform", "penn", seen.sources("penn"))]
            if data.penn
            else []
        ),
    ):
        names = (first, f"{prefix}stride 2", f"{prefix}stride 4")
        rows = [
            (f"{'uniform' if name == first else name.removeprefix(prefix)}, {views}", right((name, views), poses=poses))
            for name in names
            for views in ("1 view", "10 views")
        ]
        _print(title, rows, sources)
    _print(
        "(b) Subject-centred cropping, J-HMDB",
        [("around the person", right(("joints", "1 view"))), ("whole frame", right(("whole frame", "1 view")))],
        videos,
    )
    _print(
        "(c) Joints and limbs, J-HMDB",
        [
            ("PoseC3D, joints", right(("joints", "1 view"))),
            ("PoseC3D, limbs", right(("limbs", "1 view"))),
            ("PoseC3D, both", right(("joints", "1 view"), ("limbs", "1 view"))),
            ("ST-GCN++, joints", right(("graph", "1 view"))),
            ("ST-GCN++, bones", right(("graph, bones", "1 view"))),
            ("ST-GCN++, both", right(("graph", "1 view"), ("graph, bones", "1 view"))),
            ("PoseC3D joints with ST-GCN++ joints", right(("joints", "1 view"), ("graph", "1 view"))),
        ],
        videos,
    )
    _print(
        "(d) Where volumes come from, J-HMDB",
        [
            ("drawn from coordinates", right(("coordinates", "1 view"))),
            ("the pose network's own heatmaps", right(("heatmaps", "1 view"))),
        ],
        videos,
    )
    for words, name in (
        ("PoseC3D", "joints"),
        ("ST-GCN++", "graph"),
        ("ST-GCN++, trained with drops in half of the frames", "graph, drops in training"),
    ):
        rows = [("nothing dropped", right((name, "1 view")))]
        rows += [(f"probability {drop}", right((name, f"drop {drop}"))) for drop in ("0.125", "0.25", "0.5", "1")]
        _print(f"(e) One end of a limb dropped per frame, J-HMDB: {words}", rows, videos)
    for words, thunder, lightning in (
        ("PoseC3D", "joints", "joints of Lightning"),
        ("ST-GCN++", "graph", "graph of Lightning"),
    ):
        _print(
            f"(f) Poses of another network, J-HMDB: {words}",
            [
                ("learnt from Thunder, tested on Thunder", right((thunder, "1 view"))),
                ("learnt from Thunder, tested on Lightning", right((thunder, "other poses"))),
                ("learnt from Lightning, tested on Lightning", right((lightning, "1 view"))),
                ("learnt from Lightning, tested on Thunder", right((lightning, "other poses"))),
            ],
            videos,
        )
