"""From examples to a model folder."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import synthetic_people as people
import torch

from posec3d_cli.action_reader import ActionReader
from posec3d_cli.catalog import load_card
from posec3d_cli.errors import BadDataset, OutputError
from posec3d_cli.train.loop import Phase, Recipe
from posec3d_cli.train.run import Training, train

SMALL = Training(
    recipe=Recipe((Phase(1, 16, 1e-3),), frames=8, batch_size=8),
    network={"base_channels": 4, "stage_blocks": [1, 1, 1]},
    held_out=0.25,
    command="posec3d train …",
)


def test_a_training_leaves_a_model_that_answers(tmp_path):
    before = torch.get_rng_state()
    told = []
    figures = train(SMALL, people.examples(4), tmp_path / "model", workers=0, report=told.append)
    assert torch.equal(torch.get_rng_state(), before)
    assert list(figures) == ["all", "synthetic", "all, harder"]
    assert [part["clips"] for part in figures.values()] == [2, 2, 2]
    assert [one.epoch for one in told] == [1]
    assert ActionReader.from_card(tmp_path / "model", device="cpu").labels == ("arms", "legs")
    noted = json.loads((tmp_path / "model" / "training.json").read_text())
    assert noted["clips"] == {"training": {"annotated": 6}, "held_out": {"annotated": 2}}
    assert noted["validation"]["all"]["top1"] == figures["all"]["top1"]
    assert '"all, harder"' in (tmp_path / "model" / "README.md").read_text()


def test_without_held_out_clips_there_is_a_model_and_no_figure(tmp_path):
    assert train(replace(SMALL, held_out=0.0), people.examples(2), tmp_path / "model", workers=0) == {}
    assert (tmp_path / "model" / "model.toml").is_file()


def test_a_folder_that_cannot_be_made_is_refused_before_the_training(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OutputError, match="taken"):
        train(SMALL, people.examples(2), tmp_path / "taken", workers=0, report=lambda one: pytest.fail("too late"))


def test_several_networks_differ_and_answer_together(tmp_path):
    told = []
    train(replace(SMALL, networks=2), people.examples(4), tmp_path / "model", report=told.append)
    assert [(one.epoch, one.epochs) for one in told] == [(1, 2), (2, 2)]
    files = load_card(tmp_path / "model").files
    assert [file.filename for file in files] == ["weights.safetensors", "weights-2.safetensors"]
    assert files[0].sha256 != files[1].sha256
    assert ActionReader.from_card(tmp_path / "model", device="cpu").labels == ("arms", "legs")


def test_the_first_of_several_networks_is_the_one_of_a_training_of_one(tmp_path):
    train(SMALL, people.examples(4), tmp_path / "one")
    train(replace(SMALL, networks=2), people.examples(4), tmp_path / "two")
    [alone], [first, _] = load_card(tmp_path / "one").files, load_card(tmp_path / "two").files
    assert alone.sha256 == first.sha256


def test_a_training_starts_from_as_many_networks_as_it_has(tmp_path):
    train(SMALL, people.examples(4), tmp_path / "one")
    again = replace(SMALL, start=tmp_path / "one")
    train(again, people.examples(4), tmp_path / "again")
    with pytest.raises(BadDataset, match="has 1 networks, and 2 are to be trained"):
        train(replace(again, networks=2), people.examples(4), tmp_path / "two")
