"""From labeled clips to a model folder, and resuming."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import synthetic_people as people
import torch

from posec3d_cli.config import PipelineConfig
from posec3d_cli.datasets.clips import BACKGROUND
from posec3d_cli.errors import BadCard, BadDataset, OutputError, OutputExists, WeightsMismatch
from posec3d_cli.hub.catalog import load_card
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.training.config import TrainingConfig, heatmap_spec
from posec3d_cli.training.finetune import load_pretrained
from posec3d_cli.training.loop import TrainingCallback
from posec3d_cli.training.seen import digests, learned_from, seen
from posec3d_cli.training.settings import Training
from posec3d_cli.training.setup import make_training
from posec3d_cli.training.train import train
from posec3d_cli.transforms.heatmaps import HeatmapSpec

CONFIG = TrainingConfig(
    "slowonly", heatmap_spec(size=16), ClipSampling(frames=8, people="each"), epochs=2, batch_size=8
)
NETWORK = {"base_channels": 4, "stage_blocks": [1, 1, 1]}
SMALL = Training(CONFIG, NETWORK, held_out=0.25, command="posec3d train …")


class Notes(TrainingCallback):
    """Keeps what it is told; stops the training after some epoch."""

    def __init__(self, stop=None):
        self.epochs, self.stop, self.ended = [], stop, []

    def network(self, number):
        self.number = number

    def epoch(self, progress):
        self.epochs.append(progress)
        if self.stop in (progress.epoch, (self.number, progress.epoch)):
            raise KeyboardInterrupt

    def finished(self, epoch, best):
        self.ended.append((epoch, best))


def labels_of(model):
    return ActionRecognizer.from_config(PipelineConfig(classifiers=(model,), device="cpu")).labels


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A finished training, its figures and what was told."""
    out, notes = tmp_path_factory.mktemp("run") / "model", Notes()
    before = torch.get_rng_state()
    figures = train(SMALL, people.labeled_clips(4), out, callback=notes)
    assert torch.equal(torch.get_rng_state(), before)
    return out, figures, notes


def test_files_that_no_training_wrote_stay(tmp_path):
    mine = {name: tmp_path / name for name in ("weights-7.safetensors", "weights_ema.safetensors", "notes.txt")}
    logs = tmp_path / "tensorboard" / "mine" / "events.out.tfevents.1"
    logs.parent.mkdir(parents=True)
    for file in (*mine.values(), logs):
        file.write_text("mine")
    with pytest.raises(OutputExists, match="holds tensorboard, which a training would overwrite"):
        train(SMALL, people.labeled_clips(4), tmp_path)
    short = replace(SMALL, config=replace(CONFIG, epochs=1))
    train(replace(short, networks=2), people.labeled_clips(4), tmp_path, overwrite=True)
    assert (tmp_path / "weights-2.safetensors").exists()
    train(short, people.labeled_clips(4), tmp_path, overwrite=True)
    assert not (tmp_path / "weights-2.safetensors").exists(), "the card before named it"
    assert {file.read_text() for file in (*mine.values(), logs)} == {"mine"}


def test_weights_of_others_are_not_written_over(tmp_path):
    (tmp_path / "weights.safetensors").write_text("mine")
    with pytest.raises(OutputExists, match=r"holds weights\.safetensors, which a training would overwrite"):
        train(SMALL, people.labeled_clips(4), tmp_path)
    assert (tmp_path / "weights.safetensors").read_text() == "mine"


def test_a_model_knows_what_it_and_its_forerunner_were_trained_on(made, tmp_path):
    out, _, _ = made
    clips = people.labeled_clips(4)
    validation_clips = set((out / "held_out.txt").read_text().splitlines())
    known = learned_from([out])
    assert seen(clips, known) == [one.name for one in clips if one.name not in validation_clips]
    others = [
        replace(people.labeled_clip(action, n), group=f"{action}{n}")
        for action in ("arms", "legs")
        for n in (20, 21, 22, 23)
    ]
    pretrained = make_training(CONFIG, load_pretrained(load_card(out), CONFIG), epochs=1, held_out=0.25)
    train(replace(pretrained, config=replace(pretrained.config, epochs=1)), others, tmp_path / "next")
    assert known < learned_from([tmp_path / "next"])
    assert learned_from([tmp_path]) == frozenset()
    (tmp_path / "training.json").write_text("[]")
    with pytest.raises(BadCard, match=r"training\.json"):
        learned_from([tmp_path])


def test_a_copy_of_the_file_is_known_whatever_poses_are_found_in_it():
    one = replace(people.labeled_clip("arms"), sha256="a" * 64)
    other = replace(people.labeled_clip("arms", 3), sha256="a" * 64)
    assert seen([other], frozenset(digests(one))) == [other.name]
    assert seen([people.labeled_clip("arms", 3)], frozenset(digests(one))) == []


def history(out):
    return json.loads((out / "training.json").read_text())["history"]


def test_a_training_leaves_a_model_that_answers(made):
    out, figures, notes = made
    assert list(figures) == ["all", "synthetic", "all, harder"]
    assert [part["clips"] for part in figures.values()] == [2, 2, 2]
    assert [one.epoch for one in notes.epochs] == [1, 2]
    assert labels_of(out) == ("arms", "legs")
    noted = json.loads((out / "training.json").read_text())
    assert noted["clips"] == {"training": {"synthetic": 6}, "held_out": {"synthetic": 2}}
    assert noted["validation"]["all"]["top1"] == figures["all"]["top1"]
    assert [entry["loss"] for entry in noted["history"]] == [one.loss for one in notes.epochs]


def test_the_folder_is_complete(made):
    out, _, _ = made
    page = (out / "README.md").read_text()
    assert "posec3d train …" in page
    assert "| synthetic | 6 | 2 |" in page
    for plot in ("curves.png", "confusion.png"):
        assert f"({plot})" in page
        assert (out / plot).read_bytes().startswith(b"\x89PNG")
    assert list((out / "tensorboard" / "network-1").glob("events*"))
    assert len((out / "held_out.txt").read_text().splitlines()) == 2


def test_a_stop_after_any_epoch_changes_nothing(made, tmp_path):
    """The same losses, the same weights, the same figures as without one."""
    whole, figures, _ = made
    out = tmp_path / "model"
    with pytest.raises(KeyboardInterrupt):
        train(SMALL, people.labeled_clips(4), out, callback=Notes(stop=1))
    assert labels_of(out) == ("arms", "legs")  # a model at any moment
    assert "the training is not complete" in (out / "README.md").read_text()
    told = Notes()
    again = train(SMALL, people.labeled_clips(4), out, resume=True, callback=told)
    assert [one.epoch for one in told.epochs] == [2]
    assert again == figures
    assert [(e["loss"], e["accuracy"]) for e in history(out)] == [(e["loss"], e["accuracy"]) for e in history(whole)]
    assert load_card(out).files[0].sha256 == load_card(whole).files[0].sha256


def test_a_finished_training_is_only_measured_again(made):
    out, figures, _ = made
    told = Notes()
    assert train(SMALL, people.labeled_clips(4), out, resume=True, callback=told) == figures
    assert told.epochs == []


def test_other_settings_or_clips_cannot_go_on(made):
    out, _, _ = made
    longer = replace(SMALL, config=replace(CONFIG, epochs=3))
    with pytest.raises(BadDataset, match="another epochs: 2, now it is 3"):
        train(longer, people.labeled_clips(4), out, resume=True)
    with pytest.raises(BadDataset, match="another clips to train on: '6 clips"):
        train(SMALL, people.labeled_clips(5), out, resume=True)


def test_a_model_is_not_written_over_unless_asked(made, tmp_path):
    with pytest.raises(OutputExists, match="already holds a training"):
        train(SMALL, people.labeled_clips(4), made[0])
    out = tmp_path / "model"
    short = replace(SMALL, config=replace(CONFIG, epochs=1), networks=2)
    train(short, people.labeled_clips(4), out)
    train(replace(short, networks=1), people.labeled_clips(4), out, overwrite=True)
    assert [file.filename for file in load_card(out).files] == ["weights.safetensors"]
    assert not (out / "weights-2.safetensors").exists()


def test_without_held_out_clips_there_is_a_model_and_no_figure(tmp_path):
    assert train(replace(SMALL, held_out=0.0), people.labeled_clips(2), tmp_path / "model") == {}
    assert (tmp_path / "model" / "model.toml").is_file()
    assert "nothing was measured" in (tmp_path / "model" / "README.md").read_text()


def test_a_folder_that_cannot_be_made_is_refused_before_the_training(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OutputError, match="taken"):
        train(SMALL, people.labeled_clips(2), tmp_path / "taken", callback=Notes(stop=1))


def test_several_networks_differ_answer_together_and_go_on(tmp_path):
    """The first of two is the one of a training of one; a stop in the second leaves the first alone."""
    two, out = replace(SMALL, networks=2), tmp_path / "model"
    with pytest.raises(KeyboardInterrupt):
        train(two, people.labeled_clips(4), out, callback=Notes(stop=(1, 1)))
    told = Notes()
    train(two, people.labeled_clips(4), out, resume=True, callback=told)
    assert (told.number, [(one.epoch, one.epochs) for one in told.epochs]) == (1, [(2, 2)])
    files = load_card(out).files
    assert [file.filename for file in files] == ["weights.safetensors", "weights-2.safetensors"]
    assert files[0].sha256 != files[1].sha256
    assert labels_of(out) == ("arms", "legs")
    assert (out / "curves-2.png").exists()


def test_clips_of_no_action_are_no_class(tmp_path):
    others = [
        replace(one, name=f"synthetic/other_{number}", label=BACKGROUND)
        for number, one in enumerate(people.labeled_clips(2))
    ]
    train(replace(SMALL, config=replace(CONFIG, epochs=1)), [*people.labeled_clips(4), *others], tmp_path / "model")
    assert load_card(tmp_path / "model").labels == ("arms", "legs")


def test_a_model_to_begin_from_gives_its_weights_and_its_kind(made):
    out, _, _ = made
    pretrained = load_pretrained(load_card(out), TrainingConfig(learning_rate=0.1, batch_size=4))
    assert (pretrained.config.architecture, pretrained.config.spec.size, pretrained.config.sampling.frames) == (
        "slowonly",
        (16, 16),
        8,
    )
    assert (pretrained.config.learning_rate, pretrained.config.batch_size) == (0.1, 4)
    assert load_pretrained(load_card(out), TrainingConfig()).config.learning_rate is None
    training = make_training(TrainingConfig(), pretrained)
    sampling = training.config.sampling
    assert (training.networks, sampling.people, sampling.window_seconds) == (1, "each", None)
    network = _built(training, 2)
    pretrained.load_into(network, 0, ["arms", "legs"])
    validation_clips = network.state_dict()
    from safetensors.torch import load_file

    assert all(
        torch.equal(validation_clips[name], value.to(validation_clips[name].dtype))
        for name, value in load_file(out / "weights.safetensors").items()
    )


def _built(training, classes):
    from posec3d_cli.nets import build_network

    return build_network(training.config.architecture, classes, dict(training.network))


def test_other_labels_get_a_new_head_and_everything_else_is_strict(made):
    out, _, _ = made
    pretrained = load_pretrained(load_card(out), TrainingConfig())
    training = make_training(TrainingConfig(), pretrained)
    network = _built(training, 3)
    head = network.cls_head.fc_cls.weight.clone()
    pretrained.load_into(network, 0, ["a", "b", "c"])
    assert torch.equal(network.cls_head.fc_cls.weight, head)
    stem = network.backbone.conv1.conv.weight
    assert not torch.equal(stem, _built(training, 3).backbone.conv1.conv.weight)
    wider = _built(replace(training, network={**training.network, "base_channels": 8}), 3)
    with pytest.raises(WeightsMismatch):
        pretrained.load_into(wider, 0, ["a", "b", "c"])


def test_a_model_with_several_outputs_of_one_label_gives_no_head(made):
    out, _, _ = made
    card = load_card(out)
    begun = load_pretrained(replace(card, labels=("arms", "arms")), TrainingConfig())
    network = _built(make_training(TrainingConfig(), begun), 2)
    head = network.cls_head.fc_cls.weight.clone()
    begun.load_into(network, 0, ["arms", "legs"])
    assert torch.equal(network.cls_head.fc_cls.weight, head)


def test_the_same_labels_keep_the_order_of_the_model_to_begin_from(made, tmp_path):
    out, _, _ = made
    pretrained = load_pretrained(load_card(out), replace(CONFIG, epochs=1))
    turned = replace(pretrained, card=replace(pretrained.card, labels=("legs", "arms")))
    training = make_training(CONFIG, turned, epochs=1, held_out=0.25)
    train(training, people.labeled_clips(4), tmp_path / "model")
    assert load_card(tmp_path / "model").labels == ("legs", "arms")
    assert "It started from model: its head was kept." in (tmp_path / "model" / "README.md").read_text()


def test_what_contradicts_the_model_to_begin_from_is_refused(made):
    pretrained = load_pretrained(load_card(made[0]), TrainingConfig())
    for asked in ({"architecture": "c3d-light"}, {"width": 8}):
        with pytest.raises(BadCard, match="got "):
            make_training(TrainingConfig(), pretrained, **asked)


def test_a_model_of_joints_may_become_one_of_as_many_limbs(made):
    pretrained = load_pretrained(load_card(made[0]), TrainingConfig())
    training = make_training(TrainingConfig(), pretrained, stream="limb")
    assert (training.config.stream, training.config.in_channels) == ("limb", 13)
    pretrained.load_into(_built(training, 2), 0, ["arms", "legs"])
    whole = HeatmapSpec(size=(16, 16))
    fewer = replace(pretrained, config=replace(pretrained.config, spec=whole))
    with pytest.raises(BadCard, match="has in_channels 17, got 13"):
        make_training(TrainingConfig(), fewer, stream="limb")


def test_of_what_is_not_asked_for_the_defaults_are_taken():
    training = make_training(TrainingConfig())
    sampling = training.config.sampling
    assert (training.config.architecture, training.network) == ("c3d-light", {"base_channels": 16})
    assert (sampling.window_seconds, sampling.people, training.networks) == (2.0, "each", 1)
    asked = make_training(TrainingConfig(), architecture="slowonly", window=0, people="together", size=56, frames=48)
    sampling = asked.config.sampling
    assert (asked.network, sampling.window_seconds, sampling.people) == ({}, None, "together")
    assert (asked.config.spec.size, sampling.frames) == ((56, 56), 48)
    with pytest.raises(BadCard, match="reads each person alone"):
        make_training(TrainingConfig(), architecture="stgcn++", people="together")
    with pytest.raises(BadCard, match=r"stgcn\+\+ reads joints, not heatmap volumes of a size; got size 56") as caught:
        make_training(TrainingConfig(), architecture="stgcn++", size=56)
    assert caught.value.hint == "leave out --size"


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_what_was_named_is_where_and_how_the_model_is_calibrated_and_measured(tmp_path, monkeypatch, precision):
    make, made = ActionRecognizer.from_config, []

    def spy(config):
        made.append((config, make(config).used))
        return make(config)

    monkeypatch.setattr(ActionRecognizer, "from_config", spy)
    monkeypatch.setattr("posec3d_cli.training.train.ENOUGH_TO_CALIBRATE", 2)
    train(SMALL, people.labeled_clips(4), tmp_path / "model", precision=precision)
    assert [(config.device, config.precision) for config, _ in made] == [("cpu", precision)] * 2
    assert [used.precision for _, used in made] == [precision] * 2
    noted = json.loads((tmp_path / "model" / "training.json").read_text())
    assert (noted["device"], noted["precision"]) == ("cpu", precision)
