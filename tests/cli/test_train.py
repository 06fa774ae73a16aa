"""`posec3d train`, on a small pose pack."""

from __future__ import annotations

import pytest
import synthetic_people as people

from posec3d_cli.catalog import load_card

TINY = (
    "--epochs", 1, "--final-epochs", 1, "--width", 4, "--small", 16, "--size", 16, "--frames", 8, "--batch-size", 8,
    "--workers", 0, "--device", "cpu", "--val", 0.25, "--offline",
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
    ran = posec3d("train", pack, "-o", model, *TINY, "--arch", "x3d-shallow", "--precision", "bf16")
    assert ran.code == 0, ran.err
    assert load_card(model, "classifier").recipe["architecture"] == "x3d-shallow"


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
    ran = posec3d("train", pack, "-o", tmp_path / "model", *TINY[:2], "--final-epochs", 0, *TINY[4:])
    assert ran.code == 0, ran.err
    assert "left out: pack/arms_9: it has 5 frames, fewer than 8" in ran.err
