"""The parts of clips that pairs are measured on: whole recordings, each tested on once."""

from __future__ import annotations

import csv
import sys

import pytest
from benchmark_modules import imported

HEADINGS = "video,label,group,source,people"


@pytest.fixture(scope="module")
def sets():
    with imported("timeline", ["pair_sets"]) as modules:
        yield modules["pair_sets"]


@pytest.fixture
def tables(sets, tmp_path, monkeypatch):
    """The tables of sixteen clips: `tables(name)` gives the stems and labels of one."""
    web = [(f"hug/u{n}.mp4", "hug", f"ut-set1-seq{n % 4 + 1}", "ut", 2) for n in range(6)]
    web += [(f"kick/u{n}.mp4", "kick", f"ut_interaction_set1_seq{n % 4 + 1}", "ut", 2) for n in range(6, 8)]
    web += [("walk/w0.mp4", "walk", "g", "a", 1), ("dance/d0.mp4", "dance", "g", "a", 2)]
    web += [
        ("squat/s0.mp4", "squat", "g", "b", 1),
        ("fight/f0.mp4", "fight", "g", "b", 2),
        ("hug/o0.mp4", "hug", "g", "c", 2),
    ]
    films = [("clap/One_clap_u_0.avi", "clap"), ("push/One_push_u_1.avi", "push"), ("walk/Two_walk_u_0.avi", "walk")]
    for name, heading, rows in (("web/clips.csv", HEADINGS, web), ("jhmdb/labels.csv", "video,label", films)):
        path = tmp_path / name
        path.parent.mkdir()
        path.write_text("\n".join([heading, *(",".join(map(str, row)) for row in rows)]))
        for row in rows:
            pose = (tmp_path / "poses" / path.parent.name / row[0]).with_suffix(".npz")
            pose.parent.mkdir(parents=True, exist_ok=True)
            pose.touch()
    monkeypatch.setattr(sys, "argv", ["pair_sets.py", str(tmp_path), str(tmp_path / "poses"), str(tmp_path / "out")])
    sets.main()

    def read(name):
        with (tmp_path / "out" / name).open(newline="") as file:
            return [(row["video"].rpartition("/")[2].partition(".")[0], row["label"]) for row in csv.DictReader(file)]

    return read


def test_each_clip_is_tested_on_once_and_not_learned_from_then(tables):
    tested = []
    for part in range(4):
        mine = [row for kind in ("interactions", "web", "jhmdb") for row in tables(f"{kind}_{part}.csv")]
        assert not {name for name, _ in mine} & {name for name, _ in tables(f"learn_{part}.csv")}
        tested += mine
    assert len(tested) == len(set(tested)) == 14  # without the fight and the hug of another recording
    assert ("One_push_u_1", "push_object") in tested


def test_clips_of_one_recording_are_in_one_part_whatever_they_show(tables):
    parts = [{name for name, _ in tables(f"interactions_{part}.csv")} for part in range(4)]
    assert sorted(map(sorted, parts)) == [["u0", "u4"], ["u1", "u5"], ["u2", "u6"], ["u3", "u7"]]


def test_other_actions_are_learned_as_unknown_where_several_people_are(tables):
    learned = {row for part in range(4) for row in tables(f"learn_{part}.csv")}
    assert ("d0", "unknown") in learned
    assert not {name for name, _ in learned} & {"s0", "f0", "o0", "One_push_u_1"}
