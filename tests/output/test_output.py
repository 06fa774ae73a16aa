"""Predictions become documents, pose files and annotated videos."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import fakes
import numpy as np
import pytest
import video_factory

from posec3d_cli.errors import OutputError, OutputExists, UnreadableVideo
from posec3d_cli.files.writing import atomic_write, check_free, printable
from posec3d_cli.output.json import document, read_stored, stored
from posec3d_cli.output.poses import save_poses
from posec3d_cli.output.tables import row
from posec3d_cli.output.video import save_video
from posec3d_cli.results import ClipResult, Failure, PersonScores, best_known
from posec3d_cli.types import ActionScores
from posec3d_cli.video import open_video


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    return video_factory.write(path, 60, size=(161, 120), rate=Fraction(30000, 1001), pix_fmt="yuv444p")


def test_a_document_holds_what_a_machine_wants_to_know(clip):
    pipeline = fakes.pipeline(lambda index: [20, 80])
    result = fakes.predict(pipeline, clip, people="each", window_seconds=1)
    written = json.loads(json.dumps(document([result], pipeline.recognizer.used, top=1), allow_nan=False))
    assert (written["schema"], written["version"]) == ("posec3d/prediction", 2)
    assert written["pipeline"]["models"]["classifier"]["sha256"] == {"weights": "11"}
    assert written["pipeline"]["precision"] == "fp32"
    assert written["pipeline"]["detect_every"] == 1
    [video] = written["videos"]
    assert video["status"] == "ok"
    assert len(video["labels"]) == 1
    assert video["labels"][0]["label"] in fakes.LABELS
    assert (video["people_found"], len(video["people"])) == (2, 2)
    assert video["people"][0]["labels"][0]["label"] in fakes.LABELS
    assert [window["start_frame"] for window in video["windows"]] == [0, 15, 30]
    assert video["windows"][1]["start_seconds"] == pytest.approx(15 * 1001 / 30000, abs=1e-4)
    assert video["source"]["fps"] == pytest.approx(29.97, abs=0.001)
    assert set(video["seconds"]) >= {"decode", "detect", "pose", "classify"}


def test_nobody_and_failures_are_entries_too(clip):
    pipeline = fakes.pipeline(lambda index: [])
    nobody = pipeline.predict(clip)
    failed = ClipResult.failed(Path("a.mp4"), Failure.of(UnreadableVideo("a.mp4 is no video", hint="look at it")))
    written = document([nobody, failed], pipeline.recognizer.used)
    json.dumps(written, allow_nan=False)
    found, missing = written["videos"]
    assert (found["status"], found["labels"], found["mean_keypoint_score"]) == ("no_person", [], None)
    error = {"kind": "UnreadableVideo", "what": "a.mp4 is no video", "hint": "look at it"}
    assert missing == {"video": "a.mp4", "status": "failed", "error": error}


def test_who_scores_less_than_asked_for_is_unknown_and_keeps_the_scores(clip):
    pipeline = fakes.pipeline(lambda index: [10, 60] if index < 15 else [60])
    result = fakes.predict(pipeline, clip, people="each", window_seconds=1)
    found = result.to_dict()
    for least, whole in ((0.0, "right"), (0.65, "unknown")):
        said = result.to_dict(min_score=least)
        assert (said["answer"], said["min_score"]) == (whole, least)
        for part in (*said["people"], *said["windows"]):
            best = part["labels"][0]
            named = best["probability"] >= least
            assert (part["answer"], part["guess"]) == ((best["label"], None) if named else ("unknown", best))
        assert [one["labels"] for one in (said, *said["windows"])] == [
            one["labels"] for one in (found, *found["windows"])
        ]
    assert {person["answer"] for person in said["people"]} == {"left", "unknown"}


def test_one_person_who_surely_does_it_names_the_clip_in_which_others_do_something_else(clip):
    result = fakes.pipeline(lambda index: [60]).predict(clip)
    walker, other = (
        ActionScores(np.array([0.1, 0.9], np.float32), ("left", "right")),
        ActionScores(np.array([0.9, 0.1], np.float32), ("left", "right")),
    )
    scores = ActionScores(np.array([0.45, 0.55], np.float32), ("left", "right"))
    people = tuple(PersonScores(number, 9, 0.8, 0.5, one) for number, one in enumerate((walker, other)))
    crowd = replace(result, scores=scores, people=people)
    assert crowd.sureness == pytest.approx(0.9)
    assert (crowd.answer(0.8), crowd.answer(0.95)) == ("right", "unknown")
    assert (crowd.guess(0.8), crowd.guess(0.95)) == (None, ("right", pytest.approx(0.55)))
    assert crowd.to_dict(min_score=0.8)["answer"] == "right"
    assert replace(crowd, people=people[1:]).sureness == pytest.approx(0.55)  # of another action
    assert replace(crowd, scores=None, people=()).sureness == 0


def test_an_answer_is_named_by_the_least_score_of_its_pipeline_unless_another_is_asked_for(clip):
    result = fakes.pipeline(lambda index: [60]).predict(clip)
    careful = replace(result, pipeline=replace(result.pipeline, min_score=0.65))
    assert (result.answer(), careful.answer(), careful.answer(0)) == ("right", "unknown", "right")
    said = careful.to_dict()
    assert (said["answer"], said["min_score"]) == ("unknown", 0.65)
    assert said["guess"] == {"label": "right", "probability": 0.6}
    assert (careful.to_dict(min_score=0)["answer"], careful.to_dict(min_score=0)["guess"]) == ("right", None)
    assert document([careful], careful.pipeline)["videos"] == [said]
    assert (stored(careful)["answer"], stored(careful)["min_score"]) == ("right", 0)  # the scores are what is kept


def test_a_label_unknown_that_scores_most_is_an_answer_unknown_whatever_is_asked_for(clip):
    result = fakes.pipeline(lambda index: [60]).predict(clip)
    other = replace(result, scores=ActionScores(np.array([0.25, 0.15, 0.6], np.float32), ("left", "right", "unknown")))
    for least in (0, 0.5):
        said = other.to_dict(min_score=least)
        assert (said["answer"], said["guess"]) == ("unknown", {"label": "left", "probability": 0.25})
        assert [one["label"] for one in said["labels"]] == ["unknown", "left", "right"]
        assert read_stored(stored(other), clip).to_dict(min_score=least)["guess"] == said["guess"]
        cells = row((other, 1.0), min_score=least)
        assert [cells[name] for name in ("label", "guess", "score", "label_2")] == ["unknown", "left", 0.6, "left"]
    named = replace(other, scores=ActionScores(np.array([0.45, 0.15, 0.4], np.float32), other.scores.labels))
    assert (named.answer(), named.answer(0.5)) == ("left", "unknown")
    assert row((named, 1.0), min_score=0.5)["guess"] == "left"
    alone = ActionScores(np.ones(1, np.float32), ("unknown",))
    assert best_known(alone) == ("unknown", 1)


def test_each_window_says_what_each_person_does_in_it(clip):
    pipeline = fakes.pipeline(lambda index: [10, 60] if index < 20 else [10, 90])
    said = fakes.predict(pipeline, clip, people="each", window_seconds=0.5).to_dict(top=1, min_score=0.65)
    answers = [[(one["id"], one["answer"]) for one in window["people"]] for window in said["windows"]]
    assert answers[0] == [(0, "left"), (1, "unknown")]
    assert answers[-1] == [(0, "left"), (1, "right")]
    for window in said["windows"]:
        assert sum(one["weight"] for one in window["people"]) == pytest.approx(1, abs=1e-3)
    together = pipeline.predict(clip).to_dict()
    assert [window["people"] for window in together["windows"]] == [[]] * len(together["windows"])


def test_an_answer_that_scores_just_as_much_is_named(clip):
    result = fakes.pipeline(lambda index: [70]).predict(clip)
    assert result.to_dict()["labels"][0]["probability"] == 0.7
    assert result.to_dict(min_score=0.7)["answer"] == result.answer(0.7) == "right"
    assert result.to_dict(min_score=0.700001)["answer"] == result.answer(0.700001) == "unknown"


def test_nobody_is_no_person_whatever_is_asked_for_and_a_failure_has_no_answer(clip):
    nobody = fakes.pipeline(lambda index: []).predict(clip).to_dict(min_score=1.0)
    assert (nobody["answer"], nobody["windows"][0]["answer"]) == ("no_person", "no_person")
    together = fakes.pipeline(lambda index: [10]).predict(clip).to_dict(min_score=1.0)
    assert [person["answer"] for person in together["people"]] == [None]
    failed = ClipResult.failed(Path("a.mp4"), Failure("UnreadableVideo", "a.mp4 is no video"))
    assert failed.answer(0.5) is None


def test_a_stored_result_is_read_back_as_the_entry_says_it(clip):
    pipeline = fakes.pipeline(lambda index: [10, 60] if index < 20 else [])
    results = [
        fakes.predict(pipeline, clip, people="each", window_seconds=0.5),
        pipeline.predict(clip),
        fakes.pipeline(lambda index: []).predict(clip),
        ClipResult.failed(clip, Failure("EmptyVideo", "no frame", "look"), name="clip: one"),
    ]
    for result in results:
        kept = json.loads(json.dumps(stored(result)))
        again = read_stored(kept, clip)
        assert isinstance(again, ClipResult)
        assert (again.path, again.status, again.error) == (clip, result.status, result.error)
        assert stored(again) == kept
        for least in (0.0, 0.65):
            assert again.to_dict(min_score=least) == result.to_dict(min_score=least)


def test_a_file_name_that_is_not_utf8_can_be_printed():
    assert printable("a\udcff.mp4") == "a\\xff.mp4"


def test_a_pose_file_holds_every_person_of_every_frame_looked_at(clip, tmp_path):
    result = fakes.pipeline(lambda index: [20, 80] if index < 30 else []).predict(clip)
    save_poses(result.video_poses, tmp_path / "poses.npz")
    with np.load(tmp_path / "poses.npz") as file:
        poses = dict(file)
    assert str(poses["schema"]) == "posec3d/poses"
    assert len(poses["frame_indices"]) == 8
    assert len(poses["frame"]) == len(poses["person"]) == 2 * (poses["frame_indices"] < 30).sum()
    assert poses["keypoints"].shape == (len(poses["frame"]), 17, 2)
    assert tuple(poses["fps"]) == (30000, 1001)
    assert poses["joints"][0] == "nose"


def test_a_pose_file_of_nobody_is_empty(clip, tmp_path):
    save_poses(fakes.pipeline(lambda index: []).predict(clip).video_poses, tmp_path / "poses.npz")
    with np.load(tmp_path / "poses.npz") as file:
        assert file["keypoints"].shape == (0, 17, 2)


def test_an_annotated_video_keeps_rate_length_and_size_and_shows_people_and_label(clip, tmp_path):
    result = fakes.pipeline(lambda index: [100]).predict(clip, every_frame=True)
    save_video(result, tmp_path / "out.mp4")
    with open_video(clip) as source, open_video(tmp_path / "out.mp4") as result:
        assert result.info.fps == source.info.fps
        assert result.info.frame_count == source.info.frame_count
        assert result.info.codec == "h264"
        assert (result.info.width, result.info.height) == (162, 120)  # H.264 has even sides
        for before, after in zip(source.frames(), result.frames(), strict=True):
            changed = np.abs(before.pixels.astype(int) - after.pixels[:, :161]).max(axis=-1) > 60
            assert changed[:40, :90].any()  # the label
            assert changed[10:41, 89:112].any()  # the person


def test_objects_are_drawn_on_request_only(clip, tmp_path):
    pipeline = fakes.pipeline(lambda index: [100])
    pipeline.extractor.detector = fakes.ObjectDetector(lambda index: 50 + index // 2)
    result = pipeline.predict(clip, every_frame=True)
    assert save_video(result, tmp_path / "plain.mp4") == ()
    assert save_video(result, tmp_path / "objects.mp4", draw_objects=True) == ()
    with open_video(tmp_path / "plain.mp4") as plain, open_video(tmp_path / "objects.mp4") as drawn:
        for before, after in zip(plain.frames(), drawn.frames(), strict=True):
            changed = np.abs(before.pixels.astype(int) - after.pixels).max(axis=-1) > 60
            x = 50 + before.index // 2
            assert changed[15:35, x - 10 : x + 10].any()
            assert not changed[60:].any()


def test_nothing_to_draw_is_said_where_the_detector_knows_people_only(clip, tmp_path):
    result = fakes.pipeline(lambda index: [100]).predict(clip, every_frame=True)
    said = save_video(result, tmp_path / "out.mp4", draw_objects=True)
    assert said == ("no objects are drawn: the detector finds people only",)


def test_variable_frame_times_are_kept(tmp_path):
    ticks = [0, 40, 80, 200, 240, 400, 440, 480]
    source = video_factory.write(tmp_path / "in.mkv", 8, ticks=ticks)
    result = fakes.pipeline().predict(source, every_frame=True)
    save_video(result, tmp_path / "out.mp4")
    with open_video(tmp_path / "out.mp4") as result:
        assert [frame.seconds for frame in result.frames()] == pytest.approx([t / 1000 for t in ticks], abs=0.002)


def test_nothing_is_overwritten_unless_asked(clip, tmp_path):
    result = fakes.pipeline().predict(clip)
    target = tmp_path / "poses.npz"
    target.write_text("mine")
    with pytest.raises(OutputExists, match="already there"):
        save_poses(result.video_poses, target)
    assert target.read_text() == "mine"
    save_poses(result.video_poses, target, overwrite=True)
    assert target.read_bytes()[:2] == b"PK"


def test_the_input_is_never_overwritten(clip):
    with pytest.raises(OutputExists, match="the input itself"):
        save_video(fakes.pipeline().predict(clip), clip, overwrite=True)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(OutputError, match="no folder"):
        check_free(tmp_path / "missing" / "out.mp4")
    with pytest.raises(OutputError, match="is a folder"):
        check_free(tmp_path)


def test_a_write_that_fails_leaves_nothing_behind(tmp_path):
    with pytest.raises(UnicodeEncodeError), atomic_write(tmp_path / "out.npz") as part:
        part.write_text("half \ud800", encoding="utf-8")
    assert list(tmp_path.iterdir()) == []
