"""A training learns what objects mean, and keeps it where validation clips say that it helps."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import synthetic_people as people

from posec3d_cli.config import PipelineConfig
from posec3d_cli.datasets.checks import LabelObjects, check_dataset
from posec3d_cli.errors import BadDataset
from posec3d_cli.evaluation.evaluate import evaluate
from posec3d_cli.hub.catalog import load_card
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.training.config import NONE, TrainingConfig, heatmap_spec
from posec3d_cli.training.finetune import load_pretrained
from posec3d_cli.training.objects import CHOICE, ObjectChoice
from posec3d_cli.training.settings import Training
from posec3d_cli.training.setup import make_training
from posec3d_cli.training.train import train

CONFIG = TrainingConfig(
    "slowonly", heatmap_spec(size=16), ClipSampling(frames=8, people="each"), epochs=1, repeats=1, batch_size=8
)
SMALL = Training(CONFIG, {"base_channels": 4, "stage_blocks": [1, 1, 1]}, held_out=0.3)
THINGS = {"catch": "sports ball", "pour": "cup"}


def members(model):
    config = PipelineConfig(classifiers=(model,), device="cpu", precision="fp32", offline=True)
    return ActionRecognizer.from_config(config).members


def file_names(model):
    return [file.name for file in load_card(model, "classifier").files]


@pytest.fixture(scope="module")
def holding():
    """Clips of two labels that differ in nothing but what is in the hand."""
    return people.holding(10, THINGS)


@pytest.fixture(scope="module")
def made(holding, tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "model"
    return out, train(SMALL, holding, out)


def test_labels_that_only_objects_tell_apart_are_learned_and_the_card_has_the_table(made, holding):
    out, figures = made
    choice = ObjectChoice(**figures[CHOICE])
    assert choice.kept
    assert (choice.clips, choice.classes, choice.validation_clips, choice.correct) == (14, 2, 6, 6)
    assert choice.correct_without < 6
    assert figures["all"]["top1"] == figures["all, harder"]["top1"] == 1
    assert file_names(out) == ["weights", "objects"]
    [member] = members(out)
    assert member.objects.names == ("cup", "sports ball")
    config = PipelineConfig(classifiers=(out,), device="cpu", precision="fp32", offline=True)
    assert evaluate(ActionRecognizer.from_config(config), holding).top1 == 1


def test_the_page_and_the_record_say_what_was_decided(made):
    out, figures = made
    page = (out / "README.md").read_text()
    assert f"Objects are read, at strength {figures[CHOICE]['strength']:g}: 6 of 6 validation clips" in page
    assert "`objects.csv`" in page
    assert json.loads((out / "training.json").read_text())["validation"][CHOICE] == figures[CHOICE]


def test_objects_that_say_nothing_are_not_read(tmp_path):
    out = tmp_path / "model"
    clips = [people.with_object(clip, "chair") for clip in people.labeled_clips(7)]
    choice = ObjectChoice(**train(SMALL, clips, out)[CHOICE])
    assert not choice.kept
    assert choice.correct == choice.correct_without
    assert file_names(out) == ["weights"]
    assert not (out / "objects.csv").exists()
    assert "Objects are not read: " in (out / "README.md").read_text()


@pytest.mark.parametrize("objects", ["asked for none", "clips have none"])
def test_a_training_without_objects_says_nothing_of_them(holding, tmp_path, objects):
    training = SMALL if objects == "clips have none" else replace(SMALL, config=replace(CONFIG, objects=NONE))
    clips = [replace(clip, objects=()) for clip in holding] if objects == "clips have none" else holding
    figures = train(training, clips, tmp_path / "model")
    assert CHOICE not in figures
    assert file_names(tmp_path / "model") == ["weights"]


def test_without_validation_clips_nothing_says_that_objects_help(holding, tmp_path):
    figures = train(replace(SMALL, held_out=0.0), holding, tmp_path / "model")
    assert figures == {CHOICE: vars(ObjectChoice(False, 20))}
    assert "no validation clip" in (tmp_path / "model" / "README.md").read_text()


def test_clips_of_one_label_with_objects_teach_nothing(holding, tmp_path):
    clips = [clip if clip.label == "pour" else replace(clip, objects=()) for clip in holding]
    choice = ObjectChoice(**train(SMALL, clips, tmp_path / "model")[CHOICE])
    assert (choice.kept, choice.classes) == (False, 0)
    assert "(7) are of fewer than two labels" in choice.sentence()


def test_a_model_that_reads_objects_is_started_from_and_the_new_labels_are_read_anew(made, tmp_path):
    out, _ = made
    clips = people.holding(10, {"throw": "sports ball", "drink": "cup"})
    start = load_pretrained(load_card(out), CONFIG)
    assert len(start.files) == 1
    training = make_training(CONFIG, start, epochs=1, held_out=0.3)
    figures = train(training, clips, tmp_path / "model")
    assert figures[CHOICE]["kept"]
    assert members(tmp_path / "model")[0].objects.labels == ("drink", "throw")


def test_labels_that_are_kept_keep_what_objects_mean_to_them(made, tmp_path):
    out, _ = made
    start = load_pretrained(load_card(out), CONFIG)
    training = make_training(CONFIG, start, extends=True, held_out=0.3)
    figures = train(training, people.labeled_clips(4), tmp_path / "more")
    assert CHOICE not in figures
    assert figures["by_label"]["arms"]["correct_before"] is None
    [before], [after] = members(out), members(tmp_path / "more")
    labels = after.objects.labels
    assert labels == ("catch", "pour", "arms", "legs")
    assert np.array_equal(after.objects.weights[:, :, :2], before.objects.weights)
    assert not after.objects.weights[:, :, 2:].any()
    alone = replace(training, config=replace(training.config, objects=NONE))
    train(alone, people.labeled_clips(4), tmp_path / "alone")
    assert members(tmp_path / "alone")[0].objects is None


def test_a_training_over_one_that_reads_objects_leaves_no_table_behind(made, holding, tmp_path):
    out = tmp_path / "model"
    train(SMALL, holding, out)
    assert (out / "objects.csv").exists()
    train(replace(SMALL, config=replace(CONFIG, objects=NONE)), holding, out, overwrite=True)
    assert not (out / "objects.csv").exists()


def test_a_training_resumes_with_the_same_objects_only(made, holding):
    out, figures = made
    assert train(SMALL, holding, out, resume=True) == figures
    with pytest.raises(BadDataset, match="another objects: 'auto', now it is 'none'"):
        train(replace(SMALL, config=replace(CONFIG, objects=NONE)), holding, out, resume=True)
    with pytest.raises(BadDataset, match="another clips to train on"):
        train(SMALL, [people.with_object(clip, "chair") for clip in holding], out, resume=True)


def test_the_data_report_says_which_objects_occur_with_which_label(holding):
    weak = [people.with_object(people.labeled_clip("legs", number), "chair", score=0.2) for number in range(2)]
    report = check_dataset([*holding, *weak, people.labeled_clip("legs", 9), people.labeled_clip("arms", 90)])
    assert report.objects == (
        LabelObjects("catch", 10, (("sports ball", 10),)),
        LabelObjects("legs", 2, ()),
        LabelObjects("pour", 10, (("cup", 10),)),
    )


def test_a_source_that_is_called_objects_is_measured_as_any_other(holding, tmp_path):
    clips = [replace(clip, name=clip.name.replace("synthetic/", "objects/")) for clip in holding]
    figures = train(SMALL, clips, tmp_path / "model")
    assert figures["objects"]["clips"] == figures[CHOICE]["validation_clips"] == 6
