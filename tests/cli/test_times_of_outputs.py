"""Every saved second is the time at which the container shows the frame: each picture spells its own number."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import fakes
import numpy as np
import pose_file_factory
import pytest
import video_factory as factory
from label_runs import rows

from posec3d_cli.output.pose_table import write_pose_table
from posec3d_cli.pipeline import Pipeline
from posec3d_cli.pose_files import read_pose_file
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.results import ROW
from posec3d_cli.video.probe import probe

COUNT = 60
UNEVEN = np.cumsum([0, *np.tile([33, 33, 90, 17, 250, 40], COUNT // 6)])[:COUNT].tolist()
WAYS = ("--people", "each", "--window", 1, "--stride", 0.5)


def even(folder):
    return factory.write(folder / "even.mp4", COUNT, rate=Fraction(30000, 1001), options={"bf": "3", "crf": "5"})


def uneven(folder, suffix=".mkv"):
    return factory.write(folder / f"uneven{suffix}", COUNT, ticks=UNEVEN, options={"crf": "5"})


def uneven_mp4(folder):
    return uneven(folder, ".mp4")


def late(folder):
    ticks = [500 + 40 * number for number in range(COUNT)]
    return factory.write(folder / "late.mkv", COUNT, ticks=ticks, options={"crf": "5"})


def late_and_uneven(folder):
    return factory.write(folder / "both.mkv", COUNT, ticks=[500 + one for one in UNEVEN], options={"crf": "5"})


def cut(folder):
    whole = factory.write(folder / "whole.mp4", COUNT + 15, options={"bf": "3", "crf": "5"})
    return factory.trimmed(whole, folder / "cut.mp4", first=15)


KINDS = {
    one.__name__: (one, first)
    for one, first in ((even, 0), (uneven, 0), (uneven_mp4, 0), (late, 0), (late_and_uneven, 0), (cut, 15))
}


@pytest.fixture(scope="module", params=KINDS)
def film(request, tmp_path_factory):
    """A video of 60 pictures, and when the container shows each, from the pictures themselves."""
    make, first = KINDS[request.param]
    path = make(tmp_path_factory.mktemp(request.param))
    with av.open(str(path)) as container:
        shown = {factory.number_of(one.to_ndarray(format="rgb24")): one.time for one in container.decode(video=0)}
    times = [shown[first + number] for number in range(COUNT)]
    return path, times


@pytest.fixture
def stages(monkeypatch):
    """Somebody goes to and fro, so that windows differ."""
    fake = fakes.pipeline(lambda index: [20 + 40 * (index // 15 % 2)])
    monkeypatch.setattr(Pipeline, "from_config", lambda config, **options: fakes.configured(fake, config))
    configured = lambda config, **options: fakes.configured(fake, config).recognizer  # noqa: E731
    monkeypatch.setattr(ActionRecognizer, "from_config", configured)
    monkeypatch.setattr(ActionRecognizer, "from_resolved", lambda resolved, **options: configured(resolved.config))


def assert_times(pairs, times, within=6e-5):
    """Compare frames and seconds with the container's; nothing is left out."""
    pairs = list(pairs)
    assert pairs
    for frame, seconds in pairs:
        if int(frame) < COUNT:
            assert float(seconds) == pytest.approx(times[int(frame)], abs=within)
        else:
            assert times[-1] < float(seconds) < times[-1] + 0.3


def edges_of(values):
    for one in values:
        yield one["start_frame"], one["start_seconds"]
        yield one["stop_frame"], one["stop_seconds"]


def lines_of(path):
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


def test_windows_and_segments_of_predict(posec3d, stages, film):
    path, times = film
    ran = posec3d("predict", path, *WAYS, "--timeline", "--json", "--no-cache")
    assert ran.code == 0, ran.err
    [video] = json.loads(ran.out)["videos"]
    assert len(video["windows"]) > 2
    assert_times(edges_of(video["windows"]), times)
    assert_times(edges_of(video["timeline"]), times)
    assert video["source"]["start_seconds"] == pytest.approx(times[0], abs=1e-6)
    table = posec3d("predict", path, *WAYS, "--timeline", "--no-cache").out.splitlines()
    starts = [round(one["start_seconds"], 1) for one in video["timeline"]]
    assert [float(line.split("\t")[1].removesuffix(" s")) for line in table[1:]] == pytest.approx(starts, abs=0.051)


def test_windows_last_as_long_as_was_asked_whatever_the_rate(posec3d, stages, film):
    path, times = film
    [video] = json.loads(posec3d("predict", path, *WAYS, "--json", "--no-cache").out)["videos"]
    longest = max(np.diff(times))
    for one in video["windows"]:
        assert abs(one["stop_seconds"] - one["start_seconds"] - 1) <= longest + 1e-3


@pytest.mark.parametrize(
    ("film", "suffix"),
    [*((name, ".npz") for name in KINDS), ("late_and_uneven", ".json"), ("late_and_uneven", ".pkl")],
    indirect=["film"],
)
def test_pose_files_keep_the_times(posec3d, stages, film, tmp_path, suffix):
    path, times = film
    poses = tmp_path / f"poses{suffix}"
    first = posec3d("predict", path, *WAYS, "--timeline", "--json", "--no-cache", "--save-poses", poses)
    again = posec3d("predict", poses, *WAYS, "--timeline", "--json")
    assert (first.code, again.code) == (0, 0), first.err + again.err
    [one], [other] = (json.loads(ran.out)["videos"] for ran in (first, again))
    for part in ("windows", "timeline"):
        assert list(edges_of(one[part])) == list(edges_of(other[part]))
    [clip] = read_pose_file(poses)
    assert [clip.video.seconds(frame) for frame in range(COUNT)] == pytest.approx(times, abs=6e-4)
    assert posec3d("plot", poses, "-o", tmp_path / "table.csv").code == 0
    assert_times([(line["frame"], line["time"]) for line in lines_of(tmp_path / "table.csv")], times)


def test_plots_of_timelines_begin_and_end_with_the_video(posec3d, stages, film, tmp_path, monkeypatch):
    path, times = film
    drawn = []
    monkeypatch.setattr(
        "posec3d_cli.output.timeline_plot.plot_timeline", lambda *given, **more: drawn.append((given, more))
    )
    saved = posec3d("predict", path, *WAYS, "--timeline", "--json", "--no-cache").out
    (tmp_path / "found.json").write_text(saved)
    assert posec3d("plot", tmp_path / "found.json", "-o", tmp_path / "found.png").code == 0
    [video] = json.loads(saved)["videos"]
    [((bars, seconds, *_), more)] = drawn
    assert sorted((bar.start, bar.stop) for bar in bars) == sorted(
        (one["start_seconds"], one["stop_seconds"]) for one in video["timeline"] if one["labels"]
    )
    assert more["start"] == pytest.approx(times[0], abs=1e-4)
    assert times[-1] < more["start"] + seconds < times[-1] + 0.3


def test_rows_of_results(stages, film):
    path, times = film
    result = fakes.predict(fakes.pipeline(), path, window_seconds=1.0, stride_seconds=0.5)
    found = result.to_rows()
    assert set(found[0]) == set(ROW)
    assert_times([(row["start_frame"], row["start_seconds"]) for row in found], times)
    assert_times([(row["stop_frame"], row["stop_seconds"]) for row in found], times)


def test_tables_of_segments_and_what_is_made_of_them(label, posec3d, film, tmp_path):
    path, times = film
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / path.name).write_bytes(path.read_bytes())
    for output in ("labels.csv", "labels.jsonl", "labels.csv"):  # the last one resumes
        ran = label("clips", "--timeline", *WAYS, output=output)
        assert ran.code == 0, ran.err
        lines = rows(output) if output.endswith("csv") else map(json.loads, Path(output).read_text().splitlines())
        found = [(row[edge], row[f"{edge}_seconds"]) for row in lines for edge in ("start", "end")]
        assert_times(found, times)
    assert posec3d("annotations", "export", "labels.csv", "--format", "srt", "-o", "found.srt").code == 0
    clock = re.findall(r"(\d+):(\d+):(\d+),(\d+)", Path("found.srt").read_text())
    said = [3600 * int(h) + 60 * int(m) + int(s) + int(rest) / 1000 for h, m, s, rest in clock]
    edges = [row[f"{edge}_seconds"] for row in rows("labels.csv") for edge in ("start", "end")]
    assert said == pytest.approx([float(one) - times[0] for one in edges], abs=1e-3)


def test_joint_angles_have_the_same_times(tmp_path):
    boundaries = np.append(np.array(UNEVEN[:6]), 999) / 1000
    clip = pose_file_factory.video_poses(frames=6)
    clip = replace(clip, video=replace(clip.video, start=0.5, boundaries=boundaries))
    write_pose_table(clip, tmp_path / "angles.csv", angles=True)
    found = sorted({float(line["time"]) for line in lines_of(tmp_path / "angles.csv")})
    assert found == pytest.approx([0.5 + one / 1000 for one in UNEVEN[:6]])


@pytest.mark.parametrize("film", ["even", "late_and_uneven"], indirect=True)
def test_films_that_are_made_of_a_film_show_each_frame_as_long_as_it_does(posec3d, stages, film, tmp_path):
    path, times = film
    ran = posec3d(
        "predict", path, *WAYS, "--no-cache", "--save-video", tmp_path / "drawn.mp4", "--save-crops", tmp_path / "crops"
    )
    assert ran.code == 0, ran.err
    drawn, crop = (probe(tmp_path / name).seconds.tolist() for name in ("drawn.mp4", "crops/person-0.mp4"))
    since = [one - times[0] for one in times]
    assert drawn == pytest.approx(since, abs=1.1e-3)
    assert crop == pytest.approx(since[: len(crop)], abs=1.1e-3), "the first person is there from the first frame on"
