"""Timelines of `predict`, `label` and `evaluate`, with stages of a few lines."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import fakes
import pytest
import shot_factory
from label_runs import begun, rows

from posec3d_cli.annotations.transfer import load
from posec3d_cli.batch.saved_results import read_results
from posec3d_cli.datasets.load import load_dataset
from posec3d_cli.pipeline import Pipeline
from posec3d_cli.review.rows import load_rows


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    return shot_factory.write_still(tmp_path_factory.mktemp("clips") / "walk.mp4", 200)


@pytest.fixture
def stages(monkeypatch):
    """Somebody walks from left to right, and is gone after six seconds of eight."""
    fake = fakes.pipeline(lambda index: [20 + index * 0.4] if index < 150 else [])
    monkeypatch.setattr(Pipeline, "from_config", lambda config, **options: fakes.configured(fake, config))
    return fake


EACH = ("--people", "each", "--window", 1)


def test_a_video_of_many_windows_shows_its_timeline_unasked_and_no_mean_over_actions(posec3d, stages, walk):
    ran = posec3d("predict", walk, *EACH)
    assert ran.code == 0, ran.err
    table = [line.split("\t")[1:] for line in ran.out.splitlines()]
    assert table[0] == ["start", "end", "person", "action", "probability", "repetitions"]
    assert [row[:4] for row in table[1:]] == [
        ["0.0 s", table[2][0], "0", "left"],
        [table[1][1], "6.0 s", "0", "right"],
        ["6.0 s", "8.0 s", "", "no person"],
    ]
    assert 2.5 < float(table[2][0].removesuffix(" s")) < 3.5


def test_a_short_video_shows_its_timeline_on_request_and_a_long_one_its_best_actions_too(posec3d, stages, walk):
    assert posec3d("predict", walk).out.startswith("video\taction")
    asked = posec3d("predict", walk, "--timeline", "--window", 2, "--stride", 1, "--people", "each").out.splitlines()
    assert asked[0].startswith("video\tstart")
    both = posec3d("predict", walk, *EACH, "--top", 1).out.splitlines()
    assert both[-2:][0] == "video\taction\tprobability"
    assert both[-1].split("\t")[1] in ("left", "right")


def test_json_has_the_segments(posec3d, stages, walk):
    [video] = json.loads(posec3d("predict", walk, *EACH, "--json").out)["videos"]
    first, second, third = video["timeline"]
    assert {name: first[name] for name in ("start_frame", "stop_frame", "stop_seconds", "frames", "person")} == {
        "start_frame": 0, "stop_frame": second["start_frame"], "stop_seconds": second["start_seconds"],
        "frames": second["start_frame"], "person": 0,
    }  # fmt: skip
    assert [one["label"] for one in video["timeline"]] == ["left", "right", "no_person"]
    assert first["probability"] == first["labels"][0]["probability"] > 0.5
    assert (third["person"], third["probability"], third["repetitions"]) == (None, None, None)


def test_a_stride_needs_windows_and_a_timeline_too(posec3d, stages, walk):
    ran = posec3d("predict", walk, "--stride", 3, "--window", 2)
    assert (ran.code, "stride_seconds must be at most a window, got 3, and windows last 2 s" in ran.err) == (2, True)
    ran = posec3d("predict", walk, "--timeline", "--window", 0)
    assert (ran.code, "a timeline needs windows" in ran.err) == (2, True)


def test_the_segments_are_drawn(posec3d, stages, walk, tmp_path, monkeypatch):
    drawn = []

    def annotate(pixels, figures, limbs, text, objects):
        drawn.append((text, [one.label for one in figures]))
        return pixels

    monkeypatch.setattr("posec3d_cli.output.draw.annotate", annotate)
    ran = posec3d("predict", walk, *EACH, "--save-video", tmp_path / "out.mp4", "--json")
    first, second, _ = json.loads(ran.out)["videos"][0]["timeline"]
    texts = [f"{one['label']} {100 * one['probability']:.0f}%" for one in (first, second)]
    assert drawn[0] == (texts[0], [f"#0 {texts[0]}"])
    assert drawn[second["start_frame"]] == (texts[1], [f"#0 {texts[1]}"])
    assert drawn[-1] == ("no person", [])


@pytest.fixture
def labeled(label, walk, tmp_path):
    """Runs `label --timeline` over a video, an empty one and one that fails."""
    for name in ("a.mp4", "empty.mp4", "bug.mp4"):
        (tmp_path / "clips").mkdir(exist_ok=True)
        (tmp_path / "clips" / name).write_bytes(Path(walk).read_bytes())

    def run(*arguments, output="labels.csv"):
        return label("clips", "--timeline", "--window", 1, "--people", "each", *arguments, output=output)

    return run


def test_a_table_has_a_row_per_segment_and_resumes(labeled, tmp_path):
    ran = labeled()
    assert ran.code == 1, ran.err
    table = rows("labels.csv")
    assert [*table[0]][:6] == ["video", "status", "start", "end", "start_seconds", "end_seconds"]
    found = {name: [row for row in table if row["video"] == name] for name in ("a.mp4", "empty.mp4", "bug.mp4")}
    assert [row["label"] for row in found["empty.mp4"]] == ["no_person"]
    assert [(row["status"], row["start"]) for row in found["bug.mp4"]] == [("failed", "")]
    own = found["a.mp4"]
    assert own
    assert (own[0]["start"], own[-1]["end"], own[0]["person"]) == ("0", "200", "0")
    assert [one["end"] for one in own[:-1]] == [one["start"] for one in own[1:]]
    assert labeled().code == 1
    assert "a.mp4" not in begun(tmp_path)


def test_another_least_score_answers_anew_and_a_table_of_clips_does_not_mind(labeled, label, tmp_path):
    labeled()
    labeled("--min-score", 0.99)
    assert "a.mp4" in begun(tmp_path)
    assert {row["label"] for row in rows("labels.csv") if row["video"] == "a.mp4"} == {"unknown"}
    label("clips", "--window", 1, "--people", "each")
    assert [row["video"] for row in rows("labels.csv")] == ["a.mp4", "bug.mp4", "empty.mp4"]


@pytest.mark.parametrize("output", ["labels.csv", "labels.jsonl", "labels.parquet"])
def test_segments_are_read_back_and_exported(labeled, output):
    labeled(output=output)
    one = next(saved for saved in read_results(Path(output)).results if saved.name == "a.mp4")
    assert (one.answers[0].start, one.answers[-1].stop, one.answers[0].person) == (0, 200, "0")
    video = next(found for found in load(Path(output)).videos if found.name == "a.mp4")
    assert (video.segments[0].start, video.segments[-1].stop, video.segments[0].person) == (0, 200, "0")
    assert not any(segment.reviewed for segment in video.segments)


def test_a_corrected_segment_is_kept_exported_and_learned_from(labeled):
    labeled()
    table = rows("labels.csv")
    place = next(n for n, row in enumerate(table) if row["video"] == "a.mp4")
    table[place]["corrected"] = "skip"
    with Path("labels.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    labeled()
    assert rows("labels.csv")[place]["corrected"] == "skip"
    [video] = [found for found in load(Path("labels.csv")).videos if found.name == "a.mp4"]
    assert (video.segments[0].label, video.segments[0].reviewed) == ("skip", True)
    [clip] = load_dataset([Path("labels.csv")], root=Path("clips")).clips
    assert (clip.label, clip.segment.start, clip.segment.person) == ("skip", 0, 0)


def test_a_review_shows_each_video_once(labeled):
    labeled()
    found = load_rows(Path("labels.csv"))
    assert [(row.name, row.status) for row in found] == [
        ("a.mp4", "ok"), ("bug.mp4", "failed"), ("empty.mp4", "no_person"),
    ]  # fmt: skip
    assert found[0].label in ("left", "right")


def test_timelines_are_measured_against_rows_with_start_and_end(posec3d, stages, walk, tmp_path):
    [video] = json.loads(posec3d("predict", walk, *EACH, "--json").out)["videos"]
    truth = tmp_path / "truth.csv"
    lines = [f"{walk},{one['label']},{one['start_frame']},{one['stop_frame']}" for one in video["timeline"]]
    truth.write_text("\n".join(["video,label,start,end", *lines]))
    ran = posec3d("evaluate", truth, "--timeline", "--json", *EACH)
    assert ran.code == 0, ran.err
    figures = json.loads(ran.out)
    assert (figures["true_segments"], figures["predicted_segments"]) == (2, 2)
    assert [figures[name] for name in ("F1@10", "F1@50", "edit", "frame_accuracy", "mAP")] == [1, 1, 1, 1, 1]
    truth.write_text("\n".join(["video,label,start,end,person", *(f"{line},0" for line in lines[:2])]))
    assert json.loads(posec3d("evaluate", truth, "--timeline", "--json", *EACH).out)["frame_accuracy"] == 1
    truth.write_text("\n".join(["video,label,start,end,person", f"{lines[0]},0", f"{lines[1]},7"]))
    ran = posec3d("evaluate", truth, "--timeline", *EACH)
    assert (ran.code, "there is no person 7" in ran.err) == (1, True)
    assert "F1@50" in ran.out


def test_timelines_are_measured_of_segments_only(posec3d, stages, walk, tmp_path):
    (tmp_path / "truth.csv").write_text(f"video,label\n{walk},left\n")
    ran = posec3d("evaluate", tmp_path / "truth.csv", "--timeline")
    assert (ran.code, "no clip of the data has a start and an end" in ran.err) == (1, True)
    ran = posec3d("evaluate", tmp_path / "truth.csv", "--timeline", "--perturb")
    assert (ran.code, "--perturb has no effect with --timeline" in ran.err) == (2, True)
