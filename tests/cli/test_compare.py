"""`posec3d evaluate --compare` and `--scores`: several classifiers on the same clips, and their score vectors."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
import synthetic_people as people
import torch

from posec3d_cli.nets import build_network
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.training.card import write_card, write_weights
from posec3d_cli.training.config import TrainingConfig, heatmap_spec
from posec3d_cli.training.summary import Trained

OPTIONS = {"in_channels": 13, "base_channels": 4, "stage_blocks": [1, 1, 1]}


def write_model(folder, seed=0, labels=("arms", "legs")):
    config = TrainingConfig("slowonly", heatmap_spec(size=16), ClipSampling(frames=8, people="each"))
    trained = Trained(list(labels), OPTIONS, config, "", None, {"training": {}, "held_out": {}}, [], {})
    folder.mkdir()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        write_weights(folder, 0, build_network("slowonly", len(labels), OPTIONS))
    write_card(folder, trained, 1)
    return folder


@pytest.fixture
def evaluate(posec3d, tmp_path):
    pickled = people.write_dataset_pickle(tmp_path / "pack.pkl", people.labeled_clips(3))
    first = write_model(tmp_path / "first")
    options = "--classifier", first, "--device", "cpu", "--offline", "--precision", "fp32"
    return lambda *arguments: posec3d("evaluate", pickled, *arguments, *options)


def test_every_classifier_is_a_row_with_its_test_against_the_first(evaluate, tmp_path):
    other, same = write_model(tmp_path / "other", 5), write_model(tmp_path / "same")
    ran = evaluate("--compare", other, "--compare", same)
    assert ran.code == 0, ran.err
    rows = [line.split("\t") for line in ran.out.splitlines()[-4:]]
    assert rows[0] == [
        "",
        "classifier",
        "top-1",
        "top-5",
        "mean class",
        "only 1 correct",
        "only this correct",
        "McNemar p",
    ]
    assert [row[:2] for row in rows[1:]] == [["1", str(tmp_path / "first")], ["2", str(other)], ["3", str(same)]]
    assert rows[1][5:] == ["", "", ""]
    assert rows[3][5:] == ["0", "0", "1"]
    assert rows[1][2:5] == rows[3][2:5]


def test_json_has_the_comparison_only_where_it_was_asked_for(evaluate, tmp_path):
    other = write_model(tmp_path / "other", 5)
    assert "comparison" not in json.loads(evaluate("--json").out)
    found = json.loads(evaluate("--json", "--compare", other).out)
    assert [one["classifier"] for one in found["comparison"]] == [str(tmp_path / "first"), str(other)]
    assert found["comparison"][0]["top1"] == found["top1"]
    assert set(found["comparison"][1]["mcnemar"]) == {"only_first", "only_this", "p"}


def test_a_classifier_that_lacks_a_label_is_named_and_only_known_compares_what_all_know(evaluate, tmp_path):
    other = write_model(tmp_path / "other", labels=("arms", "swim"))
    ran = evaluate("--compare", other)
    assert ran.code == 1
    assert f"{other}: the classifier does not have the labels legs (3 clips)" in ran.err
    found = json.loads(evaluate("--compare", other, "--only-known", "--json").out)
    assert [one["clips"] for one in found["comparison"]] == [3, 3]
    assert found["labels_left_out"] == {"legs": 3}


def test_scores_of_every_label_are_written_for_each_classifier(evaluate, tmp_path):
    other = write_model(tmp_path / "other", 5)
    files = "--scores", tmp_path / "s.npz", "--scores", tmp_path / "s.pkl"
    ran = evaluate(*files, "--compare", other, "--json")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    for suffix in ("", ".2"):
        with np.load(tmp_path / f"s{suffix}.npz") as archive:
            scores = archive["scores"]
            assert archive["labels"].tolist() == ["arms", "legs"]
            assert archive["clips"].tolist() == [one["clip"] for one in found["answers"]]
        np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)
        samples = pickle.loads((tmp_path / f"s{suffix}.pkl").read_bytes())
        np.testing.assert_array_equal(np.stack([sample["pred_score"].numpy() for sample in samples]), scores)
    with np.load(tmp_path / "s.npz") as archive:
        best = [one["labels"][0]["label"] for one in found["answers"]]
        assert [archive["labels"][row.argmax()] for row in archive["scores"]] == best


def test_files_that_are_there_are_refused_before_anything_is_measured(evaluate, tmp_path):
    (tmp_path / "s.2.npz").write_text("mine")
    ran = evaluate("--scores", tmp_path / "s.npz", "--compare", write_model(tmp_path / "other"))
    assert ran.code == 1
    assert "s.2.npz is already there" in ran.err
    assert evaluate("--scores", tmp_path / "s.txt").code == 2
