"""What the page is answered."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

import pose_file_factory
import pytest
import review_factory
import synthetic_people as people
import video_factory
from clip_results import answered
from review_factory import entered

from posec3d_cli.batch.corrections import write_results
from posec3d_cli.batch.file_result import FileResult
from posec3d_cli.batch.lock import state_of
from posec3d_cli.batch.state import Record, RunState
from posec3d_cli.review.server import STATIC, page_files
from posec3d_cli.video import open_video


def proxied(client, row):
    """Waits for the copy of a row; gives its state."""
    state = client.post(f"/api/rows/{row}/proxy", json={}).json()
    for _ in range(200):
        if state["ready"] or state["error"]:
            return state
        time.sleep(0.05)
        state = client.get(f"/api/rows/{row}/proxy").json()
    raise TimeoutError


def test_lists_are_ordered_and_filtered(client):
    def ids(**asked):
        return client.get("/api/list", params=asked).json()["ids"]

    names = [client.get(f"/api/rows?ids={one}").json()["rows"][0]["name"] for one in ids()]
    assert names == ["broken.mp4", "unsure.mp4", "sure.mp4"]
    assert [client.get(f"/api/rows/{one}").json()["name"] for one in ids(order="name")] == [
        "broken.mp4",
        "sure.mp4",
        "unsure.mp4",
    ]
    assert len(ids(show="failed")) == 1
    assert len(ids(label="walk")) == 1
    assert len(ids(query="SURE")) == 2
    assert client.get("/api/list?order=size").status_code == 400


def test_a_row_has_its_prediction_with_windows_and_people(client):
    [row] = client.get("/api/list?label=walk").json()["ids"]
    found = client.get(f"/api/rows/{row}").json()
    assert (found["label"], found["score"], found["status"]) == ("walk", 0.9, "ok")
    assert [one["label"] for one in found["result"]["labels"]] == ["walk", "run"]
    assert [(one["start_frame"], one["stop_frame"]) for one in found["result"]["windows"]] == [(0, 15), (15, 30)]
    assert [one["id"] for one in found["result"]["people"]] == [0]
    frames = client.get(f"/api/rows/{row}/frames").json()
    assert frames["seconds"] == [round(number * 0.04, 6) for number in range(30)]
    assert (frames["width"], frames["height"], frames["obstacle"]) == (320, 240, "")
    assert frames["poses"]["people"] == [0]
    poses = client.get(f"/api/rows/{row}/poses?start=0").json()["frames"]
    assert len(poses) == 30
    [[person, box, joints]] = poses["3"]
    assert (person, len(box), len(joints)) == (0, 4, 51)


def test_a_row_that_is_not_there_is_no_row(client):
    for path in ("/api/rows/3", "/api/rows/3/frames", "/media/3/original", "/media/0/other", "/api/rows/0/proxy"):
        assert client.get(path).status_code == 404, path
    assert client.get("/api/rows?ids=9").status_code == 404
    assert client.get("/api/rows?ids=x").status_code == 400
    for path in (
        "/static/../server.py",
        "/static/%2e%2e/server.py",
        "/static/server.py",
        "/media/..%2f..%2fetc/passwd",
    ):
        assert client.get(path).status_code == 404, path


def test_only_videos_of_the_table_are_served(opened, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    (tmp_path / "fake.mp4").write_text("secret")
    table = tmp_path / "hostile.csv"
    table.write_text(
        f"video,label\n../{tmp_path.name}/secret.txt,walk\n{secret},walk\n/etc/passwd,walk\nfake.mp4,walk\n"
    )
    client = entered(opened(table), tmp_path)
    for row in range(4):
        for path in (f"/media/{row}/original", f"/media/{row}/proxy", f"/api/rows/{row}/frames"):
            answer = client.get(path)
            assert answer.status_code in (400, 404)
            assert "secret" not in answer.text.replace("secret.txt", "")


@pytest.fixture
def big(opened, tmp_path):
    """A row of 120 MB: a video with a hole of zeros behind its last box."""
    table = review_factory.table(tmp_path, answered("a.mp4", ("walk", 0.9)))
    file = tmp_path / "clips" / "a.mp4"
    content = file.read_bytes()
    size = 120_000_000
    with file.open("ab") as out:
        out.write((size - len(content)).to_bytes(4, "big") + b"free")
        out.truncate(size)
    return entered(opened(table), tmp_path), content, size


def test_ranges_of_a_large_video(big):
    client, content, size = big

    def get(text):
        return client.get("/media/0/original", headers={"range": text})

    for text, start, stop in [("bytes=0-99", 0, 100), ("bytes=5-5", 5, 6), (f"bytes={size - 10}-", size - 10, size)]:
        answer = get(text)
        assert (answer.status_code, len(answer.content)) == (206, stop - start)
        assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{size}"
        if stop <= len(content):
            assert answer.content == content[start:stop]
    suffix = get("bytes=-10")
    assert (suffix.status_code, suffix.headers["content-range"]) == (206, f"bytes {size - 10}-{size - 1}/{size}")
    beyond = get(f"bytes={size}-")
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")
    clipped = get(f"bytes={size - 4}-{size + 99}")
    assert (clipped.status_code, len(clipped.content)) == (206, 4)
    head = client.head("/media/0/original")
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(size), b"")
    assert (head.headers["accept-ranges"], head.headers["content-type"]) == ("bytes", "video/mp4")
    etag = head.headers["etag"]
    same = client.get("/media/0/original", headers={"range": "bytes=0-9", "if-range": etag})
    other = client.head("/media/0/original", headers={"range": "bytes=0-9", "if-range": '"other"'})
    assert (same.status_code, other.status_code) == (206, 200)
    os.utime(client.get("/api/rows/0").json()["file"], (1, 1))
    assert client.head("/media/0/original").headers["etag"] != etag


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("a.avi", {"codec": "mpeg4"}),
        ("a.mp4", {"codec": "libx265", "options": {"x265-params": "log-level=none"}}),
        ("a.mp4", {"pix_fmt": "yuv420p10le"}),
        ("a.mp4", {"rotation": 90}),
        ("a.mkv", {"ticks": [0, 40, 57, 100, 140, 300, *range(310, 550, 10)]}),
        ("a.mp4", {"ticks": [500 + 40 * number for number in range(30)]}),
    ],
)
def test_what_browsers_do_not_play_gets_a_copy_with_the_same_frames(opened, tmp_path, name, settings):
    table = review_factory.table(tmp_path, answered(name, ("walk", 0.9)), **settings)
    client = entered(opened(table), tmp_path)
    frames = client.get("/api/rows/0/frames").json()
    assert frames["obstacle"]
    assert client.get("/media/0/original").status_code == 404
    assert client.get("/media/0/proxy").status_code == 404
    assert proxied(client, 0) == {"done": 30, "total": 30, "ready": True, "error": ""}
    answer = client.get("/media/0/proxy", headers={"range": "bytes=0-"})
    assert (answer.status_code, answer.headers["content-type"]) == (206, "video/mp4")
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(answer.content)
    with open_video(copy) as video:
        shown = [(video_factory.number_of(frame.pixels), frame.seconds) for frame in video.frames()]
        assert [video.info.width, video.info.height] == frames["proxy_size"]
    assert [number for number, _ in shown] == list(range(30))
    assert [seconds for _, seconds in shown] == pytest.approx(frames["seconds"], abs=2e-4)


def test_a_video_that_cannot_be_read_says_why(opened, tmp_path):
    client = entered(opened(review_factory.three(tmp_path)), tmp_path)
    [row] = client.get("/api/list?show=failed").json()["ids"]
    assert "cannot be read as a video" in client.get(f"/api/rows/{row}/frames").json()["error"]
    assert client.get(f"/api/rows/{row}").json()["error"] == "it is damaged"


def test_the_page_is_modules_that_load_nothing_from_elsewhere(client):
    page = client.get("/")
    for name in page_files():
        answer = client.get(f"/static/{name}")
        text = answer.text.replace("http://www.w3.org/2000/svg", "")  # a name, which nobody loads
        assert answer.headers["content-type"].startswith(STATIC[Path(name).suffix])
        assert not re.search(r"https?://|innerHTML|insertAdjacentHTML|outerHTML|document\.write|\beval\(", text), name
    # The policy blocks scripts and styles inside the page.
    assert not re.search(r"<script>|style=|\son\w+=", page.text)


def test_what_was_said_comes_back_and_the_other_tab_sees_it(client):
    [row] = client.get("/api/list?label=run").json()["ids"]
    answer = client.post(f"/api/rows/{row}/events", json={"kind": "label", "label": " jump  high "}).json()
    assert (answer["row"]["said"], answer["row"]["decided"]) == ("jump high", True)
    assert answer["review"]["decided"] == 1
    changes = client.get("/api/changes?since=0").json()
    assert [one["id"] for one in changes["rows"]] == [row]
    assert client.get(f"/api/changes?since={changes['last']}").json()["rows"] == []
    assert client.get("/api/list?show=todo").json()["ids"] == [
        one for one in client.get("/api/list").json()["ids"] if one != row
    ]
    assert client.get("/api/confusion").json()["cells"] == [["jump high", "run", 1]]
    undone = client.post("/api/undo", json={}).json()
    assert (undone["undone"]["row"], undone["row"]["decided"]) == (row, False)
    assert client.post("/api/undo", json={}).json()["undone"] is None
    assert [one["id"] for one in client.get(f"/api/changes?since={changes['last']}").json()["rows"]] == [row]


@pytest.mark.parametrize(
    "said",
    [
        {"kind": "label", "label": " \u200b"},
        {"kind": "label", "label": "x" * 201},
        {"kind": "label"},
        {"kind": "label", "label": "a", "person": "b"},
        {"kind": "label", "label": "a", "more": 1},
        {"kind": "undo", "event": 1},
        {"kind": "other"},
        {"kind": "segment", "label": "a", "start": 4, "stop": 4},
        {"kind": "segment", "label": "a", "start": -1, "stop": 4},
        {"kind": "segment", "label": "a", "start": 0, "stop": 31},
        {"kind": "segment", "label": "a", "start": 0, "stop": 3, "replaces": 77},
        {"kind": "remove", "segment": 77},
        [],
        None,
    ],
)
def test_what_means_nothing_is_refused_and_changes_nothing(client, said):
    [row] = client.get("/api/list?label=walk").json()["ids"]
    headers = {"content-type": "application/json"}
    answer = client.post(f"/api/rows/{row}/events", content=json.dumps(said), headers=headers)
    assert (answer.status_code, bool(answer.json()["error"])) == (400, True)
    assert client.get("/api/changes?since=0").json()["last"] == 0


def test_pose_files_are_shown_without_a_video(opened, tmp_path):
    pose_file_factory.ours(tmp_path, ".npz", frames=10)
    people.write_dataset_pickle(tmp_path / "pack.pkl", people.labeled_clips(1))
    table = tmp_path / "t.csv"
    with RunState(state_of(table)) as run_state:
        names = [("ours.npz", "ours.npz"), ("pack.pkl: arms_0", "pack.pkl"), ("pack.pkl: legs_0", "pack.pkl")]
        for file in ("ours.npz", "pack.pkl"):
            results = tuple(answered(name, ("walk", 0.9)) for name, of in names if of == file)
            run_state.put(Record(tmp_path / file, None, "", FileResult(results, "", 0.1)))
        write_results(table, [(answered(name, ("walk", 0.9)), 0.1) for name, _ in names], run_state)
    client = entered(opened(table), tmp_path)
    for row, (name, _) in enumerate(names):
        frames = client.get(f"/api/rows/{row}/frames").json()
        assert (frames["video"], frames["poses"]["people"], frames["no_poses"]) == (False, [0], ""), name
        assert client.get(f"/api/rows/{row}/poses").json()["frames"]["0"][0][0] == 0
        assert client.get(f"/media/{row}/original").status_code == 404
        assert client.post(f"/api/rows/{row}/proxy", json={}).status_code == 400
        assert client.get(f"/api/rows/{row}").json()["result"]["labels"][0]["label"] == "walk"
    segment = {"kind": "segment", "label": "a", "start": 0}
    for stop, status in ((10, 200), (11, 400)):
        assert client.post("/api/rows/0/events", json={**segment, "stop": stop}).status_code == status
