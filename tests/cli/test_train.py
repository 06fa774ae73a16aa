"""`posec3d train`, on a small pose pack."""

from __future__ import annotations

import pytest
import synthetic_people as people

from posec3d_cli.catalog import load_card

TINY = (
    "--epochs", 2, "--width", 4, "--size", 16, "--frames", 8, "--batch-size", 8, "--device", "cpu", "--val", 0.25,
    "--offline",
)  # fmt: skip


@pytest.fixture
def pack(tmp_path):
    return people.write_pack(tmp_path / "pack.pkl", people.examples(4))


def test_a_pack_becomes_a_model_that_evaluate_takes(posec3d, pack, tmp_path):
    model = tmp_path / "my model"
    ran = posec3d("train", pack, "-o", model, *TINY)
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["all", "pack", "all, harder", "model"]
    assert "of 2 held-out clips" in lines[0]
    assert "1 of 2: loss" in ran.err
    assert "2 of 2: loss" in ran.err
    card = load_card(model, "classifier")
    assert card.labels == ("arms", "legs")
    assert card.recipe["people"] == "each"
    assert card.recipe["clip"]["window_seconds"] == 2.0
    assert f"posec3d train {pack} -o '{model}'" in (model / "README.md").read_text()
    asked = posec3d("evaluate", pack, "--classifier", model, "--device", "cpu", "--offline", "--json")
    assert asked.code == 0, asked.err
    assert '"clips": 8' in asked.out


def test_the_network_and_its_precision_can_be_chosen(posec3d, pack, tmp_path):
    model = tmp_path / "model"
    ran = posec3d("train", pack, "-o", model, *TINY, "--arch", "x3d-shallow", "--input", "limb", "--precision", "bf16")
    assert ran.code == 0, ran.err
    recipe = load_card(model, "classifier").recipe
    assert (recipe["architecture"], recipe["heatmaps"]["channels"]) == ("x3d-shallow", "limbs")


def test_a_graph_network_is_trained_and_evaluated(posec3d, pack, tmp_path):
    model = tmp_path / "model"
    ran = posec3d("train", pack, "-o", model, *TINY, "--arch", "stgcn++", "--width", 8)
    assert ran.code == 0, ran.err
    assert load_card(model, "classifier").stage == "stgcn"


def test_a_training_goes_on_or_begins_anew_only_when_asked(posec3d, pack, tmp_path):
    model = tmp_path / "model"
    assert posec3d("train", pack, "-o", model, *TINY).code == 0
    again = posec3d("train", pack, "-o", model, *TINY)
    assert again.code == 1
    assert "already holds a training" in again.err
    assert "usable" not in again.out + again.err  # said before the clips were even read
    on = posec3d("train", pack, "-o", model, *TINY, "--resume")
    assert on.code == 0, on.err
    assert "loss" not in on.err  # every epoch is done
    longer = posec3d("train", pack, "-o", model, *TINY, "--epochs", 3, "--resume")
    assert longer.code == 1
    assert "another epochs: 2, now it is 3" in longer.err
    assert posec3d("train", pack, "-o", model, *TINY, "--resume", "--overwrite").code == 2


def test_a_training_begins_from_another_model(posec3d, pack, tmp_path):
    assert posec3d("train", pack, "-o", tmp_path / "first", *TINY).code == 0
    more = people.write_pack(
        tmp_path / "more.pkl", [*people.examples(4), *(people.example("arms", number) for number in range(20, 24))]
    )
    begun = ("--from", tmp_path / "first", "--epochs", 1, "--batch-size", 8, "--device", "cpu", "--offline")
    ran = posec3d("train", more, "-o", tmp_path / "second", *begun)
    assert ran.code == 0, ran.err
    assert load_card(tmp_path / "second").recipe["network"] == load_card(tmp_path / "first").recipe["network"]
    odd = posec3d("train", more, "-o", tmp_path / "third", *begun, "--arch", "slowonly")
    assert odd.code == 1
    assert "slowonly was asked for" in odd.err


@pytest.mark.parametrize(
    ("source", "message"),
    [("none.pkl", "neither a folder"), ("text.pkl", "no readable pickle"), ("empty", "no labelled clips")],
)
def test_a_wrong_source_is_an_error(posec3d, tmp_path, monkeypatch, source, message):
    from posec3d_cli.extraction import PoseExtractor

    monkeypatch.setattr(PoseExtractor, "from_cards", lambda *_, **__: None)
    (tmp_path / "text.pkl").write_text("not a pickle")
    (tmp_path / "empty").mkdir()
    ran = posec3d("train", tmp_path / source, "-o", tmp_path / "model", *TINY)
    assert ran.code == 1
    assert message in ran.err
    assert ran.out == ""


def test_a_single_action_is_an_error(posec3d, tmp_path):
    pack = people.write_pack(tmp_path / "pack.pkl", [people.example("arms", number) for number in range(3)])
    ran = posec3d("train", pack, "-o", tmp_path / "model", *TINY)
    assert ran.code == 1
    assert "at least two labels, got arms" in ran.err


def test_a_table_that_is_not_there_is_an_error(posec3d, pack, tmp_path):
    ran = posec3d("train", pack, "-o", tmp_path / "model", "--actions", tmp_path / "none.csv", *TINY)
    assert ran.code == 1
    assert "none.csv cannot be read" in ran.err


@pytest.mark.parametrize(
    "option", [("--people", "nobody"), ("--epochs", 0), ("--width", 2), ("--val", 1), ("--arch", "resnet")]
)
def test_a_wrong_option_is_wrong_usage(posec3d, pack, tmp_path, option):
    ran = posec3d("train", pack, "-o", tmp_path / "model", *option)
    assert ran.code == 2
    assert not (tmp_path / "model").exists()


def test_clips_that_teach_nothing_are_named(posec3d, tmp_path):
    pack = people.write_pack(tmp_path / "pack.pkl", [*people.examples(4), people.example("arms", 9, frames=5)])
    ran = posec3d("train", pack, "-o", tmp_path / "model", *TINY)
    assert ran.code == 0, ran.err
    assert "left out: pack/arms_9: it has 5 frames, fewer than 8" in ran.err
