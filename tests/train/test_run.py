"""From labelled sources to examples, and from examples to a model folder."""

from __future__ import annotations

import json
from dataclasses import replace

import fakes
import numpy as np
import pytest
import synthetic_people as people
import torch
import video_factory

from posec3d_cli.action_reader import ActionReader
from posec3d_cli.catalog import load_card
from posec3d_cli.errors import BadDataset, OutputError
from posec3d_cli.extraction import PoseExtractor
from posec3d_cli.train.loop import Phase, Recipe
from posec3d_cli.train.run import Training, labelled, learnable, read_actions, train


def no_extractor():
    pytest.fail("no video is read, so no models are needed")


def test_a_table_of_actions_is_read(tmp_path):
    table = tmp_path / "actions.csv"
    table.write_text("source,label,action\npack,stroll,walk\npack,rest,\n")
    assert read_actions(table) == {("pack", "stroll"): "walk", ("pack", "rest"): ""}
    table.write_text("source,label\npack,stroll\n")
    with pytest.raises(BadDataset, match="columns source, label, action"):
        read_actions(table)
    with pytest.raises(BadDataset, match=r"none\.csv cannot be read"):
        read_actions(tmp_path / "none.csv")


def test_packs_need_no_models_and_take_their_joint_names(tmp_path):
    pack = people.write_pack(tmp_path / "pack.pkl", people.examples(2))
    examples, problems = labelled([pack], {("pack", "arms"): "wave", ("pack", "legs"): ""}, no_extractor)
    assert [(one.name, one.label) for one in examples] == [("pack/arms_0", "wave"), ("pack/arms_1", "wave")]
    assert problems == {}


def test_folders_and_packs_are_put_together(tmp_path):
    folder = tmp_path / "clips"
    (folder / "legs").mkdir(parents=True)
    video_factory.write(folder / "legs" / "one.mp4", 10)
    (folder / "legs" / "bad.mp4").write_text("not a video")
    pack = people.write_pack(tmp_path / "pack.pkl", people.examples(1))
    made = []

    def extractor():
        made.append(PoseExtractor(fakes.Detector(), fakes.Pose()))
        return made[-1]

    examples, problems = labelled([folder, pack], {}, extractor)
    assert [one.name for one in examples] == ["clips/legs/one.mp4", "pack/arms_0", "pack/legs_0"]
    assert list(problems) == ["clips/legs/bad.mp4"]
    assert len(made) == 1


def test_a_source_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BadDataset, match="neither a folder of labelled clips nor a pose pack"):
        labelled([tmp_path / "none"], {}, no_extractor)


def test_clips_that_teach_nothing_are_left_out_with_the_reason():
    good = people.examples(2)
    empty = replace(good[0], name="empty", scores=np.zeros_like(good[0].scores))
    brief = people.example("legs", 9, frames=7)
    kept, reasons = learnable([*good, empty, brief])
    assert kept == good
    assert reasons == {"empty": "no person was found", brief.name: "it has 7 frames, fewer than 8"}


def test_one_action_cannot_be_told_apart():
    with pytest.raises(BadDataset, match="at least two labels, got arms"):
        learnable([people.example("arms")])
    with pytest.raises(BadDataset, match="got none"):
        learnable([])


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
