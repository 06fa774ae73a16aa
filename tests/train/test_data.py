"""From labelled sources to examples."""

from __future__ import annotations

from dataclasses import replace

import fakes
import numpy as np
import pytest
import synthetic_people as people
import video_factory

from posec3d_cli.errors import BadDataset
from posec3d_cli.extraction import PoseExtractor
from posec3d_cli.train.data import labelled, learnable, read_actions


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
