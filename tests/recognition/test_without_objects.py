"""A model that reads objects answers to the bit as its poses alone do, wherever a clip has no objects."""

from __future__ import annotations

from dataclasses import replace

import fakes
import numpy as np
import pose_file_factory as factory
import pytest
import random_cards
import synthetic_people as people
import video_factory
from typer.testing import CliRunner

from posec3d_cli.cli.app import program
from posec3d_cli.config import PipelineConfig
from posec3d_cli.datasets.pyskl import read_dataset_pickle
from posec3d_cli.evaluation.evaluate import as_video_poses, predict_clips
from posec3d_cli.pose_files import read_pose_file, write_pose_file
from posec3d_cli.pose_files.objects import with_objects
from posec3d_cli.recognition.objects import ObjectReading
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.tracking.object_rows import ObjectRows
from posec3d_cli.tracking.objects import link_objects
from posec3d_cli.types import Objects

NAMES = people.OBJECT_NAMES
CUP = NAMES.index("cup")


def recognizer(*folders):
    config = PipelineConfig(classifiers=folders, device="cpu", precision="fp32", offline=True, people="each")
    return ActionRecognizer.from_config(config)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A model for poses, and the same model with objects that decide everything."""
    plain, reads = (random_cards.write_card(tmp_path_factory.mktemp("m") / name, seed=1) for name in ("plain", "reads"))
    weights = np.zeros((2, len(NAMES), 3), np.float32)
    weights[:, CUP, 2] = 30
    random_cards.add_file(reads, "objects", lambda path: ObjectReading(NAMES, random_cards.LABELS, weights).write(path))
    return plain, reads


@pytest.fixture(scope="module")
def models(folders):
    return tuple(map(recognizer, folders))


def same(one, other):
    """Whether two answers are equal to the bit: of the clip, its people and its windows."""
    scores = [
        [
            answer.scores,
            *(person.scores for person in answer.people),
            *(window.scores for window in answer.windows),
            *(person.scores for window in answer.windows for person in window.people),
        ]
        for answer in (one, other)
    ]
    return all(
        np.array_equal(a.probabilities, b.probabilities) and b.without_objects is None
        for a, b in zip(*scores, strict=True)
    )


def clip(frames=60):
    return replace(people.labeled_clip("arms", frames=frames), frame_size=(500, 900))


def test_an_object_at_the_hand_decides_so_that_the_others_here_could_fail(models):
    plain, reads = models
    with_cup = as_video_poses(people.with_object(clip(), "cup"))
    assert not same(plain.recognize(with_cup), reads.recognize(with_cup))
    assert reads.recognize(with_cup).scores.top(1)[0][0] == "none"


NOTHING = {
    "nobody looked for objects": (),
    "nothing was found": (Objects.none(NAMES),) * 60,
    "in some frames nobody looked": (None, Objects.none(NAMES)) * 30,
    "another detector's classes": people.with_object(clip(), "cup").objects,
}


@pytest.mark.parametrize("kind", NOTHING)
def test_poses_without_objects_are_answered_as_by_poses_alone(models, kind):
    plain, reads = models
    objects = NOTHING[kind]
    if kind == "another detector's classes":
        objects = tuple(replace(one, names=("lynx", "canoe", "harp")) for one in objects)
    shown = as_video_poses(replace(clip(), objects=objects))
    assert same(plain.recognize(shown), reads.recognize(shown))


@pytest.mark.parametrize("suffix", [".json", ".npz", ".pkl"])
def test_pose_files_without_objects_are(models, tmp_path, suffix):
    plain, reads = models
    write_pose_file(as_video_poses(clip()), tmp_path / f"clip{suffix}", suffix)
    [read] = read_pose_file(tmp_path / f"clip{suffix}")
    assert same(plain.recognize_file(read), reads.recognize_file(read))


def test_clips_of_dataset_pickles_without_objects_are(models, tmp_path):
    plain, reads = models
    clips = read_dataset_pickle(people.write_dataset_pickle(tmp_path / "pack.pkl", people.labeled_clips(2)))
    for one, other in zip(predict_clips(plain, clips), predict_clips(reads, clips), strict=True):
        assert np.array_equal(one.scores, other.scores)


def test_videos_of_a_detector_for_people_only_are(models, tmp_path):
    video = video_factory.write(tmp_path / "clip.mp4", 30)
    pipeline = fakes.pipeline(lambda index: [20 + index, 45])
    answers = []
    for model in models:
        pipeline.recognizer = model
        answers.append(pipeline.predict(video))
    assert len(answers[0].people) == 2
    assert same(*answers)
    pipeline.extractor.detector = fakes.ObjectDetector(lambda index: None, lambda index: [20 + index, 45])
    assert same(answers[0], pipeline.predict(video))


def test_windows_without_objects_are_though_others_have_some(models):
    plain, _ = models
    shown = people.with_object(clip(120), "cup")
    shown = replace(shown, objects=(*shown.objects[:30], *(Objects.none(NAMES),) * 90))
    sampling = plain.sampling.changed(window_seconds=1.0)
    one, other = (model.recognize(as_video_poses(shown), sampling) for model in models)
    changed = [
        not np.array_equal(a.scores.probabilities, b.scores.probabilities)
        for a, b in zip(one.windows, other.windows, strict=True)
    ]
    assert changed[0]
    assert not any(changed[2:])


def test_an_ensemble_of_a_model_that_reads_objects_and_one_that_does_not_is(folders, tmp_path):
    plain, reads = folders
    other = random_cards.write_card(tmp_path / "other", seed=2)
    shown = as_video_poses(clip())
    assert same(recognizer(plain, other).recognize(shown), recognizer(reads, other).recognize(shown))


def test_the_members_of_an_ensemble_share_what_is_linked_in_a_window(folders, tmp_path, monkeypatch):
    other = random_cards.write_card(tmp_path / "other", seed=2)
    both, linked = recognizer(folders[1], other), []

    def counted(*given, **options):
        linked.append(1)
        return link_objects(*given, **options)

    monkeypatch.setattr("posec3d_cli.results.link_objects", counted)
    answer = both.recognize(as_video_poses(clip(120)), both.sampling.changed(window_seconds=1.0))
    assert len(linked) == len(answer.windows) > 1


@pytest.mark.parametrize("people_read", ["each", "together"])
def test_predict_shows_what_decided(folders, tmp_path, people_read):
    _, reads = folders
    poses = factory.video_poses(frames=24)
    box = np.array([[100, 100, 200, 200]], np.float32)
    cups = [Objects(box, np.full(1, 0.9, np.float32), np.array([CUP]), NAMES)] * 24
    write_pose_file(with_objects(poses, ObjectRows.of(cups)), tmp_path / "cup.npz", ".npz")
    ran = CliRunner().invoke(
        program(),
        ["predict", str(tmp_path / "cup.npz"), "--classifier", str(reads), "--details", "--people", people_read,
         "--device", "cpu", "--offline", "--top", "1"],
    )  # fmt: skip
    assert ran.exit_code == 0, ran.output
    rows = [line.split("\t") for line in ran.stdout.splitlines()[1:]]
    assert rows[0][1] == "none"
    about = {row[0].removeprefix(f"{tmp_path / 'cup.npz'} "): row[1] for row in rows[1:]}
    if people_read == "each":
        [held] = [what for name, what in about.items() if name.endswith("at hand")]
        assert held.startswith("cup 0.")
        [alone] = [what for name, what in about.items() if name.endswith("without objects")]
    else:
        alone = about["without objects"]
    assert alone in random_cards.LABELS[:2]
