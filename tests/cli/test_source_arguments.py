"""Addresses, standard input and pictures on the command line."""

from __future__ import annotations

import csv
import json
import sqlite3
import sys
from pathlib import Path

import batch_fakes
import fakes
import picture_factory
import pytest
import web_factory

from posec3d_cli.pipeline import Pipeline
from posec3d_cli.sources import cache


@pytest.fixture
def web(clip):
    with web_factory.serving() as server:
        server.pages["/walk.mp4"] = web_factory.Page(clip.read_bytes(), {"ETag": '"1"'})
        yield server


@pytest.fixture
def predict(posec3d, monkeypatch, tmp_path):
    fake = fakes.pipeline(lambda index: [30])
    monkeypatch.setattr(Pipeline, "from_config", lambda config, **options: fake)
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: posec3d("predict", *arguments)


def rows(table):
    with Path(table).open(newline="") as file:
        return {row["video"]: row for row in csv.DictReader(file)}


def test_an_address_is_answered_under_its_own_name(predict, web):
    ran = predict(f"{web.url}/walk.mp4", f"{web.url}/gone.mp4", "--json")
    assert ran.code == 1
    done, gone = json.loads(ran.out)["videos"]
    assert (done["video"], done["status"]) == (f"{web.url}/walk.mp4", "ok")
    assert gone["video"] == f"{web.url}/gone.mp4"
    assert gone["error"]["what"] == f"{web.url}/gone.mp4: the server answered 404 Not Found"
    assert f"fetch: {web.url}/walk.mp4" in ran.err
    assert "fetch:" not in predict(f"{web.url}/walk.mp4").err


def test_what_was_fetched_and_is_no_video_is_called_by_its_address(predict, web):
    web.pages["/text.mp4"] = web_factory.Page(b"no video at all" * 100)
    ran = predict(f"{web.url}/text.mp4")
    assert ran.code == 1
    assert f"error: {web.url}/text.mp4 cannot be read as a video" in ran.err
    assert str(cache.default_folder()) not in ran.err


def test_outputs_of_an_address_are_called_after_its_file(predict, web, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    assert predict(f"{web.url}/walk.mp4", "--save-poses", out, "--save-video", out).code == 0
    assert sorted(path.name for path in out.iterdir()) == ["walk.actions.mp4", "walk.poses.npz"]


def test_too_large_an_input_names_the_option(predict, web):
    ran = predict(f"{web.url}/walk.mp4", "--max-download", "0.001", "--json")
    assert ran.code == 0
    web.pages["/long.mp4"] = web_factory.Page(bytes(1_000_001))
    ran = predict(f"{web.url}/long.mp4", "--max-download", "0.001")
    assert (ran.code, "--max-download" in ran.err) == (1, True)


def test_standard_input_is_read(predict, monkeypatch, clip):
    with clip.open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        ran = predict("-", "--json")
    assert ran.code == 0
    [one] = json.loads(ran.out)["videos"]
    assert (one["video"], one["status"], one["frames_used"] > 0) == ("-", "ok", True)
    assert predict("-", "-").code == 1


def test_pictures_are_a_video_of_the_rate_that_is_given(predict, tmp_path):
    picture_factory.write(tmp_path / "frames", range(1, 13))
    ran = predict("frames", "frames/%06d.png", "--fps", "6", "--json")
    assert ran.code == 0
    for one, name in zip(json.loads(ran.out)["videos"], ("frames", "frames/%06d.png"), strict=True):
        assert (one["video"], one["status"]) == (name, "ok")
    ran = predict("frames", "frames/%06d.png")
    assert ran.code == 1
    assert ran.err.count("--fps N reads them as a video") == 2
    out = tmp_path / "out"
    out.mkdir()
    assert predict("frames", "--fps", "6", "--save-video", out, "--save-poses", out).code == 0
    assert sorted(path.name for path in out.iterdir()) == ["frames.actions.mp4", "frames.poses.npz"]


def test_a_table_has_a_row_for_each_kind_of_input_and_a_run_resumes_by_content(label, web, clip, tmp_path, monkeypatch):
    picture_factory.write(tmp_path / "clips" / "frames", range(5))
    arguments = ("clips", f"{web.url}/walk.mp4", f"{web.url}/gone.mp4", "--fps", "25")
    ran = label(*arguments, copies=["a.mp4"])
    assert ran.code == 1
    table = rows("labels.csv")
    assert {name: row["status"] for name, row in table.items()} == {
        "a.mp4": "ok",
        "frames": "ok",
        f"{web.url}/walk.mp4": "ok",
        f"{web.url}/gone.mp4": "failed",
    }
    assert "404" in table[f"{web.url}/gone.mp4"]["error"]
    again = label(*arguments)
    assert "4 of 4 videos are done already" in again.err
    picture_factory.write(tmp_path / "clips" / "frames", [5])
    web.pages["/walk.mp4"] = web_factory.Page(clip.read_bytes() + b"\0", {"ETag": '"2"'})
    web.pages["/gone.mp4"] = web_factory.Page(clip.read_bytes())
    again = label(*arguments)
    assert again.code == 0
    assert "2 of 4 videos are processed again: content changed" in again.err
    assert "1 of 4 videos is processed again: not readable before" in again.err
    assert sorted((tmp_path / "journal.txt").read_text().split()) == sorted(
        ["frames", f"{web.url}/gone.mp4", f"{web.url}/walk.mp4"]
    )
    with sqlite3.connect("labels.csv.state.sqlite") as state:
        assert len(state.execute("SELECT path FROM videos").fetchall()) == 4


def test_a_list_of_addresses_is_labeled_and_offline_too(label, web):
    Path("list.txt").write_text(f"{web.url}/walk.mp4\n")
    assert label("--from-file", "list.txt", "--save-poses", "poses").code == 0
    [poses] = [path.name for path in Path("poses").iterdir() if path.suffix == ".npz"]
    assert poses.startswith("walk-")
    asked = len(web.asked)
    assert label("--from-file", "list.txt", "--offline", "--save-poses", "poses").code == 0
    assert len(web.asked) == asked


def test_an_address_is_fetched_when_its_turn_comes(label, web):
    gone, walk = f"{web.url}/gone.mp4", f"{web.url}/walk.mp4"
    assert label(gone, walk, "--fail-fast").code == 1
    assert [one.path for one in web.asked] == ["/gone.mp4"]
    assert label(gone, walk).code == 1
    assert {name: row["status"] for name, row in rows("labels.csv").items()} == {gone: "failed", walk: "ok"}


def test_predict_fetches_an_address_when_its_turn_comes(web, predict, monkeypatch, clip):
    begun, walk = [], f"{web.url}/walk.mp4"
    fake = fakes.pipeline(lambda index: begun.append(len(web.asked)) or [30])
    monkeypatch.setattr(Pipeline, "from_config", lambda config, **options: fake)
    web.pages["/run.mp4"] = web_factory.Page(clip.read_bytes())
    assert predict(walk, f"{web.url}/gone.mp4", f"{web.url}/run.mp4", "--no-cache").code == 1
    assert sorted(set(begun)) == [1, 3], "the second and the third were not asked for while the first was read"


def test_no_model_is_made_where_no_address_can_be_fetched(posec3d, web, monkeypatch):
    monkeypatch.setattr(Pipeline, "from_config", lambda config, **options: pytest.fail("a model is made"))
    assert posec3d("predict", f"{web.url}/gone.mp4", f"{web.url}/there.mp4").code == 1


def test_what_is_done_is_not_fetched_again(label, web, clip):
    plain = f"{web.url}/plain.mp4"  # its server names no version
    web.pages["/plain.mp4"] = web_factory.Page(clip.read_bytes())
    addresses = (f"{web.url}/walk.mp4", plain, f"{web.url}/gone.mp4")
    assert label(*addresses, "--save-poses", "poses").code == 1
    web.asked.clear()
    again = label(*addresses, "--save-poses", "poses")
    assert "3 of 3 videos are done already" in again.err
    assert sorted(one.path for one in web.asked) == ["/gone.mp4", "/walk.mp4"], "asked whether they are others now"
    cache.SourceCache(cache.default_folder()).clear()
    web.asked.clear()
    assert "3 of 3 videos are done already" in label(*addresses, "--save-poses", "poses").err
    assert [one.path for one in web.asked] == ["/gone.mp4"]
    for path in Path("poses").glob("plain*"):
        path.unlink()
    again = label(*addresses, "--save-poses", "poses")
    assert "an output file is missing" in again.err
    assert {name: row["status"] for name, row in rows("labels.csv").items()}[plain] == "ok"


def test_a_run_that_was_interrupted_fetches_only_the_rest(label, web, clip):
    for name in ("a", "b", "c"):
        web.pages[f"/{name}.mp4"] = web_factory.Page(clip.read_bytes())
    web.pages["/bad.mp4"] = web_factory.Page(b"no video")
    addresses = [f"{web.url}/{name}.mp4" for name in ("a", "b", "bad", "c")]
    assert label(*addresses, "--fail-fast").code == 1
    assert [one.path for one in web.asked] == ["/a.mp4", "/b.mp4", "/bad.mp4"]
    web.asked.clear()
    assert label(*addresses).code == 1
    assert [one.path for one in web.asked] == ["/c.mp4"]
    assert [row["status"] for _, row in sorted(rows("labels.csv").items())] == ["ok", "ok", "failed", "ok"]


def test_poses_of_an_address_that_cannot_be_fetched_fail_alone(posec3d, web, monkeypatch, tmp_path):
    monkeypatch.setattr("posec3d_cli.batch.pose_task.PoseTask", batch_fakes.PoseTask)
    monkeypatch.chdir(tmp_path)
    ran = posec3d("extract-poses", f"{web.url}/gone.mp4", f"{web.url}/walk.mp4", "-o", "poses", "--workers", 1)
    assert ran.code == 1
    assert "404" in ran.out
    assert len(list(Path("poses").glob("walk-*"))) == 1


def test_fetched_inputs_are_shown_and_removed(posec3d, predict, web, monkeypatch, tmp_path):
    monkeypatch.setenv("POSEC3D_HOME", str(tmp_path / "home"))
    predict(f"{web.url}/walk.mp4")
    assert f"{cache.default_folder()}: 1 input, " in posec3d("cache", "info").out
    assert json.loads(posec3d("cache", "info", "--json").out)["sources"]["inputs"] == 1
    assert "1 input removed" in posec3d("cache", "clear").out
