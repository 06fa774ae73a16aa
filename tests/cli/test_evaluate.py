"""`posec3d evaluate`, with a network that was never trained."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import batch_fakes
import numpy as np
import pose_file_factory as factory
import pytest
import synthetic_people as people
import torch
import video_factory

from posec3d_cli.datasets.pyskl import read_dataset_pickle
from posec3d_cli.nets import build_network
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.training.card import write_card, write_weights
from posec3d_cli.training.config import TrainingConfig, heatmap_spec
from posec3d_cli.training.seen import digests
from posec3d_cli.training.summary import Trained

OPTIONS = {"in_channels": 13, "base_channels": 4, "stage_blocks": [1, 1, 1]}


@pytest.fixture
def model(tmp_path):
    config = TrainingConfig("slowonly", heatmap_spec(size=16), ClipSampling(frames=8, people="each"))
    trained = Trained(["arms", "legs"], OPTIONS, config, "", None, {"training": {}, "held_out": {}}, [], {})
    (tmp_path / "model").mkdir()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        write_weights(tmp_path / "model", 0, build_network("slowonly", 2, OPTIONS))
    write_card(tmp_path / "model", trained, 1)
    return tmp_path / "model"


@pytest.fixture
def dataset_pickle(tmp_path):
    names = {"split": {"few": ["arms_0", "legs_1"]}}
    return people.write_dataset_pickle(tmp_path / "pack.pkl", people.labeled_clips(3), **names)


@pytest.fixture
def evaluate(posec3d, model):
    return lambda *arguments: posec3d(
        "evaluate", *arguments, "--classifier", model, "--device", "cpu", "--offline", "--precision", "fp32"
    )


def test_the_figures_of_a_dataset_pickle_are_printed_as_json(evaluate, dataset_pickle):
    ran = evaluate(dataset_pickle, "--json")
    assert ran.code == 0, ran.err
    figures = json.loads(ran.out)
    assert figures["clips"] == 6
    assert sum(map(sum, figures["confusion"]["rows_are_truth"])) == 6
    assert figures["confusion"]["labels"] == ["arms", "legs"]
    assert figures["top5"] == 1


def test_tables_name_what_is_taken_for_what(evaluate, dataset_pickle):
    ran = evaluate(dataset_pickle)
    assert ran.code == 0, ran.err
    rows = [line.split("\t") for line in ran.out.splitlines()]
    assert rows[0] == ["action", "clips", "recall", "precision", "F1", "most often predicted as"]
    assert [row[:2] for row in rows[1:3]] == [["arms", "3"], ["legs", "3"]]
    assert rows[3] == [""]
    assert rows[4] == ["action", "predicted as", "clips", "names"]
    assert rows[5][3].startswith("pack/")
    *_, last, confidence = ran.out.splitlines()
    assert re.fullmatch(
        r"expected calibration error 0\.\d{3} \(0\.\d{3} by chance\); --min-score 0\.3 answers \d+%.*", confidence
    )
    assert re.fullmatch(
        r"top-1 \S+% \(\S+% to \S+%\), top-5 100.0% \(61.0% to 100.0%\), mean class \S+%( \(\S+% to \S+%\))?, "
        "6 clips, no person in 0",
        last,
    )


def test_only_so_many_pairs_are_named(evaluate, dataset_pickle):
    assert "predicted as\tclips" not in evaluate(dataset_pickle, "--pairs", 0).out
    assert json.loads(evaluate(dataset_pickle, "--json", "--pairs", 0).out)["pairs"] == []


def test_json_has_every_answer(evaluate, dataset_pickle):
    found = json.loads(evaluate(dataset_pickle, "--json").out)
    assert [one["clip"] for one in found["answers"]] == [
        f"pack/{label}_{n}" for label in ("arms", "legs") for n in range(3)
    ]
    best = found["answers"][0]["labels"]
    assert {one["label"] for one in best} == {"arms", "legs"}
    assert sum(one["probability"] for one in best) == pytest.approx(1, abs=1e-5)
    assert sum(len(pair["clips"]) for pair in found["pairs"]) == len(found["mistakes"])
    assert [one["clips"] for one in found["classes"]] == [3, 3]
    assert found["top1_interval"][0] < found["top1"] < found["top1_interval"][1]
    assert (found["unreadable"], found["labels_left_out"]) == ([], {})


def test_files_are_written_of_it(evaluate, dataset_pickle, tmp_path):
    outputs = (
        "--confusion",
        tmp_path / "c.csv",
        "--confusion",
        tmp_path / "c.png",
        "--predictions",
        tmp_path / "p.csv",
    )
    assert evaluate(dataset_pickle, *outputs).code == 0
    assert (tmp_path / "c.csv").read_text().startswith("label,arms,legs,no_person\n")
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")
    assert len((tmp_path / "p.csv").read_text().splitlines()) == 7
    ran = evaluate(dataset_pickle, *outputs)
    assert ran.code == 1
    assert "c.csv is already there" in ran.err
    assert evaluate(dataset_pickle, *outputs, "--overwrite").code == 0


@pytest.mark.parametrize(
    "outputs",
    [
        ("--confusion", "a.txt"),
        ("--predictions", "a.png"),
        ("--confusion", "a.csv", "--predictions", "a.csv"),
    ],
)
def test_a_file_of_another_kind_is_wrong_usage(evaluate, dataset_pickle, outputs):
    assert evaluate(dataset_pickle, *outputs).code == 2


def test_a_split_and_a_reading_can_be_chosen(evaluate, dataset_pickle):
    ran = evaluate(
        dataset_pickle, "--split", "few", "--views", 2, "--flip", "--window", 0.5, "--people", "together", "--json"
    )
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["clips"] == 2


def test_labels_get_their_joint_names(evaluate, dataset_pickle, tmp_path):
    table = tmp_path / "actions.csv"
    table.write_text("source,label,action\npack,arms,legs\npack,legs,\n")
    ran = evaluate(dataset_pickle, "--label-map", table, "--json")
    assert ran.code == 0, ran.err
    rows = json.loads(ran.out)["confusion"]["rows_are_truth"]
    assert (sum(rows[0]), sum(rows[1])) == (0, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["none.pkl"], "neither a folder"), (["pack.pkl", "--split", "many"], "has no split 'many'")],
)
def test_a_wrong_source_is_an_error(evaluate, dataset_pickle, monkeypatch, arguments, message):
    monkeypatch.chdir(dataset_pickle.parent)
    ran = evaluate(*arguments)
    assert ran.code == 1
    assert message in ran.err
    assert ran.out == ""


@pytest.fixture
def foreign(tmp_path):
    """A folder with a video that cannot be read, of a label that no model knows."""
    (tmp_path / "clips" / "fly").mkdir(parents=True)
    (tmp_path / "clips" / "fly" / "a.mp4").write_text("not a video")
    return tmp_path / "clips"


def test_labels_that_the_classifier_does_not_know_are_an_error_before_anything_is_posed(
    evaluate, dataset_pickle, foreign
):
    ran = evaluate(foreign, dataset_pickle, "--detector", "whole-frame")
    assert ran.code == 1
    assert "does not have the labels fly (1 clip)" in ran.err
    assert "--only-known leaves their clips out; it has arms, legs" in ran.err


def test_labels_that_the_classifier_does_not_know_are_left_out_and_counted(evaluate, dataset_pickle, foreign):
    ran = evaluate(foreign, dataset_pickle, "--detector", "whole-frame", "--only-known")
    assert ran.code == 0, ran.err
    assert "note:  left out clips whose labels the classifier does not have: fly (1 clip)" in ran.err
    assert "6 clips, no person in 0, 1 left out, with labels that the classifier does not have\n" in ran.out
    found = json.loads(evaluate(foreign, dataset_pickle, "--only-known", "--json").out)
    assert (found["clips"], found["labels_left_out"]) == (6, {"fly": 1})


def test_clips_that_fail_are_named_and_not_counted(evaluate, dataset_pickle, tmp_path, monkeypatch):
    monkeypatch.setattr("posec3d_cli.datasets.poses.PeopleTask", batch_fakes.PeopleTask)
    for name, label in (("crash.mp4", "arms"), ("good.mp4", "legs")):
        (tmp_path / "clips" / label).mkdir(parents=True)
        video_factory.write(tmp_path / "clips" / label / name, 10)
    ran = evaluate(tmp_path / "clips", dataset_pickle, "--workers", 1, "--predictions", tmp_path / "p.csv")
    assert ran.code == 1
    assert "failed: clips/arms/crash.mp4: its process crashed" in ran.err
    assert "7 clips, no person in 0, 1 failed and not counted\n" in ran.out
    assert (tmp_path / "p.csv").read_text().splitlines()[-1].startswith("clips/arms/crash.mp4,arms,failed,")


def test_clips_are_chosen_by_name(evaluate, dataset_pickle, tmp_path):
    names = tmp_path / "names.txt"
    names.write_text("pack/arms_1\npack/legs_0\n")
    found = json.loads(evaluate(dataset_pickle, "--clips", names, "--json").out)
    assert [one["clip"] for one in found["answers"]] == ["pack/arms_1", "pack/legs_0"]


def test_a_table_of_clips_is_measured(evaluate, tmp_path):
    factory.mmpose(tmp_path).rename(tmp_path / "a.json")
    (tmp_path / "mine.csv").write_text("video,label\na.json,arms\n")
    ran = evaluate(tmp_path / "mine.csv", "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["answers"][0]["clip"] == "mine/a.json"


@pytest.mark.parametrize("option", [("--people", "nobody"), ("--views", 0)])
def test_a_wrong_option_is_wrong_usage(evaluate, dataset_pickle, option):
    assert evaluate(dataset_pickle, *option).code == 2


def test_harder_copies_are_measured_instead(evaluate, dataset_pickle):
    plain, perturb = (json.loads(evaluate(dataset_pickle, "--json", *more).out) for more in ((), ("--perturb",)))
    assert plain["clips"] == perturb["clips"] == 6
    assert plain != perturb


def test_pose_files_in_a_folder_are_measured_without_estimating(evaluate, dataset_pickle, tmp_path):
    for label, form, more in (("arms", factory.mmpose, {}), ("legs", factory.openpose, {"frames": 9})):
        (tmp_path / "clips" / label).mkdir(parents=True)
        form(tmp_path / "clips" / label, **more)
    ran = evaluate(tmp_path / "clips", dataset_pickle, "--json", "--detector", "whole-frame")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["clips"] == 8


def test_a_pose_file_without_a_label_is_an_error(evaluate, tmp_path):
    ran = evaluate(factory.ours(tmp_path, ".npz"))
    assert ran.code == 1
    assert "has no label" in ran.err


def test_a_clip_counts_once_and_under_two_labels_not_at_all(evaluate, tmp_path):
    clips = people.labeled_clips(2)
    for one in clips:
        people.write_dataset_pickle(tmp_path / f"{one.name.rpartition('/')[2]}.pkl", [one])
    table = tmp_path / "t.csv"
    rows = ["video,label", *(f"{label}_{n}.pkl,{label}" for label in ("arms", "legs") for n in range(2))]
    table.write_text("\n".join([*rows, "arms_0.pkl,arms "]))
    ran = evaluate(table, "--json")
    assert ran.code == 0, ran.err
    figures = json.loads(ran.out)
    assert figures["clips"] == 4
    assert figures["left_out"] == {"t/arms_0.pkl (line 6)": "its poses are those of t/arms_0.pkl"}
    assert "left out: t/arms_0.pkl (line 6): its poses are those of t/arms_0.pkl" in ran.err
    table.write_text("\n".join([*rows, "arms_0.pkl,legs"]))
    ran = evaluate(table, "--json")
    assert json.loads(ran.out)["clips"] == 3
    assert "which is labelled legs, and it arms" in ran.err


def test_clips_that_the_model_was_trained_on_are_said(evaluate, model, dataset_pickle):
    record = json.loads((model / "training.json").read_text())
    assert evaluate(dataset_pickle).err == ""
    packed = [one for one in read_dataset_pickle(dataset_pickle) if one.name.endswith("_1")]
    (model / "training.json").write_text(
        json.dumps(record | {"learned_from": [d for one in packed for d in digests(one)]})
    )
    ran = evaluate(dataset_pickle, "--json")
    assert json.loads(ran.out)["learned_from"] == ["pack/arms_1", "pack/legs_1"]
    assert "warning: 2 of 6 clips are training clips of this classifier" in ran.err


def test_a_label_that_is_nearly_one_of_the_classifier_is_named(evaluate, dataset_pickle, tmp_path):
    table = tmp_path / "actions.csv"
    table.write_text("source;label;action\npack;arms;Arms\n")
    ran = evaluate(dataset_pickle, "--label-map", table)
    assert ran.code == 1
    assert "similar labels are 'Arms' and 'arms'" in ran.err


def test_a_mean_without_spread_is_printed_without_an_interval(evaluate, tmp_path):
    dataset_pickle = people.write_dataset_pickle(tmp_path / "one.pkl", people.labeled_clips(1))
    assert re.search(r"mean class \d+\.\d%, 2 clips", evaluate(dataset_pickle).out)


@pytest.fixture
def others(tmp_path):
    """Clips of two other actions, one of them empty, and one of a known action."""
    clips = [replace(people.labeled_clip("arms", number), label="dance") for number in range(10, 14)]
    nobody = people.labeled_clip("legs", 14)
    clips.append(replace(nobody, label="swim", scores=np.zeros_like(nobody.scores)))
    clips.append(people.labeled_clip("legs", 15))
    return people.write_dataset_pickle(tmp_path / "others.pkl", clips)


def test_clips_of_other_actions_are_measured_beside_those_of_known_ones(evaluate, dataset_pickle, others):
    ran = evaluate(dataset_pickle, "--open-set", others, "--min-score", 0.45, "--json")
    assert ran.code == 0, ran.err
    assert "left out of the open set, with labels that the classifier has: legs (1 clip)" in ran.err
    found = json.loads(ran.out)
    open_set = found["open_set"]
    assert found["clips"] == open_set["known_clips"] == 6
    assert (open_set["clips"], open_set["no_person"]) == (5, ["others/legs_14"])
    assert [one["truth"] for one in open_set["answers"]] == ["dance"] * 4 + ["swim"]
    scores, those = (
        [one["labels"][0]["probability"] if one["labels"] else 0 for one in part["answers"]]
        for part in (found, open_set)
    )
    pairs = [(one > other) + (one == other) / 2 for one in scores for other in those]
    assert open_set["auroc"] == pytest.approx(sum(pairs) / len(pairs), abs=1e-4)
    assert open_set["min_score"] == 0.45
    assert open_set["unknown"] == sum(score < 0.45 for score in those) / 5
    assert open_set["unknown_interval"][0] < open_set["unknown"] < open_set["unknown_interval"][1]
    right = [one["labels"][0]["probability"] for one in found["answers"] if one["labels"][0]["label"] == one["truth"]]
    for step in open_set["curve"]:
        assert step["unknown"] == sum(score < step["min_score"] or not score for score in those) / 5
        assert step["lost"] == pytest.approx(sum(score < step["min_score"] for score in right) / len(right), abs=1e-4)
    assert (open_set["unreadable"], open_set["left_out"]) == ([], {})
    assert [one["min_score"] for one in found["min_score"]] == [0.3, 0.45, 0.5, 0.7, 0.9]


def test_the_least_score_of_the_card_is_in_use_without_an_option(evaluate, model, dataset_pickle, others):
    card = model / "model.toml"
    card.write_text(card.read_text().replace("[recipe]\n", "[recipe]\nmin_score = 0.55\n"))
    ran = evaluate(dataset_pickle, "--open-set", others)
    assert ran.code == 0, ran.err
    *_, first, head, a, b, c, d, e = ran.out.splitlines()
    assert re.fullmatch(r"open set: AUROC [01]\.\d{3}, 5 clips of other actions, no person in 1", first)
    assert head.split("\t") == ["min score", "other actions unknown", "correct answers lost"]
    assert [row.split("\t")[0] for row in (a, b, c, d, e)] == ["0.3", "0.5", "0.55 (in use)", "0.7", "0.9"]
    assert a.split("\t")[1].startswith("20.0% (")
    assert "0.55 answers" in ran.out


def test_an_open_set_without_another_action_is_an_error(evaluate, dataset_pickle, foreign):
    ran = evaluate(dataset_pickle, "--open-set", dataset_pickle)
    assert ran.code == 1
    assert "--open-set has no clip of another action" in ran.err
    assert "arms (3 clips), legs (3 clips)" in ran.err
    ran = evaluate(dataset_pickle, "--open-set", foreign, "--detector", "whole-frame")
    assert ran.code == 1
    assert "failed: clips/fly/a.mp4" in ran.err
    assert "no clip of another action that can be evaluated" in ran.err


def test_several_sources_are_shown_by_themselves(evaluate, dataset_pickle, tmp_path):
    more = [people.labeled_clip(label, number) for label in ("arms", "legs") for number in (20, 21)]
    other = people.write_dataset_pickle(tmp_path / "other.pkl", more)
    assert "calibration error\n" not in evaluate(dataset_pickle).out
    ran = evaluate(dataset_pickle, other)
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    start = lines.index("source\tclips\ttop-1\tcalibration error")
    rows = [line.split("\t") for line in lines[start + 1 : start + 3]]
    assert [row[:2] for row in rows] == [["pack", "6"], ["other", "4"]]
    assert all(re.fullmatch(r"0\.\d{3} \(0\.\d{3} by chance\)", row[3]) for row in rows)
    found = json.loads(evaluate(dataset_pickle, other, "--json").out)
    assert [one["source"] for one in found["sources"]] == ["pack", "other"]
