"""`posec3d predict`, with stages of a few lines."""

from __future__ import annotations

import json

import fakes
import pose_file_factory as factory
import pytest
import random_cards
import synthetic_people as people
import typer
import video_factory
from typer.testing import CliRunner

from posec3d_cli.cli.predict import predict
from posec3d_cli.config import PipelineConfig
from posec3d_cli.extraction.cache import PoseCache
from posec3d_cli.pipeline import Pipeline
from posec3d_cli.recognition.recognizer import ActionRecognizer

app = typer.Typer(rich_markup_mode=None)
app.command()(predict)


@pytest.fixture
def stages(monkeypatch):
    """A fake pipeline in place of every real one; `made` holds what the command asked for."""
    fake = fakes.pipeline(lambda index: [30])

    def from_config(config, **options):
        fake.made = config
        return fakes.configured(fake, config)

    monkeypatch.setattr(Pipeline, "from_config", from_config)
    return fake


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return video_factory.write(tmp_path_factory.mktemp("clips") / "clip.mp4", 30)


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "[" / "x].mp4"
    path.parent.mkdir()
    path.write_text("not a video")
    return path


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_actions_are_printed_best_first(stages, clip):
    result = run(clip)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].split("\t") == ["video", "action", "probability"]
    assert [line.split("\t") for line in lines[1:]] == [[str(clip), "left", "70.0 %"], [str(clip), "right", "30.0 %"]]
    assert run(clip, "--top", 1).stdout.count("%") == 1


def test_an_action_that_scores_too_little_is_unknown_with_what_it_would_have_been(stages, clip):
    result = run(clip, "--min-score", 0.8)
    assert result.exit_code == 0
    rows = [line.split("\t")[1:] for line in result.stdout.splitlines()[1:]]
    assert rows == [["unknown (left)", "70.0 %"], ["right", "30.0 %"]]
    assert "unknown" not in run(clip, "--min-score", 0.7).stdout
    answers = [json.loads(run(clip, "--json", "--min-score", least).stdout)["videos"][0] for least in (0.8, 0)]
    assert [(one["answer"], one["min_score"]) for one in answers] == [("unknown", 0.8), ("left", 0)]
    assert answers[0]["labels"] == answers[1]["labels"]


def test_the_card_says_which_score_is_too_little_unless_the_command_does(stages, clip, tmp_path):
    card = random_cards.write_card(tmp_path / "careful", seed=1, recipe="min_score = 0.8")
    result = run(clip, "--classifier", card)
    assert result.stdout.splitlines()[1].split("\t")[1:] == ["unknown (left)", "70.0 %"]
    assert "unknown below 0.8" in result.stderr
    [answer] = json.loads(run(clip, "--classifier", card, "--json").stdout)["videos"]
    assert (answer["answer"], answer["min_score"]) == ("unknown", 0.8)
    assert answer["guess"] == {"label": "left", "probability": 0.7}
    off = run(clip, "--classifier", card, "--min-score", 0)
    assert "unknown" not in off.output


def test_people_and_windows_are_unknown_by_the_same_score(stages, clip):
    stages.extractor.detector.where = lambda index: [10, 60]
    result = run(clip, "--details", "--people", "each", "--window", 0.6, "--min-score", 0.7)
    details = {
        line.split("\t")[0].removeprefix(f"{clip} "): line.split("\t")[1] for line in result.stdout.splitlines()[3:]
    }
    assert sorted(action for about, action in details.items() if "person" in about) == ["left", "unknown (right)"]
    assert {action for about, action in details.items() if "person" not in about} == {"unknown (left)"}


def test_what_is_unknown_is_drawn_with_a_question_mark(stages, clip, tmp_path, monkeypatch):
    drawn = set()
    monkeypatch.setattr(
        "posec3d_cli.output.draw.annotate", lambda pixels, figures, limbs, text, objects: drawn.add(text) or pixels
    )
    run(clip, "--save-video", tmp_path / "out.mp4", "--min-score", 0.8)
    assert drawn == {"? left 70%"}
    drawn.clear()
    card = random_cards.write_card(tmp_path / "careful", seed=1, recipe="min_score = 0.8")
    run(clip, "--save-video", tmp_path / "card.mp4", "--classifier", card)
    assert drawn == {"? left 70%"}


def test_how_the_video_was_read_is_said_on_stderr(stages, clip):
    result = run(clip, "--window", 2, "--people", "each", "--views", 2, "--flip")
    assert (
        "each person alone, windows of 2 s, 2 views and mirror images; fake-classifier on cpu in fp32" in result.stderr
    )


def test_nobody_is_an_answer(stages, clip):
    stages.extractor.detector.where = lambda index: []
    result = run(clip)
    assert result.exit_code == 0
    assert "no person" in result.stdout
    answer = json.loads(run(clip, "--json").stdout)
    assert answer["videos"][0]["status"] == "no_person"


def test_one_bad_video_costs_only_its_own_line(stages, clip, text):
    result = run(text, clip, text.parent / "missing.mp4")
    assert result.exit_code == 1
    assert result.stdout.count("left") == 1
    assert result.stdout.startswith("video\t")
    assert str(text) in result.stderr
    assert "missing.mp4" in result.stderr
    assert "2 of 3 videos could not be answered" in result.stderr


def test_json_is_one_document_and_nothing_else(stages, clip, text):
    result = run(clip, text, "--json", "--top", 1)
    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    assert [video["status"] for video in answer["videos"]] == ["ok", "failed"]
    assert len(answer["videos"][0]["labels"]) == 1
    assert answer["videos"][1]["video"] == str(text)


def test_details_name_people_and_windows(stages, clip):
    stages.extractor.detector.where = lambda index: [20, 70]
    result = run(clip, "--details", "--people", "each", "--window", 0.6)
    assert "person 0" in result.stdout
    assert "0.0-0.6 s" in result.stdout


def test_options_reach_the_pipeline(stages, clip):
    options = ["--pipeline", "p", "--detector", "d", "--pose", "q", "--classifier", "c", "--builder", "b", "--offline"]
    run(
        clip,
        *options,
        "--device",
        "cpu",
        "--precision",
        "fp32",
        "--max-people",
        2,
        "--detector-threshold",
        0.4,
        "--detect-every",
        3,
    )
    assert stages.made == PipelineConfig(
        **{"pipeline": "p", "detector": "d", "pose": "q", "classifiers": ("c",), "builder": "b", "offline": True},
        **{"device": "cpu", "precision": "fp32", "detect_every": 3},
        detector_settings={"max_people": 2, "score_threshold": 0.4},
    )


def test_the_cache_reaches_the_pipeline_or_none_does(stages, clip, tmp_path):
    run(clip, "--cache", tmp_path / "kept")
    assert stages.made.cache_dir == tmp_path / "kept"
    run(clip, "--no-cache")
    assert stages.made.cache_dir is None
    assert run(clip, "--cache", tmp_path, "--no-cache").exit_code == 2


def test_an_annotated_video_and_poses_are_written(stages, clip, tmp_path):
    result = run(clip, "--save-video", tmp_path / "out.mp4", "--save-poses", tmp_path / "out.npz")
    assert result.exit_code == 0, result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mp4", "out.npz"]
    again = run(clip, "--save-video", tmp_path / "out.mp4")
    assert again.exit_code == 1
    assert "already there" in again.stderr
    assert run(clip, "--save-video", tmp_path / "out.mp4", "--overwrite").exit_code == 0


def test_objects_are_drawn_on_request(stages, clip, tmp_path):
    result = run(clip, "--save-video", tmp_path / "people.mp4", "--draw-objects")
    assert result.exit_code == 0, result.stderr
    assert "no objects are drawn: the detector finds people only" in result.stderr
    stages.extractor.detector = fakes.ObjectDetector(where=lambda index: [30])
    result = run(clip, "--save-video", tmp_path / "objects.mp4", "--draw-objects")
    assert result.exit_code == 0, result.stderr
    assert "objects are drawn" not in result.stderr
    assert (tmp_path / "people.mp4").read_bytes() != (tmp_path / "objects.mp4").read_bytes()


def test_several_videos_need_a_folder_for_their_outputs(stages, clip, tmp_path):
    other = video_factory.write(tmp_path / "other.mp4", 10)
    assert run(clip, other, "--save-video", tmp_path / "out.mp4").exit_code == 2
    assert run(clip, other, "--save-video", tmp_path / "out", "--save-poses", tmp_path / "out").exit_code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "clip.actions.mp4",
        "clip.poses.npz",
        "other.actions.mp4",
        "other.poses.npz",
    ]


def test_two_videos_that_differ_in_their_suffix_keep_it_in_the_names_of_their_outputs(stages, clip, tmp_path):
    for name in ("walk.mp4", "walk.avi"):
        video_factory.write(tmp_path / name, 10)
    assert run(tmp_path / "walk.mp4", tmp_path / "walk.avi", clip, "--save-poses", tmp_path / "out").exit_code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "clip.poses.npz",
        "walk.avi.poses.npz",
        "walk.mp4.poses.npz",
    ]


def test_two_videos_of_one_name_do_not_overwrite_each_other(stages, clip, tmp_path):
    twin = video_factory.write(tmp_path / "clip.mp4", 10)
    result = run(clip, twin, "--save-poses", tmp_path / "out", "--overwrite")
    assert result.exit_code == 2
    assert not (tmp_path / "out").exists()


def test_the_input_is_never_overwritten(stages, clip):
    size = clip.stat().st_size
    result = run(clip, "--save-video", clip, "--overwrite")
    assert result.exit_code == 1
    assert "the input itself" in result.stderr
    assert clip.stat().st_size == size


@pytest.mark.parametrize(
    "arguments",
    [
        ["--top", "0"],
        ["--window", "-1"],
        ["--people", "nobody"],
        ["--views", "0"],
        ["--min-score", "1.1"],
        ["--save-video", "out.avi"],
        ["--overwrite"],
        ["--draw-objects"],
        [],
    ],
)
def test_a_wrong_option_is_wrong_usage(stages, clip, arguments):
    result = run(*([clip, *arguments] if arguments else []))
    assert result.exit_code == 2


@pytest.fixture
def actions(monkeypatch):
    """A fake classifier, and no pipeline at all: whoever makes a detector or a pose model fails."""
    fake = fakes.pipeline().recognizer

    def from_config(config, **options):
        fake.made = config
        return fake

    def made(*arguments, **options):
        pytest.fail("a pose file needs no detector and no pose model")

    monkeypatch.setattr(ActionRecognizer, "from_config", from_config)
    monkeypatch.setattr(Pipeline, "from_config", made)
    return fake


@pytest.mark.parametrize(
    "option",
    [
        *[("--detector", "d"), ("--pose", "p"), ("--max-people", 2), ("--detector-threshold", 0.5)],
        *[("--detect-every", 3), ("--reader", "decord"), ("--set", "pose.batch=2")],
    ],
    ids=lambda option: option[0],
)
def test_options_about_images_are_refused_where_there_are_none(actions, tmp_path, option):
    result = run(factory.ours(tmp_path, ".npz"), *option)
    assert result.exit_code == 2
    assert f"{option[0]} " in result.stderr
    assert "has no effect" in result.stderr


@pytest.mark.parametrize("form", factory.FORMATS)
def test_pose_files_are_answered_without_a_detector_and_a_pose_model(actions, tmp_path, form):
    path = factory.FORMATS[form](tmp_path)
    result = run(path, "--json")
    assert result.exit_code == 0, result.stderr
    answer = json.loads(result.stdout)
    assert [(video["video"], video["status"]) for video in answer["videos"]] == [(str(path), "ok")]
    assert answer["videos"][0]["frames_with_person"] == factory.FRAMES


def test_the_classifier_is_the_pipelines_unless_another_is_named(actions, tmp_path):
    path = factory.ours(tmp_path, ".npz")
    run(path, "--builder", "b", "--device", "cpu")
    assert actions.made == PipelineConfig(builder="b", device="cpu")
    run(path, "--classifier", "other+more")
    assert actions.made == PipelineConfig(classifiers=("other", "more"))


def test_pose_files_and_videos_can_be_mixed(stages, clip, tmp_path):
    result = run(clip, factory.openpose(tmp_path), factory.ours(tmp_path, ".json"))
    assert result.exit_code == 0, result.stderr
    assert [line.split("\t")[0] for line in result.stdout.splitlines()[1::2]] == [
        str(clip),
        str(tmp_path / "openpose_25"),
        str(tmp_path / "ours.json"),
    ]


def test_poses_saved_from_a_video_give_the_videos_answer(stages, clip, tmp_path):
    assert run(clip, "--save-poses", tmp_path / "poses.json").exit_code == 0
    rows = [line.split("\t") for line in run(clip, tmp_path / "poses.json").stdout.splitlines()[1:]]
    assert [row[0] for row in rows] == [str(clip)] * 2 + [str(tmp_path / "poses.json")] * 2
    assert [row[1:] for row in rows[:2]] == [row[1:] for row in rows[2:]]


def test_each_clip_of_a_dataset_pickle_is_answered(actions, tmp_path):
    path = people.write_dataset_pickle(tmp_path / "pack.pkl", people.labeled_clips(2))
    result = run(path, "--top", 1)
    assert result.exit_code == 0, result.stderr
    names = [line.split("\t")[0] for line in result.stdout.splitlines()[1:]]
    assert names == [f"{path}: {name}" for name in ("arms_0", "arms_1", "legs_0", "legs_1")]
    refused = run(path, "--save-poses", tmp_path / "out.npz")
    assert refused.exit_code == 1
    assert "holds 4 clips" in refused.stderr


@pytest.mark.parametrize("suffix", [".npz", ".json", ".pkl"])
def test_poses_of_a_pose_file_can_be_saved_in_another_form(actions, tmp_path, suffix):
    result = run(factory.alphapose(tmp_path), "--save-poses", tmp_path / f"out{suffix}")
    assert result.exit_code == 0, result.stderr
    assert run(tmp_path / f"out{suffix}").exit_code == 0
    assert "already there" in run(factory.mmpose(tmp_path), "--save-poses", tmp_path / f"out{suffix}").stderr


def test_a_pose_file_cannot_be_drawn_into(actions, tmp_path):
    result = run(factory.ours(tmp_path, ".npz"), "--save-video", tmp_path / "out.mp4")
    assert result.exit_code == 2
    assert "is a pose file" in " ".join(result.stderr.split())


def test_a_bad_pose_file_costs_only_its_own_line(actions, tmp_path):
    (tmp_path / "bad.npz").write_text("no archive")
    result = run(tmp_path / "bad.npz", factory.ours(tmp_path, ".pkl"), tmp_path / "missing.json")
    assert result.exit_code == 1
    assert result.stdout.count("ours.pkl") == 2
    assert "is no readable NumPy archive" in result.stderr
    assert "2 of 3 videos could not be answered" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_cache_that_cannot_be_written_is_a_note_and_the_answers_are_given(stages, clip, tmp_path, caplog):
    (tmp_path / "file").touch()
    stages.extractor.cache = PoseCache(tmp_path / "file" / "cache")
    result = run(clip, clip, "--json")
    assert result.exit_code == 0
    assert [one["status"] for one in json.loads(result.stdout)["videos"]] == ["ok", "ok"]
    [note] = {one for one in caplog.messages if "poses are not kept for the next time" in one}
    assert f"{tmp_path / 'file'} is a file" in note
    assert "free" not in note
