"""What `posec3d train` starts from, and what it refuses before a pose is known."""

from __future__ import annotations

from dataclasses import replace

import pytest
import synthetic_people as people

from posec3d_cli.hub.catalog import load_card

TINY = (
    "--epochs", 2, "--width", 4, "--size", 16, "--frames", 8, "--batch-size", 8, "--device", "cpu", "--offline",
    "--val-share", 0.25,
)  # fmt: skip


@pytest.fixture
def dataset_pickle(tmp_path):
    return people.write_dataset_pickle(tmp_path / "pack.pkl", people.labeled_clips(4))


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "clips"
    for one in people.labeled_clips(3):
        (folder / one.label).mkdir(parents=True, exist_ok=True)
        people.write_dataset_pickle(folder / one.label / f"{one.name.rpartition('/')[2]}.pkl", [one])
    return folder


@pytest.fixture
def no_poses(monkeypatch):
    """Nothing may be estimated or read."""
    monkeypatch.setattr("posec3d_cli.cli.train.find_people", lambda *_, **__: pytest.fail("too late"))


@pytest.mark.usefixtures("no_poses")
@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--pretrained", "posec3d-dayly33"], 2, "no classifier is called 'posec3d-dayly33'"),
        (["--pretrained", "efficientdet-lite0"], 2, "is a model of kind detector, not classifier"),
        (["--pretrained", "BASE", "--width", "8"], 1, "has base_channels 4, got 8"),
        (["--val-list", "ALL"], 1, "training needs at least two labels, got legs; arms has validation clips only"),
        (["--resume"], 1, "holds no checkpoint to resume from"),
        (["--patience", "2", "--val-share", "0"], 2, "--patience needs validation clips"),
        (["--add", "--pretrained", "none"], 2, "there is no model to add to"),
        (["--add", "--frames", "8"], 2, "--add and --frames contradict each other"),
        (["--add", "--epochs", "3"], 2, "--add and --epochs contradict each other"),
        (["--pose", "nothing"], 2, "no pose is called 'nothing'"),
    ],
)
def test_what_can_be_refused_is_refused_before_a_pose_is_known(posec3d, folder, tmp_path, base, options, code, message):
    (tmp_path / "all.txt").write_text("".join(f"arms_{number}.pkl\n" for number in range(3)))
    options = [{"BASE": base, "ALL": tmp_path / "all.txt"}.get(one, one) for one in options]
    ran = posec3d("train", folder, "-o", tmp_path / "model", *options, "--device", "cpu", "--offline")
    assert (ran.code, message in " ".join(ran.err.split())) == (code, True), ran.err
    assert not (tmp_path / "model").exists()


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A small model of the actions "arms" and "legs"."""
    from posec3d_cli.training.config import TrainingConfig, heatmap_spec
    from posec3d_cli.training.setup import make_training
    from posec3d_cli.training.train import train

    config = TrainingConfig(batch_size=8, spec=heatmap_spec(size=16))
    out = tmp_path_factory.mktemp("base") / "base"
    train(make_training(config, epochs=2, width=4, frames=8, held_out=0.25), people.labeled_clips(4), out)
    return out


@pytest.fixture
def other_actions(tmp_path):
    clips = [replace(one, label={"arms": "wave", "legs": "kick"}[one.label]) for one in people.labeled_clips(4)]
    return people.write_dataset_pickle(tmp_path / "others.pkl", clips)


def test_a_training_starts_from_the_classifier_of_the_pipeline(posec3d, other_actions, tmp_path):
    from posec3d_cli.config import PipelineConfig
    from posec3d_cli.hub.resolve import resolve

    default = resolve(PipelineConfig()).classifiers[0]
    model = tmp_path / "model"
    quick = ("--val-share", 0.25, "--device", "cpu", "--offline")
    ran = posec3d("train", other_actions, "-o", model, "--epochs", 1, *quick)
    assert ran.code == 0, ran.err
    assert f"start: from {default.name}; --pretrained none trains from scratch" in ran.err
    gone = len(set(default.labels) - {"unknown", "wave", "kick"})
    assert f"{gone} labels of {default.name} will be gone" in ran.err
    assert "the training takes at most" in ran.err
    assert "epoch: head on the frozen backbone: loss" in ran.err
    assert "done:  ended after 1 of 1: the model is" in ran.err
    recipe = load_card(model).recipe
    assert (recipe["network"], recipe["clip"]) == (default.recipe["network"], default.recipe["clip"])
    assert len(load_card(model).files) == 1, "one network, however many the classifier has"


def test_a_training_of_another_network_starts_from_random_weights_and_says_so(posec3d, dataset_pickle, tmp_path):
    ran = posec3d("train", dataset_pickle, "-o", tmp_path / "model", *TINY)
    assert "note:  the training starts from random weights: --size 16 is not that of" in ran.err
    assert "start:" not in ran.err
    ran = posec3d("train", dataset_pickle, "-o", tmp_path / "scratch", *TINY, "--pretrained", "none")
    assert ran.code == 0, ran.err
    assert "random weights" not in ran.err
    assert load_card(tmp_path / "scratch").files[0].sha256 == load_card(tmp_path / "model").files[0].sha256


def test_labels_are_added_and_each_is_reported(posec3d, other_actions, base, tmp_path):
    model = tmp_path / "model"
    ran = posec3d(
        "train", other_actions, "-o", model, "--add", "--pretrained", base, "--val-share", 0.25, "--device", "cpu",
        "--offline",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert "labels: 2 labels kept, kick, wave added" in ran.err
    assert "will be gone" not in ran.err
    assert load_card(model).labels == ("arms", "legs", "kick", "wave")
    assert "2 labels without validation clips: what they keep was not measured" in ran.out
    [row] = [line.split() for line in ran.out.splitlines() if line.startswith("kick")]
    assert row[1:3] == ["1", "new"]


def test_poses_are_estimated_in_the_frames_that_the_training_reads(posec3d, tmp_path, monkeypatch):
    asked = []

    def find_people(dataset, config, *, frames, workers):
        asked.append((frames, config.detect_every))
        return [people.labeled_clip(clip.label, number) for number, clip in enumerate(dataset.clips)], []

    monkeypatch.setattr("posec3d_cli.cli.train.find_people", find_people)
    for label in ("arms", "legs"):
        (tmp_path / "clips" / label).mkdir(parents=True)
        for number in range(3):
            (tmp_path / "clips" / label / f"{number}.mp4").touch()
    command = ("train", tmp_path / "clips", "-o", tmp_path / "model", "--overwrite", *TINY)
    assert posec3d(*command).code == 0
    assert posec3d(*command, "--pose-every", 3, "--detect-every", 1).code == 0
    (own, every), (given, each) = asked
    assert (own.sampling.views, own.sampling.frames, own.sampling.window_seconds, every) == (2, 8, 2.0, 4)
    assert (given.sampling, given.every, each) == (None, 3, 1)
