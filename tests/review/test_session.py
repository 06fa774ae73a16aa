"""Decisions: kept at once, taken back by events of their own, written as a table."""

from __future__ import annotations

import csv
import sqlite3

import pytest
import review_factory
from clip_results import answered

from posec3d_cli.batch.find import InputFile
from posec3d_cli.datasets.load import load_dataset
from posec3d_cli.datasets.segments import Segment
from posec3d_cli.errors import BadDataset, OutputError, OutputExists
from posec3d_cli.evaluation.ground_truth import read_ground_truth
from posec3d_cli.review.session import ReviewSession, store_of
from posec3d_cli.review.views import known_labels, listing, overview


def named(session, name):
    return next(row for row in session.rows if row.name == name)


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def said(path):
    return [(row["video"], row["label"], row["start"], row["end"], row["person"]) for row in read(path)]


def test_a_decision_is_on_the_disk_with_prediction_and_author_apart(session, tmp_path):
    session.say(named(session, "unsure.mp4"), {"kind": "label", "label": "walk"})
    [row] = read(tmp_path / "truth.csv")
    assert list(row)[:7] == ["video", "label", "start", "end", "person", "reviewer", "time"]
    assert (row["video"], row["label"], row["reviewer"]) == ("clips/unsure.mp4", "walk", "anna")
    assert row["time"].endswith("Z")
    with sqlite3.connect(tmp_path / "labels.csv.review.sqlite") as connection:
        [(reviewer, video, event, context)] = connection.execute("SELECT reviewer, video, said, context FROM events")
    assert (reviewer, video, '"walk"' in event) == ("anna", "unsure.mp4", True)
    assert '"predicted": "run", "score": 0.4' in context


def test_events_are_only_ever_added(session, tmp_path):
    session.say(named(session, "sure.mp4"), {"kind": "label", "label": "walk"})
    with sqlite3.connect(tmp_path / "labels.csv.review.sqlite") as connection:
        for change in ("DELETE FROM events", "UPDATE events SET reviewer = 'bob'"):
            with pytest.raises(sqlite3.IntegrityError, match="only added"):
                connection.execute(change)


def test_undo_goes_back_step_by_step_and_outlives_the_session(table):
    with ReviewSession.open(table, reviewer="anna") as session:
        row = named(session, "sure.mp4")
        for label in ("walk", "run"):
            session.say(row, {"kind": "label", "label": label})
        segment = session.say(row, {"kind": "segment", "label": "jump", "start": 2, "stop": 5})
        session.say(row, {"kind": "segment", "label": "jump", "start": 3, "stop": 6, "replaces": segment.id})
        session.say(row, {"kind": "clear"})
        assert (session.label_of(row), len(session.decision(row).segments)) == (None, 1)
        session.undo()
    with ReviewSession.open(table, reviewer="bob") as session:
        row = named(session, "sure.mp4")
        assert session.label_of(row) == "run"
        assert [event.said.start for event in session.decision(row).segments] == [3]
        session.undo()
        assert [event.said.start for event in session.decision(row).segments] == [2]
        session.undo()
        session.undo()
        assert (session.label_of(row), session.decision(row).segments) == ("walk", [])
        session.undo()
        assert not session.is_decided(row)
        assert session.undo() is None
        assert said(table.with_name("truth.csv")) == []


def test_segments_hold_frames_and_the_time_of_the_container(opened, tmp_path):
    table = review_factory.table(
        tmp_path, answered("a.mp4", ("walk", 0.9)), ticks=[500, 540, 570, *range(600, 1680, 40)]
    )
    session = opened(table)
    session.say(session.rows[0], {"kind": "segment", "label": "run", "start": 2, "stop": 30, "person": 0})
    [row] = read(tmp_path / "truth.csv")
    assert (row["start"], row["end"], row["person"]) == ("2", "30", "0")
    assert float(row["start_seconds"]) == pytest.approx(0.57)
    assert float(row["end_seconds"]) == pytest.approx(1.68, abs=0.011)
    frame, *box = row["box"].split()
    assert (int(frame), len(box)) == (16, 4)


def test_what_was_decided_is_read_by_training_evaluation_and_label(session, tmp_path):
    sure, unsure = named(session, "sure.mp4"), named(session, "unsure.mp4")
    session.say(sure, {"kind": "label", "label": "walk", "accepted": True})
    session.say(unsure, {"kind": "segment", "label": "run", "start": 0, "stop": 10})
    session.say(unsure, {"kind": "segment", "label": "jump", "start": 10, "stop": 30, "person": 0})
    session.say(named(session, "broken.mp4"), {"kind": "label", "label": "unknown"})
    dataset = load_dataset([tmp_path / "truth.csv"])
    clips = {clip.name.removeprefix("truth/clips/"): (clip.label, clip.segment) for clip in dataset.clips}
    assert clips.pop("sure.mp4") == ("walk", None)
    assert clips.pop("broken.mp4") == ("unknown", None)
    assert clips.pop("unsure.mp4 [0:10]") == ("run", Segment(0, 10))
    [(name, (label, segment))] = clips.items()
    assert (name, label) == ("unsure.mp4 [10:30, person 0]", "jump")
    assert (segment.start, segment.stop, segment.person, segment.box is not None) == (10, 30, 0, True)
    assert len({clip.group for clip in dataset.clips if "unsure" in clip.name}) == 1
    inputs = [InputFile(row.path, row.name) for row in session.rows]
    truth = read_ground_truth(tmp_path / "truth.csv", inputs)
    assert truth.labels == {"sure.mp4": "walk", "broken.mp4": "unknown"}
    assert [(one.name, one.label) for one in truth.segments] == [("unsure.mp4", "run"), ("unsure.mp4", "jump")]


def test_truth_that_somebody_else_wrote_or_changed_is_left_alone(table, tmp_path):
    truth = tmp_path / "truth.csv"
    truth.write_text("video,label\na,b\n")
    with pytest.raises(OutputExists, match="did not write it"), ReviewSession.open(table, reviewer="anna"):
        pass
    assert truth.read_text() == "video,label\na,b\n"
    other = tmp_path / "mine.csv"
    with ReviewSession.open(table, reviewer="anna", truth_file=other) as session:
        session.say(session.rows[0], {"kind": "label", "label": "walk"})
        other.write_text(other.read_text() + "more,by hand\n")
        session.say(session.rows[1], {"kind": "label", "label": "walk"})
        assert "did not write it" in overview(session)["export_problem"]
        assert "by hand" in other.read_text()
        other.unlink()
        session.undo()
        assert overview(session)["export_problem"] == ""
        assert len(said(other)) == 1


def test_one_process_at_a_time_reviews_a_table(session, table):
    with pytest.raises(OutputError, match="being reviewed by another process"), ReviewSession.open(table, reviewer="b"):
        pass


def test_labels_typed_by_hand_are_kept_as_they_are(opened, tmp_path):
    labels = ["Walk", "walk", "WALK", "fast/slow", "größe", "走る", "a, b", '"quoted"', "<img src=x onerror=alert(1)>"]
    table = tmp_path / "hand.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["video", "label"])
        for number, label in enumerate(labels):
            writer.writerow([f"<b>{number}</b> a/ü.mp4", label])
    session = opened(table)
    assert [row.label for row in session.rows] == labels
    assert set(known_labels(session)) == set(labels)
    assert overview(session)["near"] == [["WALK", "Walk", "walk"]]
    session.say(session.rows[0], {"kind": "label", "label": "wALK"})
    assert session.label_of(session.rows[0]) == "wALK"
    assert read(tmp_path / "truth.csv")[0]["label"] == "wALK"
    assert read(tmp_path / "truth.csv")[0]["video"] == "<b>0</b> a/ü.mp4"


def test_rows_of_one_name_are_rows_of_their_own(opened, tmp_path):
    table = tmp_path / "hand.csv"
    table.write_text("video,label\na.mp4,walk\na.mp4,run\n")
    session = opened(table)
    session.say(session.rows[1], {"kind": "label", "label": "jump"})
    assert [session.label_of(row) for row in session.rows] == [None, "jump"]


def test_corrections_in_the_table_count_and_go_out_too(opened, tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text("video,status,label,corrected,score\na.mp4,ok,walk,run,0.9\nb.mp4,ok,walk,,0.8\n")
    session = opened(table)
    assert [session.is_decided(row) for row in session.rows] == [True, False]
    session.say(session.rows[1], {"kind": "label", "label": "walk", "accepted": True})
    assert said(tmp_path / "truth.csv") == [("a.mp4", "run", "", "", ""), ("b.mp4", "walk", "", "", "")]
    assert listing(session, "name", "disagree") == [0]


def test_decisions_on_rows_that_are_gone_stay(table, tmp_path):
    with ReviewSession.open(table, reviewer="anna") as session:
        session.say(named(session, "sure.mp4"), {"kind": "label", "label": "run"})
    lines = table.read_text().splitlines(keepends=True)
    table.write_text("".join(line for line in lines if not line.startswith("sure.mp4")))
    with ReviewSession.open(table, reviewer="anna") as session:
        assert len(session.rows) == 2
        session.say(named(session, "unsure.mp4"), {"kind": "label", "label": "walk"})
    assert [row[:2] for row in said(tmp_path / "truth.csv")] == [
        ("clips/unsure.mp4", "walk"),
        ("clips/sure.mp4", "run"),
    ]


def test_a_folder_of_videos_is_labelled_from_nothing(opened, tmp_path):
    review_factory.three(tmp_path)
    session = opened(tmp_path / "clips")
    assert [(row.name, row.label, row.status) for row in session.rows] == [
        (name, "", "") for name in ("broken.mp4", "sure.mp4", "unsure.mp4")
    ]
    session.say(session.rows[1], {"kind": "label", "label": "walk"})
    assert said(tmp_path / "clips" / "truth.csv") == [("sure.mp4", "walk", "", "", "")]
    assert store_of(tmp_path / "clips") == tmp_path / "clips" / "review.sqlite"


def test_ten_thousand_rows_are_quick_enough_to_be_told(opened, tmp_path):
    table = tmp_path / "hand.csv"
    table.write_text(
        "video,label,score\n" + "".join(f"clip {n}.mp4,label {n},0.{n % 1000:03}\n" for n in range(10_000))
    )
    session = opened(table)
    assert len(session.rows) == 10_000
    assert session.rows[listing(session, "uncertain", "all")[0]].score == 0
    assert len(known_labels(session)) == 10_000


def test_tables_that_cannot_be_reviewed_say_why(tmp_path):
    for name, match in (("no.csv", "there is no table"), ("a.jsonl", "cannot be read back"), ("a.txt", "no CSV table")):
        if name != "no.csv":
            (tmp_path / name).write_text("video\na\n")
        with pytest.raises(BadDataset, match=match), ReviewSession.open(tmp_path / name, reviewer="a"):
            pass
