"""Pairs in every output: they are named as 0+1 on the terminal, in JSON, tables, pictures, films and annotations."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import fakes
import pytest
import shot_factory

from posec3d_cli.batch.saved_results import read_results
from posec3d_cli.datasets.load import load_dataset
from posec3d_cli.output.tables import segment_rows, write_table
from posec3d_cli.pipeline import Pipeline


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return shot_factory.write_still(tmp_path_factory.mktemp("pairs") / "meet.mp4", 200, size=(240, 48))


@pytest.fixture
def stages(monkeypatch):
    fake = fakes.pair_pipeline(fakes.meeting)
    monkeypatch.setattr(Pipeline, "from_config", lambda config, **options: fakes.configured(fake, config))
    return fake


WINDOW = ("--people", "each", "--window", 1)
PEOPLE = ["0", "1", "0+1", "0", "1"]


def test_the_terminal_names_both(posec3d, stages, film):
    ran = posec3d("predict", film, *WINDOW)
    assert ran.code == 0, ran.err
    cells = [line.split("\t")[3:5] for line in ran.out.splitlines()[1:]]
    assert [one[0] for one in cells] == PEOPLE
    assert cells[2] == ["0+1", "meet"]


@pytest.fixture
def answers(posec3d, stages, film, tmp_path):
    (tmp_path / "answers.json").write_text(posec3d("predict", film, *WINDOW, "--json").out)
    return tmp_path / "answers.json"


def test_json_names_both_in_segments_and_windows(answers):
    [video] = json.loads(answers.read_text())["videos"]
    assert [one["person"] for one in video["timeline"]] == [0, 1, "0+1", 0, 1]
    pairs = [pair for window in video["windows"] for pair in window.get("pairs", ())]
    assert pairs
    assert all(pair["people"] == [0, 1] and pair["answer"] == "meet" and pair["together"] for pair in pairs)


def test_what_was_saved_is_plotted_with_a_row_for_the_pair(answers, posec3d, tmp_path):
    assert posec3d("plot", answers, "-o", tmp_path / "a.html").code == 0
    page = (tmp_path / "a.html").read_text()
    assert "<li>person 0+1: meet from " in page


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_tables_hold_the_pair_and_are_read_back(stages, film, tmp_path, suffix):
    result = stages.predict(film)
    table = tmp_path / f"segments{suffix}"
    write_table(table, segment_rows(table, [(result, 1.0)], {}))
    [saved] = read_results(table, root=film.parent).results
    assert [one.person for one in saved.answers] == PEOPLE


def test_parquet_keeps_whole_numbers_where_there_is_no_pair(stages, film, tmp_path):
    from pyarrow import parquet

    result = stages.predict(film)
    without = replace(result, segments=tuple(one for one in result.segments if not isinstance(one.person, tuple)))
    for name, one, kind in (("with", result, "string"), ("without", without, "int64")):
        table = tmp_path / f"{name}.parquet"
        write_table(table, segment_rows(table, [(one, 1.0)], {}))
        assert str(parquet.read_schema(table).field("person").type) == kind


@pytest.mark.parametrize(
    ("form", "out", "text"),
    [
        ("srt", "a.srt", "0+1: meet"),
        ("vtt", "a.vtt", "<v 0+1>"),
        ("elan", "a.eaf", "0+1"),
        ("label-studio", "a.json", "person 0+1"),
    ],
)
def test_annotations_name_both(answers, posec3d, film, tmp_path, form, out, text):
    ran = posec3d("annotations", "export", answers, "-o", tmp_path / out, "--format", form, "--root", film.parent)
    assert ran.code == 0, ran.err
    assert text in (tmp_path / out).read_text()


def test_pairs_come_back_from_an_annotation_tool_and_are_learned_from(answers, posec3d, film, tmp_path):
    posec3d("annotations", "export", answers, "-o", tmp_path / "a.eaf", "--format", "elan")
    ran = posec3d("annotations", "import", tmp_path / "a.eaf", "-o", tmp_path / "truth.csv", "--root", film.parent)
    assert ran.code == 0, ran.err
    with (tmp_path / "truth.csv").open() as file:
        assert {row["person"] for row in csv.DictReader(file) if row["label"] == "meet"} == {"0+1"}
    clips = load_dataset([tmp_path / "truth.csv"], root=film.parent).clips
    assert {clip.segment.person for clip in clips if clip.label == "meet"} == {(0, 1)}


def test_the_film_shows_the_pair_at_both(posec3d, stages, film, tmp_path, monkeypatch):
    drawn = []

    def annotate(pixels, figures, limbs, text, objects):
        drawn.append((text, [one.label for one in figures]))
        return pixels

    monkeypatch.setattr("posec3d_cli.output.draw.annotate", annotate)
    ran = posec3d("predict", film, *WINDOW, "--save-video", tmp_path / "out.mp4", "--json")
    pair = json.loads(ran.out)["videos"][0]["timeline"][2]
    text = f"meet {100 * pair['probability']:.0f}%"
    assert drawn[100] == (text, [f"#0+1 {text}"] * 2)
    assert drawn[0][1] != drawn[100][1]


def test_a_short_film_without_a_timeline_shows_it_too(posec3d, monkeypatch, tmp_path):
    short = shot_factory.write_still(tmp_path / "short.mp4", 30, size=(240, 48))
    fake = fakes.pair_pipeline(lambda index: [20, 60], window_seconds=2.0)
    monkeypatch.setattr(Pipeline, "from_config", lambda config, **options: fakes.configured(fake, config))
    drawn = []
    monkeypatch.setattr(
        "posec3d_cli.output.draw.annotate",
        lambda pixels, figures, *rest: drawn.append([one.label for one in figures]) or pixels,
    )
    ran = posec3d("predict", short, "--save-video", tmp_path / "out.mp4")
    assert ran.out.splitlines()[1].split("\t")[1] == "meet"
    assert [one.startswith("#0+1 meet") for one in drawn[10]] == [True, True]


def test_crops_are_of_each_of_the_two(posec3d, stages, film, tmp_path):
    ran = posec3d("predict", film, *WINDOW, "--save-crops", tmp_path / "people")
    assert ran.code == 0, ran.err
    assert sorted(path.name for path in (tmp_path / "people").iterdir()) == ["person-0.mp4", "person-1.mp4"]


def test_a_row_with_two_people_is_measured_for_each(posec3d, stages, film, tmp_path):
    [video] = json.loads(posec3d("predict", film, *WINDOW, "--json").out)["videos"]
    truth = tmp_path / "truth.csv"
    lines = [
        f"{film},{one['label']},{one['start_frame']},{one['stop_frame']},{one['person']}" for one in video["timeline"]
    ]
    truth.write_text("\n".join(["video,label,start,end,person", *lines]))
    ran = posec3d("evaluate", truth, "--timeline", "--json", *WINDOW)
    assert ran.code == 0, ran.err
    figures = json.loads(ran.out)
    assert (figures["sequences"], figures["true_segments"]) == (2, 6)
    assert figures["F1@50"] == 1
    truth.write_text(truth.read_text().replace(",meet,", ",left,"))
    worse = json.loads(posec3d("evaluate", truth, "--timeline", "--json", *WINDOW).out)
    assert worse["F1@50"] < 1


def test_a_box_finds_both_people_of_a_row(film, tmp_path):
    table = tmp_path / "truth.csv"
    table.write_text("video,label,start,end,person,box\nmeet.mp4,meet,60,140,3+7,100 50 10 70 40 10 10 30 40\n")
    [clip] = load_dataset([table], root=film.parent).clips
    poses = fakes.pair_pipeline(fakes.meeting).predict(film).video_poses
    assert sorted(clip.segment.find_people(poses)) == [0, 1]
    assert [one.person for one in clip.segment.of_each()] == [3, 7]
    table.write_text("video,label,start,end,person,box\nmeet.mp4,meet,60,140,3+7,100 50 10 70 40\n")
    with pytest.raises(Exception, match="x1 y1 x2 y2 of each of the two people"):
        load_dataset([table], root=film.parent)


def test_an_unknown_name_in_a_table_stays_a_name(film, tmp_path):
    table = Path(tmp_path / "truth.csv")
    table.write_text("video,label,start,end,person\nmeet.mp4,meet,60,140,Bob+Ann\n")
    [clip] = load_dataset([table], root=film.parent).clips
    assert clip.segment.person == "Bob+Ann"
