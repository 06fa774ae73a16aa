"""Full score vectors: what the files hold."""

from __future__ import annotations

import pickle

import numpy as np
import torch

from posec3d_cli.evaluation.predictions import ClipPrediction
from posec3d_cli.evaluation.report import EvaluationReport
from posec3d_cli.evaluation.score_files import write_scores

LABELS = ("sit", "stand", "rün / fast")


def report():
    scores = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]], np.float32)
    return EvaluationReport(
        LABELS,
        (
            ClipPrediction("c/a.mp4", "sit", (("sit", 0.7),), scores[0]),
            ClipPrediction("c/b\udcff.mp4", "stand", (("rün / fast", 0.6),), scores[1]),
            ClipPrediction("c/nobody.mp4", "stand", ()),
        ),
    )


def test_the_archive_has_a_row_per_clip_and_a_column_per_label(tmp_path):
    write_scores(report(), tmp_path / "scores.npz")
    with np.load(tmp_path / "scores.npz") as found:
        assert found["labels"].tolist() == list(LABELS)
        assert found["clips"].tolist() == ["c/a.mp4", "c/b\\xff.mp4", "c/nobody.mp4"]
        assert found["ground_truth"].tolist() == [0, 1, 1]
        assert found["scores"].dtype == np.float32
        np.testing.assert_array_equal(found["scores"][:2], np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]], np.float32))
        assert np.isnan(found["scores"][2]).all()
        assert (str(found["schema"]), int(found["version"])) == ("posec3d/scores", 1)


def test_the_pickle_is_a_list_of_dicts_of_tensors(tmp_path):
    write_scores(report(), tmp_path / "scores.pkl")
    samples = pickle.loads((tmp_path / "scores.pkl").read_bytes())
    assert [sample["frame_dir"] for sample in samples] == ["c/a.mp4", "c/b\\xff.mp4", "c/nobody.mp4"]
    assert [sample["gt_label"].item() for sample in samples] == [0, 1, 1]
    assert [sample["pred_label"].item() for sample in samples[:2]] == [0, 2]
    assert [sample["no_person"] for sample in samples] == [False, False, True]
    assert all(sample["pred_score"].dtype == torch.float32 for sample in samples)
    np.testing.assert_array_equal(samples[1]["pred_score"].numpy(), np.array([0.1, 0.3, 0.6], np.float32))
    assert samples[2]["pred_score"].tolist() == [0, 0, 0]
    assert all(sample["gt_label"].shape == sample["pred_label"].shape == (1,) for sample in samples)
