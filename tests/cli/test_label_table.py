"""The table of `posec3d label` and what stands beside it: what is replaced, what is doubtful, what is compared."""

from __future__ import annotations

from pathlib import Path

import random_cards
from label_runs import begun, rows, statuses


def test_an_output_that_is_not_ours_is_replaced_only_if_that_is_said(label):
    Path("labels.csv").write_text("mine")
    ran = label(copies=["a.mp4"])
    assert (ran.code, Path("labels.csv").read_text()) == (1, "mine")
    assert "labels.csv is already there" in ran.err
    assert label("clips", "--overwrite").code == 0
    assert statuses() == {"a.mp4": "ok"}


def test_a_label_that_somebody_changed_is_named_before_any_video_is_done_and_a_correction_is_kept(label, tmp_path):
    label(copies=["a.mp4", "b.mp4"])
    table = Path("labels.csv")
    written = table.read_text()
    table.write_text(written.replace("b.mp4,ok,left", "b.mp4,ok,squat"))
    changed = table.read_bytes()
    ran = label(copies=["c.mp4"])
    assert (ran.code, begun(tmp_path), table.read_bytes()) == (1, [], changed)
    assert "labels.csv was changed since it was written, in 1 row: b.mp4 (label)" in ran.err
    table.write_text(written.replace("b.mp4,ok,left,", "b.mp4,ok,left,squat"))
    assert label().code == 0
    assert begun(tmp_path) == ["c.mp4"]
    cells = [(row["video"], row["label"], row["corrected"]) for row in rows("labels.csv")]
    assert cells == [("a.mp4", "left", ""), ("b.mp4", "left", "squat"), ("c.mp4", "left", "")]


def test_given_labels_are_compared(label, tmp_path):
    Path("truth.csv").write_text(
        "video,label\na.mp4,left\nb.mp4,up\nempty.mp4,left\nbug.mp4,left\nnot there.mp4,left\n"
    )
    ran = label("clips", "--truth", "truth.csv", copies=["a.mp4", "b.mp4", "empty.mp4", "bug.mp4", "other.mp4"])
    assert "note:  truth.csv has no label for 1 of 5 files" in ran.err
    last = ran.out.splitlines()[-1]
    assert last.startswith("top-1 33.3% (6.1% to 79.2%), top-5 33.3%, mean class 25.0%, 3 videos, no person in 1, ")
    assert last.endswith("1 failed and not counted; confusion in labels.confusion.csv")
    table = rows("labels.confusion.csv")
    counted = {
        (row["label"], name): count for row in table for name, count in row.items() if count not in ("0", row["label"])
    }
    assert counted == {("left", "left"): "1", ("left", "no_person"): "1", ("up", "left"): "1"}
    assert Path("labels.confusion.png").read_bytes().startswith(b"\x89PNG")


def test_files_of_the_comparison_are_replaced_only_by_the_run_that_made_them(label, tmp_path):
    Path("truth.csv").write_text("video,label\na.mp4,left\n")
    Path("labels.confusion.png").write_text("mine")
    ran = label("clips", "--truth", "truth.csv", copies=["a.mp4"])
    assert (ran.code, begun(tmp_path), Path("labels.confusion.png").read_text()) == (1, [], "mine")
    assert "labels.confusion.png is already there, and this run did not write it" in ran.err
    assert label("clips", "--truth", "truth.csv", "--overwrite").code == 0
    assert Path("labels.confusion.png").read_bytes().startswith(b"\x89PNG")
    assert label("clips", "--truth", "truth.csv").code == 0


def test_a_file_of_another_run_in_the_folder_of_poses_is_not_replaced(label, tmp_path):
    assert label("clips", "--save-poses", "poses", copies=["a.mp4"]).code == 0
    before = Path("poses/a.npz").read_bytes()
    command = ("clips", "--save-poses", "poses", "--views", 2)
    ran = label(*command, output="other.csv")
    assert (ran.code, Path("poses/a.npz").read_bytes() == before, begun(tmp_path)) == (1, True, [])
    assert "a.npz is already there" in ran.err
    assert label(*command, "--overwrite", output="other.csv").code == 0
    assert label(*command, output="other.csv").code == 0
    assert begun(tmp_path) == []


def test_doubtful_answers_are_listed_those_with_the_smallest_margin_first(label, monkeypatch):
    monkeypatch.setattr("posec3d_cli.output.tables.DOUBTFUL_SCORE", 0.8)
    monkeypatch.setattr("posec3d_cli.cli.label_summary.MOST_DOUBTFUL", 2)
    ran = label(copies=["a.mp4", "b.mp4", "c.mp4", "empty.mp4"])
    lines = ran.out.splitlines()
    assert "left\t3\t0.70\t3" in lines
    start = lines.index("doubtful\tlabel\tscore\tmargin")
    assert lines[start + 1 : start + 4] == [
        *("a.mp4\tleft\t0.70\t0.40", "b.mp4\tleft\t0.70\t0.40", "and 1 more, by the column doubtful"),
    ]
    assert [row["doubtful"] for row in rows("labels.csv")] == ["true", "true", "true", ""]


def test_what_scores_too_little_is_unknown_and_its_best_guesses_stay(label):
    ran = label("clips", "--min-score", 0.8, copies=["a.mp4", "empty.mp4"])
    answered, nobody = rows("labels.csv")
    cells = [answered[name] for name in ("status", "label", "score", "guess", "label_2", "score_2")]
    assert cells == ["ok", "unknown", "0.7", "left", "right", "0.3"]
    assert (nobody["status"], nobody["label"], nobody["guess"]) == ("no_person", "", "")
    assert "note:  1 of 1 answer is unknown: the best action scores less than 0.8" in ran.err


def test_another_smallest_score_holds_for_every_row_and_costs_nothing(label, tmp_path):
    label("clips", "--min-score", 0.8, copies=["a.mp4", "b.mp4"])
    assert [row["label"] for row in rows("labels.csv")] == ["unknown", "unknown"]
    ran = label("clips", "--min-score", 0.5, copies=["c.mp4"])
    assert begun(tmp_path) == ["c.mp4"]
    assert [(row["label"], row["guess"]) for row in rows("labels.csv")] == [("left", "")] * 3
    assert "unknown" not in ran.err
    label()
    assert begun(tmp_path) == []
    label("clips", "--min-score", 0.8)
    assert [row["label"] for row in rows("labels.csv")] == ["unknown"] * 3


def test_the_card_says_which_score_is_too_little_and_another_value_costs_nothing(label, tmp_path):
    card = random_cards.write_card(tmp_path / "careful", seed=1, recipe="min_score = 0.8")
    Path("truth.csv").write_text("video,label\na.mp4,left\n")
    ran = label("clips", "--classifier", card, "--truth", "truth.csv", copies=["a.mp4"])
    assert [(row["label"], row["guess"]) for row in rows("labels.csv")] == [("unknown", "left")]
    assert "the best action scores less than 0.8" in ran.err
    assert "1 unknown, none of the other 0 correct" in ran.out
    text = (card / "model.toml").read_text()
    (card / "model.toml").write_text(text.replace("min_score = 0.8", "min_score = 0.6"))
    label("clips", "--classifier", card, "--truth", "truth.csv")
    assert begun(tmp_path) == []
    assert [row["label"] for row in rows("labels.csv")] == ["left"]
    label("clips", "--classifier", card, "--save-videos", "drawn")
    before = Path("drawn/a.mp4").read_bytes()
    (card / "model.toml").write_text(text)
    label("clips", "--classifier", card, "--save-videos", "drawn")
    assert Path("drawn/a.mp4").read_bytes() != before
    assert begun(tmp_path) == ["a.mp4"]


def test_videos_are_drawn_again_for_another_smallest_score(label, tmp_path):
    drawn = ("clips", "--save-videos", "drawn")
    label(*drawn, copies=["a.mp4"])
    before = Path("drawn/a.mp4").read_bytes()
    label(*drawn)
    assert begun(tmp_path) == []
    ran = label(*drawn, "--min-score", 0.8)
    assert begun(tmp_path) == ["a.mp4"]
    assert "1 of 1 video is processed again: the models or their settings changed" in ran.err
    assert Path("drawn/a.mp4").read_bytes() != before


def test_an_unknown_counts_as_wrong_and_the_named_ones_are_counted_by_themselves(label):
    Path("truth.csv").write_text("video,label\na.mp4,left\nb.mp4,left\nempty.mp4,left\n")
    command = ("clips", "--truth", "truth.csv")
    ran = label(*command, "--min-score", 0.8, copies=["a.mp4", "b.mp4", "empty.mp4"])
    last = ran.out.splitlines()[-1]
    assert last.startswith("top-1 0.0% (")
    assert "top-5 66.7%, mean class 0.0%, 3 videos, no person in 1, 2 unknown, none of the other 0 correct" in last
    [found] = [row for row in rows("labels.confusion.csv") if row["label"] == "left"]
    assert (found["left"], found["unknown"], found["no_person"]) == ("0", "2", "1")
    ran = label(*command, "--min-score", 0.5)
    assert "unknown" not in ran.out
    assert ran.out.splitlines()[-1].startswith("top-1 66.7% (")


def test_what_an_earlier_run_put_into_the_folder_is_left_out_and_said(label, tmp_path):
    command = ("clips", "--save-videos", "clips/drawn", "--save-poses", "clips/poses")
    assert label(*command, copies=["walk/a.mp4", "empty.mp4"], output="one.csv").code == 0
    ran = label(output="two.csv")
    assert begun(tmp_path) == ["empty.mp4", "walk/a.mp4"]
    assert list(statuses("two.csv")) == ["empty.mp4", "walk/a.mp4"]
    assert "note:  4 files that posec3d made are left out: drawn/" in ran.err
    assert label("clips/poses", output="three.csv").code == 0
    assert len(rows("three.csv")) == 2, "without their videos, pose files are done"


def test_videos_are_drawn_again_with_objects(label, tmp_path):
    drawn = ("clips", "--save-videos", "drawn")
    label(*drawn, copies=["a.mp4"])
    ran = label(*drawn, "--draw-objects")
    assert begun(tmp_path) == ["a.mp4"]
    assert rows("labels.csv")[0]["error"] == "warning: no objects are drawn: the detector finds people only"
    label(*drawn, "--draw-objects")
    assert begun(tmp_path) == []
    ran = label("clips", "--draw-objects")
    assert (ran.code, "--draw-objects needs --save-videos" in ran.err) == (2, True)
