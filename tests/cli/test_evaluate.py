"""`posec3d evaluate`, with a network that was never trained."""

from __future__ import annotations

import json

import pose_file_factory as factory
import pytest
import synthetic_people as people
import torch

from posec3d_cli.nets import build_network
from posec3d_cli.train.card import Trained, write_card
from posec3d_cli.train.loop import Phase, Recipe

OPTIONS = {"in_channels": 13, "base_channels": 4, "stage_blocks": [1, 1, 1]}


@pytest.fixture
def model(tmp_path):
    recipe = Recipe((Phase(1, 16, 1e-3),), frames=8)
    trained = Trained(["arms", "legs"], "slowonly", OPTIONS, recipe, None, "each", "", {}, {})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        write_card(tmp_path / "model", trained, [build_network("slowonly", 2, OPTIONS)])
    return tmp_path / "model"


@pytest.fixture
def pack(tmp_path):
    names = {"split": {"few": ["arms_0", "legs_1"]}}
    return people.write_pack(tmp_path / "pack.pkl", people.examples(3), **names)


@pytest.fixture
def evaluate(posec3d, model):
    return lambda *arguments: posec3d(
        "evaluate", *arguments, "--classifier", model, "--device", "cpu", "--offline", "--precision", "fp32"
    )


def test_the_figures_of_a_pack_are_printed_as_json(evaluate, pack):
    ran = evaluate(pack, "--json")
    assert ran.code == 0, ran.err
    figures = json.loads(ran.out)
    assert figures["clips"] == 6
    assert sum(map(sum, figures["confusion"]["rows_are_truth"])) == 6
    assert figures["confusion"]["labels"] == ["arms", "legs"]
    assert figures["top5"] == 1


def test_a_table_names_what_is_taken_for_what(evaluate, pack):
    ran = evaluate(pack)
    assert ran.code == 0, ran.err
    rows = [line.split("\t") for line in ran.out.splitlines()]
    assert rows[0] == ["action", "clips", "right", "most often taken for"]
    assert [row[:2] for row in rows[1:3]] == [["arms", "3"], ["legs", "3"]]
    assert rows[3][0].startswith("top-1 ")
    assert "6 clips, nobody found in 0" in rows[3][0]


def test_a_split_and_a_reading_can_be_chosen(evaluate, pack):
    ran = evaluate(pack, "--split", "few", "--views", 2, "--flip", "--window", 0.5, "--people", "together", "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["clips"] == 2


def test_labels_get_their_joint_names(evaluate, pack, tmp_path):
    table = tmp_path / "actions.csv"
    table.write_text("source,label,action\npack,arms,legs\npack,legs,\n")
    ran = evaluate(pack, "--actions", table, "--json")
    assert ran.code == 0, ran.err
    rows = json.loads(ran.out)["confusion"]["rows_are_truth"]
    assert (sum(rows[0]), sum(rows[1])) == (0, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["none.pkl"], "neither a folder"), (["pack.pkl", "--split", "many"], "has no split 'many'")],
)
def test_a_wrong_source_is_an_error(evaluate, pack, monkeypatch, arguments, message):
    monkeypatch.chdir(pack.parent)
    ran = evaluate(*arguments)
    assert ran.code == 1
    assert message in ran.err
    assert ran.out == ""


def test_a_label_that_the_classifier_does_not_know_is_an_error(evaluate, pack, tmp_path):
    table = tmp_path / "actions.csv"
    table.write_text("source,label,action\npack,arms,fly\n")
    ran = evaluate(pack, "--actions", table)
    assert ran.code == 1
    assert "does not know the labels fly" in ran.err
    assert "it knows arms, legs" in ran.err


@pytest.mark.parametrize("option", [("--people", "nobody"), ("--views", 0)])
def test_a_wrong_option_is_wrong_usage(evaluate, pack, option):
    assert evaluate(pack, *option).code == 2


def test_harder_copies_are_measured_instead(evaluate, pack):
    plain, harder = (json.loads(evaluate(pack, "--json", *more).out) for more in ((), ("--harder",)))
    assert plain["clips"] == harder["clips"] == 6
    assert plain != harder


def test_pose_files_in_a_folder_are_measured_without_estimating(evaluate, pack, tmp_path):
    for label, form in (("arms", factory.mmpose), ("legs", factory.openpose)):
        (tmp_path / "clips" / label).mkdir(parents=True)
        form(tmp_path / "clips" / label)
    ran = evaluate(tmp_path / "clips", pack, "--json", "--detector", "none")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["clips"] == 8


def test_a_pose_file_without_a_label_is_an_error(evaluate, tmp_path):
    ran = evaluate(factory.ours(tmp_path, ".npz"))
    assert ran.code == 1
    assert "says nothing about what is done in it" in ran.err
