"""Full score vectors as files: a NumPy archive, or a pickle in the layout of mmaction2's `--dump`."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from posec3d_cli.evaluation.report import EvaluationReport
from posec3d_cli.files.writing import atomic_write, printable
from posec3d_cli.types import Floats

SCORE_SUFFIXES = (".npz", ".pkl")
SCHEMA, VERSION = "posec3d/scores", 1


def score_matrix(report: EvaluationReport) -> Floats:
    """`(N, C)` float32, the probability of each label for each clip; NaN for a clip without a person."""
    missing = np.full(len(report.labels), np.nan, np.float32)
    return np.stack([missing if one.scores is None else one.scores for one in report.predictions])


def write_scores(report: EvaluationReport, path: Path) -> None:
    """Write the scores of every clip as `.npz` or `.pkl`, by the suffix; a file that is there is replaced.

    What each holds: docs/evaluate.md.

    Raises:
        OutputError: it cannot be written.
    """
    write = _write_archive if path.suffix.lower() == ".npz" else _write_pickle
    with atomic_write(path, overwrite=True) as part:
        write(report, part)


def _write_archive(report: EvaluationReport, path: Path) -> None:
    place = {label: number for number, label in enumerate(report.labels)}
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            schema=np.array(SCHEMA),
            version=np.array(VERSION),
            clips=np.array([printable(one.clip) for one in report.predictions]),
            labels=np.array([printable(label) for label in report.labels]),
            ground_truth=np.array([place[one.ground_truth] for one in report.predictions], np.int64),
            scores=score_matrix(report),
        )


def _write_pickle(report: EvaluationReport, path: Path) -> None:
    """A list of dicts, as `tools/test.py --dump` of mmaction2 1.x writes it, with the name of the clip beside."""
    import torch

    place = {label: number for number, label in enumerate(report.labels)}
    scores = np.nan_to_num(score_matrix(report), nan=0.0)
    samples: list[dict[str, Any]] = [
        {
            "pred_score": torch.from_numpy(row.copy()),
            "pred_label": torch.tensor([int(row.argmax())]),
            "gt_label": torch.tensor([place[one.ground_truth]]),
            "frame_dir": printable(one.clip),
            "no_person": one.scores is None,
        }
        for one, row in zip(report.predictions, scores, strict=True)
    ]
    with path.open("wb") as file:
        pickle.dump(samples, file)
