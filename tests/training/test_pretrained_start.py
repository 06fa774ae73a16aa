"""Trainings that start from a model: head, early end, extended labels, and what their cards say."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import synthetic_people as people
import torch
from safetensors.torch import load_file

from posec3d_cli.config import PipelineConfig
from posec3d_cli.datasets.clips import BACKGROUND
from posec3d_cli.errors import BadCard, BadDataset, WeightsMismatch
from posec3d_cli.hub.catalog import load_card
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.sampling.clips import ClipSampling
from posec3d_cli.training.config import TrainingConfig, heatmap_spec
from posec3d_cli.training.epochs import best_epoch, ends_early
from posec3d_cli.training.finetune import fine_tuning, load_pretrained
from posec3d_cli.training.loop import TrainingCallback
from posec3d_cli.training.settings import Training
from posec3d_cli.training.setup import make_training, try_training, unlike
from posec3d_cli.training.train import check_resume, outputs_for, train

pytestmark = pytest.mark.usefixtures("one_thread")
CONFIG = TrainingConfig(
    "slowonly", heatmap_spec(size=16), ClipSampling(frames=8, people="each"), epochs=3, batch_size=8
)
NETWORK = {"base_channels": 4, "stage_blocks": [1, 1, 1]}
NEW = {"arms": "wave", "legs": "kick"}


class Told(TrainingCallback):
    """Keeps what it is told; stops the training after an epoch."""

    def __init__(self, stop=None):
        self.said, self.stop = [], stop

    def features(self, done, total):
        self.said.append(("features", done, total))

    def epoch(self, progress):
        self.said.append(("epoch", progress.epoch))
        if progress.epoch == self.stop:
            raise KeyboardInterrupt

    def finished(self, epoch, best):
        self.said.append(("finished", epoch, best))

    def measuring(self):
        self.said.append(("measuring",))

    def of(self, kind):
        return [one[1:] for one in self.said if one[0] == kind]


def renamed(count, first=0, names=NEW):
    return [
        replace(people.labeled_clip(action, first + number), label=names[action])
        for action in NEW
        for number in range(count)
    ]


@pytest.fixture(scope="module")
def base(tmp_path_factory, one_thread):
    """A model of two actions with a temperature, a least score and two outputs of unknown actions."""
    out = tmp_path_factory.mktemp("base") / "base"
    train(Training(CONFIG, NETWORK, held_out=0.25), people.labeled_clips(6), out)
    card = (out / "model.toml").read_text()
    (out / "model.toml").write_text(card.replace("[recipe]\n", "[recipe]\nmin_score = 0.25\ntemperature = 0.9\n", 1))
    return out


def started(base, **options):
    config = replace(CONFIG, epochs=24)
    options = {"clips": 8, "held_out": 0.25, **options}
    return make_training(config, load_pretrained(load_card(base), config), **options)


def history(out):
    return json.loads((out / "training.json").read_text())["history"]


def weights(out):
    return load_file(out / "weights.safetensors")


def test_fine_tuning_is_short_and_scaled_to_the_clips(base):
    config = started(base).config
    assert (config.epochs, config.repeats, config.patience, config.frozen_statistics) == (12, 10, 4, True)
    assert config.learning_rate == pytest.approx(0.04 * 0.2 * 8 / 128)
    assert (fine_tuning(CONFIG, 100).repeats, fine_tuning(CONFIG, 5000).epochs) == (4, 24)
    assert started(base, epochs=3, patience=0).config.patience == 0
    limbs = started(base, stream="limb").config
    assert limbs.learning_rate == pytest.approx(0.2 * 0.2 * 8 / 128)
    given = make_training(CONFIG, load_pretrained(load_card(base), replace(CONFIG, learning_rate=0.1))).config
    assert given.learning_rate == 0.1
    assert (limbs.epochs, limbs.repeats, limbs.patience, limbs.frozen_statistics) == (24, 10, 0, False)


def test_options_of_another_network_are_named(base):
    pretrained = load_pretrained(load_card(base), CONFIG)
    assert unlike(pretrained, architecture="slowonly", stream="joint", size=16, frames=8, width=4) == ""
    assert unlike(pretrained) == ""
    assert unlike(pretrained, size=28) == "--size 28 is not that of base, 16"
    assert unlike(pretrained, stream="limb") == "--stream limb is not that of base, joint"
    assert unlike(pretrained, frames=8, width=8) == "--width 8 is not that of base, 4"


def test_a_model_of_another_skeleton_is_refused(base):
    card = load_card(base)
    recipe = {**card.recipe, "heatmaps": {**card.recipe["heatmaps"], "skeleton": "openpose-18"}}
    with pytest.raises(BadCard):
        load_pretrained(replace(card, recipe=recipe), CONFIG)


@pytest.fixture(scope="module")
def tuned(base, tmp_path_factory):
    out, told = tmp_path_factory.mktemp("tuned") / "model", Told()
    figures = train(started(base, epochs=3, patience=1), renamed(6, 30), out, callback=told)
    return out, figures, told


def test_a_new_head_is_a_model_before_anything_is_fine_tuned(base, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(started(base), renamed(6, 30), tmp_path / "model", callback=Told(stop=0))
    [entry] = history(tmp_path / "model")
    assert (entry["epoch"], entry["rate"]) == (0, 0)
    assert entry["accuracy"] >= 0.5
    assert load_card(tmp_path / "model").labels == ("kick", "wave")
    before, after = weights(base), weights(tmp_path / "model")
    assert all(torch.equal(after[name], value) for name, value in before.items() if name.startswith("backbone"))


def test_the_features_are_read_once_and_the_training_ends_early(tuned):
    out, figures, told = tuned
    assert told.of("features")[-1] == (64, 64), "8 samples of each of 8 clips"
    epochs = [epoch for (epoch,) in told.of("epoch")]
    [(last, best)] = told.of("finished")
    assert epochs == list(range(last + 1))
    assert last == 3 or last == best + 1
    assert best == best_epoch(history(out), 0)
    assert told.said[-1] == ("measuring",)
    assert figures["all"]["top1"] == history(out)[best]["accuracy"]


@pytest.mark.parametrize("stop", [0, 1])
def test_a_stop_changes_nothing(base, tuned, tmp_path, stop):
    out, figures, told = tuned
    if stop > max(epoch for (epoch,) in told.of("epoch")):
        pytest.fail("the training to compare with was too short")
    with pytest.raises(KeyboardInterrupt):
        train(started(base, epochs=3, patience=1), renamed(6, 30), tmp_path / "model", callback=Told(stop=stop))
    again = Told()
    measured = train(
        started(base, epochs=3, patience=1), renamed(6, 30), tmp_path / "model", resume=True, callback=again
    )
    assert again.of("features") == []
    assert measured == figures
    plain = [
        [(one["loss"], one["accuracy"], one["validation_loss"]) for one in history(some)]
        for some in (out, tmp_path / "model")
    ]
    assert plain[0] == plain[1]
    assert load_card(tmp_path / "model").files[0].sha256 == load_card(out).files[0].sha256


def test_without_validation_clips_the_new_head_is_the_model_unless_all_epochs_are_asked_for(base, tmp_path):
    for patience, last in ((4, 0), (0, 1)):
        out = tmp_path / f"model-{patience}"
        assert train(started(base, epochs=1, patience=patience, held_out=0.0), renamed(3, 30), out) == {}
        assert [one["epoch"] for one in history(out)] == list(range(last + 1))
    same = replace(started(base, epochs=1, held_out=0.0))
    train(same, people.labeled_clips(3), tmp_path / "same")
    assert [one["epoch"] for one in history(tmp_path / "same")] == [0, 1], "there is no new head"


def entries(*pairs):
    return [
        {"network": 0, "epoch": number, "accuracy": accuracy, "validation_loss": loss}
        for number, (accuracy, loss) in enumerate(pairs)
    ]


def test_the_best_epoch_is_the_first_of_the_best():
    assert best_epoch(entries((0.5, 1), (0.9, 2), (0.8, 0.1)), 0) == 1
    assert best_epoch(entries((1, 0.5), (1, 0.3), (1, 0.297), (1, 0.4)), 0) == 1
    assert best_epoch(entries((None, None), (None, None)), 0) == 1, "without validation clips the last"
    assert best_epoch([*entries((0.5, 1)), {**entries((1, 0))[0], "network": 1, "epoch": 7}], 1) == 7


@pytest.mark.parametrize(
    ("pairs", "patience", "ends"),
    [
        ([(1, 0.1)], 1, False),
        ([(1, 0.1), (1, 0.1)], 1, True),
        ([(1, 0.1), (1, 0.05)], 1, False),
        ([(0.5, 0.1), (0.4, 0.1), (0.6, 0.3), (0.5, 0.1)], 2, False),
        ([(0.5, 0.1), (0.4, 0.1), (0.4, 0.3)], 2, True),
        ([(0.5, 0.1)] * 9, 0, False),
        ([(None, None)] * 9, 1, False),
    ],
)
def test_a_training_ends_after_epochs_that_are_no_better(pairs, patience, ends):
    assert ends_early(entries(*pairs), 0, patience) is ends
    assert not ends_early([], 0, patience)


def test_the_card_says_what_it_started_from_and_what_was_frozen(base, tuned):
    out, _, told = tuned
    page = (out / "README.md").read_text()
    assert "It started from base: a new head was fitted on the features of its frozen backbone." in page
    [(_, best)] = told.of("finished")
    said = (
        f"the statistics of batch normalisation stayed frozen. The weights are those of epoch {best}."
        if best
        else "so the backbone is that of base."
    )
    assert said in page
    start = json.loads((out / "training.json").read_text())["start"]
    assert (start["model"], start["head"], start["best_epochs"]) == ("base", "fitted", [best])
    assert start["sha256"] == [load_card(base).files[0].sha256]
    card = load_card(out)
    assert card.summary.endswith("trained with posec3d train from base")
    assert card.data_terms.endswith(f". base: {load_card(base).data_terms}")


def test_the_labels_that_will_be_gone_are_known(base):
    pretrained = load_pretrained(load_card(base), CONFIG)
    assert pretrained.lost_labels(["arms", "wave"]) == ["legs"]
    unnamed = replace(pretrained, card=replace(pretrained.card, labels=("arms", BACKGROUND, BACKGROUND)))
    assert unnamed.lost_labels(["wave"]) == ["arms"]
    assert outputs_for(renamed(1), unnamed) == ["kick", "wave"]
    assert outputs_for(renamed(1), unnamed, extends=True) == ["arms", BACKGROUND, BACKGROUND, "kick", "wave"]


def test_an_extended_model_keeps_its_labels_its_backbone_and_its_settings(base, tmp_path):
    out, told = tmp_path / "more", Told()
    clips = [*renamed(4, 30, {"arms": "arms", "legs": "kick"})]
    figures = train(started(base, extends=True), clips, out, callback=told)
    assert told.of("epoch") == [(0,)]
    card = load_card(out)
    assert card.labels == ("arms", "legs", "kick")
    assert (card.recipe["min_score"], card.recipe["temperature"]) == (0.25, 0.9)
    before, after = weights(base), weights(out)
    assert all(torch.equal(after[name], value) for name, value in before.items() if name.startswith("backbone"))
    assert figures["by_label"]["legs"] == {"clips": 0, "correct": 0, "correct_before": 0}
    assert {label: one["clips"] for label, one in figures["by_label"].items()} == {"arms": 1, "legs": 0, "kick": 1}
    assert figures["by_label"]["kick"]["correct_before"] is None
    page = (out / "README.md").read_text()
    assert "its head was fitted anew for more labels. The backbone is frozen: it is that of base." in page
    assert "| kick | 1 | new |" in page
    assert "Of 1 more label there are no validation clips." in page
    labels = ActionRecognizer.from_config(PipelineConfig(classifiers=(out,), device="cpu")).labels
    assert labels == ("arms", "legs", "kick")


def test_a_network_is_tried_before_it_is_trained(base):
    training = started(base)
    assert try_training(training, ["kick", "wave"], 8) > 0
    assert try_training(replace(training, extends=True), ["arms", "legs", "kick"], 8) == 0
    with pytest.raises(WeightsMismatch):
        try_training(replace(training, network={**NETWORK, "base_channels": 8}), ["kick", "wave"], 8)
    scratch = make_training(CONFIG, architecture="c3d-light", size=4, width=4)
    with pytest.raises(BadCard, match=r"c3d-light cannot be trained on inputs of \(13, 8, 4, 4\)"):
        try_training(scratch, ["kick", "wave"], 8)
    graph = make_training(TrainingConfig(), architecture="stgcn++", width=8)
    assert try_training(graph, ["kick", "wave"], 8) > 0


def test_other_settings_are_found_before_the_poses(base, tuned):
    out, _, _ = tuned
    check_resume(out, started(base, epochs=3, patience=1), "fp32")
    for other, message in (
        (started(base, epochs=3, patience=2), "another patience: 1, now it is 2"),
        (started(base, epochs=3, patience=1, dataset="8 clips, other"), "another list of clips"),
        (started(base, epochs=3, patience=1, extends=True), "another use of the pretrained labels"),
    ):
        with pytest.raises(BadDataset, match=message):
            check_resume(out, other, "fp32")
