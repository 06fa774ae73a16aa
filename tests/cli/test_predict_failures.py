"""What `posec3d predict` still says when an input, an output or the user's patience fails."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import fakes
import odd_videos
import pose_file_factory
import pytest
import random_cards
import synthetic_people as people
import typer
import video_factory
from typer.testing import CliRunner

from posec3d_cli.cli.predict import predict
from posec3d_cli.pipeline import Pipeline
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.video import VideoWriter

app = typer.Typer(rich_markup_mode=None)
app.command()(predict)


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    return [video_factory.write(folder / f"{name}.mp4", 30) for name in ("first", "second", "third")]


@pytest.fixture
def stages(monkeypatch):
    """A fake pipeline; `raises` maps the stem of a video to what is raised when it is in work."""
    fake = fakes.pipeline(lambda index: [30])
    fake.raises = {}
    plain = fake.extractor.open

    def open_(path):
        if path.stem in fake.raises:
            raise fake.raises[path.stem]
        return plain(path)

    fake.extractor.open = open_
    monkeypatch.setattr(Pipeline, "from_config", lambda config, **options: fake)
    return fake


@pytest.fixture
def nothing_is_made(monkeypatch):
    def made(*arguments, **options):
        pytest.fail("models are made though nothing can be done with them")

    monkeypatch.setattr(Pipeline, "from_config", made)
    monkeypatch.setattr(ActionRecognizer, "from_config", made)


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize("error", [UnicodeDecodeError("utf-8", b"\xe9", 0, 1, "bad byte"), MemoryError("no more")])
def test_an_error_that_nobody_foresaw_costs_one_input_only(stages, clips, error):
    stages.raises["second"] = error
    result = run(*clips, "--json")
    assert result.exit_code == 1
    answers = json.loads(result.stdout)["videos"]
    assert [one["status"] for one in answers] == ["ok", "failed", "ok"]
    assert answers[1]["error"]["what"] == f"an unexpected error, {type(error).__name__}: {error}"
    assert "test_predict_failures.py, line " in answers[1]["error"]["hint"]
    assert f"{clips[1]}: an unexpected error, {type(error).__name__}: " in result.stderr
    assert "1 of 3 videos could not be answered" in result.stderr
    assert run(*clips).stdout.count("left") == 2


def test_an_unforeseen_error_with_one_clip_of_a_dataset_pickle_leaves_the_others(monkeypatch, tmp_path):
    fake = fakes.pipeline().recognizer
    plain = fake.recognize_file

    def recognize_file(clip, **options):
        if str(clip.video.path).endswith("arms_1"):
            raise ZeroDivisionError("by nothing")
        return plain(clip, **options)

    monkeypatch.setattr(fake, "recognize_file", recognize_file)
    monkeypatch.setattr(ActionRecognizer, "from_config", lambda config, **options: fake)
    result = run(people.write_dataset_pickle(tmp_path / "pack.pkl", people.labeled_clips(2)), "--json")
    assert result.exit_code == 1
    assert [one["status"] for one in json.loads(result.stdout)["videos"]] == ["ok", "failed", "ok", "ok"]


def test_what_is_ready_is_printed_when_the_user_interrupts(stages, clips):
    stages.raises["third"] = KeyboardInterrupt()
    result = run(clips[0].with_name("missing.mp4"), *clips, "--json")
    assert result.exit_code == 130
    answers = json.loads(result.stdout)
    assert [one["status"] for one in answers["videos"]] == ["failed", "ok", "ok"]
    assert answers["pipeline"]["models"]["classifier"]["name"] == "fake-classifier"
    assert "interrupted: 3 of 4 videos were done" in result.stderr


def test_an_interrupt_while_drawing_loses_no_answer(stages, clips, tmp_path, monkeypatch):
    def save_video(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("posec3d_cli.output.video.save_video", save_video)
    for form in ((), ("--json",)):
        result = run(clips[0], "--save-video", tmp_path / "out.mp4", *form)
        assert result.exit_code == 130
        assert "left" in result.stdout


def test_an_interrupt_while_the_models_are_made_leaves_a_valid_document(monkeypatch, clips):
    def from_config(config, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(Pipeline, "from_config", from_config)
    result = run(*clips, "--json")
    assert result.exit_code == 130
    assert json.loads(result.stdout)["videos"] == []


@pytest.fixture
def read_only(monkeypatch):
    """Makes a folder one of a file system that is mounted for reading: even root can make and remove nothing there."""

    def refuse(*arguments, **options):
        raise OSError(errno.EROFS, "Read-only file system")

    def mount(folder):
        monkeypatch.setattr(Path, "unlink", refuse)
        plain = Path.open

        def open_(path, mode="r", *arguments, **options):
            return refuse() if set(mode) & set("wax+") else plain(path, mode, *arguments, **options)

        monkeypatch.setattr(Path, "open", open_)
        return folder

    return mount


@pytest.mark.parametrize(
    ("option", "name"), [("--save-video", "out.mp4"), ("--save-poses", "out.npz"), ("--save-poses", "out.json")]
)
def test_an_answer_is_printed_though_its_file_cannot_be_written(stages, clips, tmp_path, read_only, option, name):
    out = read_only(tmp_path) / name
    result = run(clips[0], option, out)
    assert (result.exit_code, result.stdout.count("left")) == (1, 1), result.stderr
    assert f"{out} cannot be written: Read-only file system" in result.stderr
    assert "could not be answered" not in result.stderr
    [answer] = json.loads(run(clips[0], option, out, "--json").stdout)["videos"]
    assert (answer["status"], answer["answer"]) == ("ok", "left")
    [error] = answer["output_errors"]
    assert (error["kind"], error["what"]) == ("OutputError", f"{out} cannot be written: Read-only file system")


def test_a_disk_that_fills_up_while_drawing_costs_the_drawing_only(stages, clips, tmp_path, monkeypatch):
    def encode(self, image):
        raise self._failure(OSError(errno.ENOSPC, "No space left on device"))

    monkeypatch.setattr(VideoWriter, "_encode", encode)
    result = run(*clips[:2], "--save-video", tmp_path, "--save-poses", tmp_path)
    assert (result.exit_code, result.stdout.count("left")) == (1, 2)
    assert result.stderr.count("No space left on device") == 2
    assert "2 files could not be written" in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first.poses.npz", "second.poses.npz"]


def test_an_unforeseen_error_while_drawing_loses_no_answer(stages, clips, tmp_path, monkeypatch):
    monkeypatch.setattr("posec3d_cli.output.video.headline", lambda *arguments, **options: 1 / 0)
    result = run(*clips[:2], "--save-video", tmp_path)
    assert (result.exit_code, result.stdout.count("left")) == (1, 2)
    assert result.stderr.count("an unexpected error, ZeroDivisionError") == 2


@pytest.mark.usefixtures("nothing_is_made")
def test_missing_inputs_and_outputs_that_exist_are_found_before_any_model_is_made(clips, tmp_path):
    (tmp_path / "first.poses.npz").touch()
    result = run(clips[0], "none.json", clips[0].with_name("secnd.mp4"), "--save-poses", tmp_path, "--json")
    assert result.exit_code == 1
    answers = json.loads(result.stdout)["videos"]
    assert [one["error"]["kind"] for one in answers] == ["OutputExists", "BadPoseFile", "UnreadableVideo"]
    assert "already there" in answers[0]["error"]["what"]
    assert answers[1]["error"]["what"] == "there is no file none.json"
    assert answers[2]["error"]["hint"] == f"did you mean {clips[1]}?"
    assert run(clips[0], "--save-poses", tmp_path / "no" / "out.npz").exit_code == 1


@pytest.mark.usefixtures("nothing_is_made")
def test_a_folder_and_an_address_are_answered_with_what_to_do(tmp_path):
    folder = tmp_path / "my clips"
    folder.mkdir()
    result = run(folder, "rtsp://example.org/a", "--json")
    assert f"posec3d label '{folder}' -o labels.csv" in result.stderr
    assert "error: rtsp://example.org/a is a live source" in result.stderr
    assert [one["video"] for one in json.loads(result.stdout)["videos"]] == [str(folder), "rtsp://example.org/a"]


def test_sound_that_is_lost_is_a_note_and_costs_neither_answer_nor_images(stages, clips, tmp_path):
    source = video_factory.with_beep(clips[0], tmp_path / "in.mkv", codec="mp2", rate=48_000)
    odd_videos.spoil_sound(source, share=1.0)
    result = run(source, "--save-video", tmp_path / "out.mp4")
    assert result.exit_code == 0
    assert "left" in result.stdout
    assert "the sound (mp2) could not be kept" in result.stderr
    assert (tmp_path / "out.mp4").stat().st_size > 0


def test_a_pose_file_for_a_classifier_that_reads_frames_is_refused(posec3d, tmp_path):
    card = random_cards.write_rgbpose_card(tmp_path / "both", seed=1)
    pose_file = next(iter(pose_file_factory.FORMATS.values()))(tmp_path)
    ran = posec3d("predict", pose_file, "--classifier", card, "--device", "cpu", "--offline")
    assert ran.code == 1
    assert "the classifier reads the frames of the video beside the poses" in " ".join(ran.err.split())
    assert "give the video itself" in " ".join(ran.err.split())
