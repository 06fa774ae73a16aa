"""Predicted segments of a table of `label --timeline`: accepted, changed, deleted, taken back."""

from __future__ import annotations

import csv
import sqlite3

import pytest
import review_factory

from posec3d_cli.errors import BadDataset, InputError, OutputError
from posec3d_cli.review import views
from posec3d_cli.review.rows import load_rows
from posec3d_cli.review.session import ReviewSession


@pytest.fixture
def table(tmp_path):
    return review_factory.segments(tmp_path)


def said(table):
    with table.with_name("truth.csv").open(newline="", encoding="utf-8") as file:
        return [
            (row["label"], row["start"], row["end"], row["person"], row["start_seconds"])
            for row in csv.DictReader(file)
        ]


def waiting(session):
    return [(*one.span, one.label) for one in session.waiting(session.row(0))]


def test_segments_of_a_table_wait_and_stretches_without_a_person_are_none(session):
    assert waiting(session) == [row[:4] for row in review_factory.SEGMENTS[:-1]]
    shown = views.said(session, session.row(0))["predicted"]
    assert shown[-1] == {
        "predicted": (20, 28, 0), "start": 20, "stop": 28, "person": 0,
        "label": "unknown", "score": 0.3, "guess": "jump",
    }  # fmt: skip
    assert {"walk", "jump"} <= set(views.known_labels(session))
    assert not session.is_decided(session.row(0))


def test_one_is_accepted_one_is_changed_and_one_is_dropped(session, table):
    row = session.row(0)
    session.say(row, {"kind": "segment", "label": "walk", "start": 0, "stop": 10, "person": 0, "predicted": [0, 10, 0]})
    session.say(
        row, {"kind": "segment", "label": "hop", "start": 12, "stop": 20, "person": 0, "predicted": [10, 20, 0]}
    )
    session.say(row, {"kind": "drop", "predicted": [0, 15, 1]})
    assert said(table) == [("walk", "0", "10", "0", "0.0"), ("hop", "12", "20", "0", "0.48")]
    assert waiting(session) == [(15, 30, 1, "stand"), (20, 28, 0, "unknown")]
    assert not session.is_decided(row)
    session.say(row, {"kind": "drop", "predicted": [15, 30, 1]})
    assert session.is_decided(row), "what is unknown need not be said"
    for _ in range(3):
        session.undo()
    assert waiting(session)[:2] == [(0, 15, 1, "sit"), (10, 20, 0, "run")]
    assert said(table) == [("walk", "0", "10", "0", "0.0")]


def test_a_segment_that_was_accepted_and_removed_does_not_wait_again(session):
    row = session.row(0)
    event = session.say(
        row, {"kind": "segment", "label": "walk", "start": 0, "stop": 10, "person": 0, "predicted": [0, 10, 0]}
    )
    session.say(row, {"kind": "remove", "segment": event.id})
    assert (0, 10, 0, "walk") not in waiting(session)
    session.undo()
    session.undo()
    assert waiting(session)[0] == (0, 10, 0, "walk")


def test_all_are_accepted_at_once_but_what_is_unknown_or_overlaps_and_one_undo_takes_them_back(table):
    with ReviewSession.open(table, reviewer="anna") as session:
        row = session.row(0)
        session.say(row, {"kind": "segment", "label": "crawl", "start": 8, "stop": 12, "person": 1})
        events, left = session.accept_all(row)
        assert ([event.said.label for event in events], left) == (["walk", "run", "stand"], 2)
        assert session.accept_all(row) == ([], 2)
    with ReviewSession.open(table, reviewer="bob") as session:
        assert [one[0] for one in said(table)] == ["walk", "crawl", "run", "stand"]
        session.undo()
        assert [one[0] for one in said(table)] == ["crawl"]
        assert len(waiting(session)) == 5
        session.undo()
        assert session.undo() is None


def test_nothing_is_accepted_by_halves(session, tmp_path):
    with sqlite3.connect(tmp_path / "labels.csv.review.sqlite") as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON events WHEN NEW.said LIKE '%stand%' "
            "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        )
    with pytest.raises(OutputError, match="the disk is full"):
        session.accept_all(session.row(0))
    assert len(waiting(session)) == 5
    with sqlite3.connect(tmp_path / "labels.csv.review.sqlite") as connection:
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (0,)
        connection.execute("DROP TRIGGER full")
    assert len(session.accept_all(session.row(0))[0]) == 4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"kind": "drop", "predicted": [1, 2, 0]}, "no longer there"),
        ({"kind": "drop", "predicted": [0, 10]}, "no decision"),
        ({"kind": "segment", "label": "a", "start": 0, "stop": 5, "predicted": [0, 10, 1]}, "no longer there"),
        ({"kind": "segment", "label": "a", "start": 0, "stop": 5, "person": "x"}, "neither a track id nor two"),
    ],
)
def test_what_was_not_predicted_is_refused(session, content, message):
    with pytest.raises(InputError, match=message):
        session.say(session.row(0), content)


def test_what_another_tab_has_said_is_not_said_again(session):
    drop = {"kind": "drop", "predicted": [0, 10, 0]}
    session.say(session.row(0), drop)
    with pytest.raises(InputError, match="no longer there"):
        session.say(session.row(0), drop)


def test_corrections_of_the_table_stand_for_the_prediction_and_pairs_keep_their_names(tmp_path):
    table = review_factory.segments(tmp_path, [(0, 10, "0+3", "hug", 0.7, ""), (10.0, 20, "", "walk", 0.7, "")])
    text = table.read_text().replace("walk,,", "walk,stroll,")
    table.write_text(text)
    [row] = load_rows(table)
    assert [(one.span, one.label, one.score) for one in row.segments] == [
        ((0, 10, "0+3"), "hug", 0.7),
        ((10, 20, None), "stroll", None),
    ]
    with ReviewSession.open(table, reviewer="anna") as session:
        assert len(session.accept_all(session.row(0))[0]) == 2
    assert [one[3] for one in said(table)] == ["0+3", ""]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((10, 5, 0, "walk", 0.9, ""), "line 2 is no segment: frames 10 to 5"),
        (("x", 5, 0, "walk", 0.9, ""), "line 2: start is no whole number: 'x'"),
        ((0, 5, "Ann", "walk", 0.9, ""), "line 2: person is no whole number: 'Ann'"),
    ],
)
def test_a_row_that_is_no_segment_is_named(tmp_path, row, message):
    table = review_factory.segments(tmp_path, [row])
    with pytest.raises(BadDataset, match=message):
        load_rows(table)


def test_the_server_accepts_all(client):
    answer = client.post("/api/rows/0/accept", json={}, headers={"origin": str(client.base_url)}).json()
    assert (answer["accepted"], answer["waiting"], answer["row"]["segments"]) == (4, 1, 4)
    assert [one["label"] for one in answer["said"]["predicted"]] == ["unknown"]
    assert client.get("/api/rows/0").json()["predicted"] == answer["said"]["predicted"]
