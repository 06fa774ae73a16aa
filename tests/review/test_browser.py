"""The page in a real browser."""

from __future__ import annotations

import contextlib
import csv
import os
import shutil
import sys
import threading

import pytest
import retraining_program
import review_factory
import uvicorn
import video_factory
from playwright.sync_api import sync_playwright

from posec3d_cli.review import retraining
from posec3d_cli.review.proxies import Proxies
from posec3d_cli.review.retraining import Retraining
from posec3d_cli.review.server import make_app
from posec3d_cli.runtime.local_server import listen

pytestmark = pytest.mark.browser
TOKEN = "secret"
SLOW = 60_000  # ms; machines may be busy
FRAME_IN_PICTURE = """() => {
  const video = document.getElementById("video");
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0);
  const bits = 10;
  let number = 0;
  for (let bit = 0; bit < bits; bit += 1) {
    const x = Math.floor(((bit + 0.5) * canvas.width) / bits);
    number = number * 2 + (context.getImageData(x, Math.floor(canvas.height * 0.75), 1, 1).data[0] > 127 ? 1 : 0);
  }
  return number;
}"""


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium."""
    found = os.environ.get("POSEC3D_CHROMIUM") or shutil.which("chromium")
    if found is None:
        if os.environ.get("POSEC3D_REQUIRE_BROWSER") == "1":
            pytest.fail("POSEC3D_REQUIRE_BROWSER=1, but there is no chromium; `make chromium` installs it")
        pytest.skip("there is no chromium; `make chromium` installs it")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, opened, tmp_path):
    """Opens the page of a table: `visit(table)`; no error may come up in its console."""
    with contextlib.ExitStack() as held:

        def open_page(table, **settings):
            session = opened(table, **settings)
            sock = listen(0)
            port = sock.getsockname()[1]
            app = make_app(session, Proxies(tmp_path / "proxies"), Retraining(session), TOKEN, port)
            server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
            thread.start()
            held.callback(thread.join, 10)
            held.callback(lambda: setattr(server, "should_exit", True))
            return enter(f"http://127.0.0.1:{port}/")

        def enter(address):
            context = browser.new_context(viewport={"width": 1280, "height": 800})
            held.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(SLOW)
            problems = []
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.on("dialog", lambda dialog: problems.append(f"dialog {dialog.message}"))
            page.on("request", lambda request: request.url.startswith(address) or problems.append(request.url))
            held.callback(lambda: problems and pytest.fail("; ".join(problems)))
            page.goto(f"{address}?token={TOKEN}")
            page.wait_for_selector(".row.chosen")
            return page

        yield open_page


def at_frame(page, frame):
    page.wait_for_selector(f'#position[data-frame="{frame}"]')


def said(table):
    with table.with_name("truth.csv").open(newline="", encoding="utf-8") as file:
        return [(row["video"], row["label"], row["start"], row["end"]) for row in csv.DictReader(file)]


def test_a_whole_review_by_keyboard(visit, table):
    page = visit(table)
    page.wait_for_selector("text=failed: it is damaged")
    page.keyboard.press("n")  # no such action; goes on to the next
    page.wait_for_selector('h2:text-is("unsure.mp4")')
    at_frame(page, 0)
    page.wait_for_selector('#overlay[data-people="1"]', state="attached")
    page.keyboard.press("l")
    page.keyboard.type("Walk")
    page.wait_for_selector('li[aria-selected="true"]:text("new label: Walk")')
    page.keyboard.press("Enter")
    page.wait_for_selector('h2:text-is("sure.mp4")')
    at_frame(page, 0)
    for key in (".", ".", "[", ">", "]", "s"):  # faster than the video follows
        page.keyboard.press(key)
    page.wait_for_selector("#picker[open]")
    page.keyboard.type("run")
    page.keyboard.press("Enter")
    page.click("#segments button[title^='Change']")
    page.fill("#stop", "20")
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    page.keyboard.press("Enter")  # the same label
    page.wait_for_selector("#segments li:has-text('frames 2 to 20')")
    edge = page.locator("#timeline .edge").last.bounding_box()
    page.mouse.move(edge["x"] + 4, edge["y"] + 4)
    page.mouse.down()
    page.mouse.move(edge["x"] - 40, edge["y"] + 4)
    page.mouse.up()
    page.wait_for_selector("#segments li:not(:has-text('2 to 20'))")
    page.keyboard.press("u")
    page.wait_for_selector("#segments li:has-text('frames 2 to 20')")
    page.keyboard.press("a")
    page.wait_for_selector("#said:has-text('walk — accepted')")
    page.wait_for_selector("text=3 of 3 decided")
    assert "“Walk” and “walk”" in page.inner_text("#near")
    assert said(table) == [
        ("clips/sure.mp4", "walk", "", ""),
        ("clips/sure.mp4", "run", "2", "20"),
        ("clips/unsure.mp4", "Walk", "", ""),
        ("clips/broken.mp4", "unknown", "", ""),
    ]
    page.reload()
    page.wait_for_selector("text=3 of 3 decided")
    page.keyboard.press("u")
    page.wait_for_selector("text=Undone: the last decision on sure.mp4")
    page.wait_for_selector("#notice", state="hidden")  # it lies over the controls
    assert ("clips/sure.mp4", "walk", "", "") not in said(table)
    page.keyboard.press("c")
    page.wait_for_selector("#confusion table")


def test_frame_n_is_the_nth_picture(visit, tmp_path):
    """At a constant and a variable rate, from 0.5 s on, behind an edit list, in an AVI, and turned."""
    videos = {
        "a plain.mp4": {},
        "b variable.mp4": {"ticks": [0, 40, 57, 100, 140, 300, *range(310, 790, 20)]},
        "c late.mp4": {"ticks": [500 + 40 * number for number in range(30)]},
        "d cut.mp4": {},
        "e old.avi": {"codec": "mpeg4"},
        "f turned.mp4": {"rotation": 90, "size": (240, 320)},
    }
    for name, settings in videos.items():
        path = tmp_path / "clips" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(review_factory.video(path.suffix, settings))
    cut = tmp_path / "clips" / "d cut.mp4"
    video_factory.trimmed(cut.rename(tmp_path / "whole.mp4"), cut, 5)
    page = visit(tmp_path / "clips")
    for name in videos:
        page.wait_for_selector(f'h2:text-is("{name}")')
        at_frame(page, 0)
        hidden = 5 if "cut" in name else 0
        assert page.evaluate(FRAME_IN_PICTURE) == hidden
        for key, frame in [(">", 10), (".", 11), ("<", 1), (",", 0), (">", 10), (">", 20), (">", 29 - hidden)]:
            page.keyboard.press(key)
            at_frame(page, frame)
            assert page.evaluate(FRAME_IN_PICTURE) == frame + hidden, name
        page.keyboard.press("j")
    page.keyboard.press("<")
    at_frame(page, 19)
    page.keyboard.press(" ")
    page.wait_for_selector("#play:text('Pause')")
    page.keyboard.press(" ")
    page.wait_for_selector("#play:text('Play')")
    page.wait_for_timeout(500)
    assert page.evaluate(FRAME_IN_PICTURE) == int(page.get_attribute("#position", "data-frame"))


def test_two_tabs_see_each_other(visit, table):
    page = visit(table)
    other = page.context.new_page()
    other.set_default_timeout(SLOW)
    other.goto(page.url)
    other.wait_for_selector("text=0 of 3 decided")
    page.bring_to_front()
    page.keyboard.press("n")
    page.wait_for_selector("text=1 of 3 decided")
    other.bring_to_front()
    other.wait_for_selector("text=1 of 3 decided")
    other.wait_for_selector(".row.decided")


def test_names_and_labels_are_text_and_nothing_else(visit, tmp_path):
    evil = '<img src=x onerror="alert(1)"><script>alert(2)</script>'
    table = tmp_path / "hand.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["video", "label"], [f"{evil}.mp4", evil], ["b.mp4", "javascript:alert(3)"]])
    page = visit(table)
    page.wait_for_selector("text=cannot be found")
    assert page.inner_text("#name") == f"{evil}.mp4"
    page.keyboard.press("l")
    page.keyboard.type("<b>new</b>")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=1 of 2 decided")
    page.keyboard.press("c")
    page.wait_for_selector("#confusion table")
    assert page.locator("img, b, script:not([src])").count() == 0
    assert said(table) == [(f"{evil}.mp4", "<b>new</b>", "", "")]


def test_thousands_of_rows_are_few_nodes(visit, tmp_path):
    table = tmp_path / "hand.csv"
    rows = "".join(f"clip {number:05}.mp4,walk,0.{number % 1000:03}\n" for number in range(10_000))
    table.write_text(f"video,label,score\n{rows}")
    page = visit(table)
    page.wait_for_selector("#list-count:text('10000 rows')")
    page.select_option("#order", "name")
    page.wait_for_selector(".row:has-text('clip 00010.mp4')")  # by score it is not among the first
    page.evaluate("document.getElementById('list').scrollTop = 44 * 7000")
    page.wait_for_selector(".row:has-text('clip 07002.mp4')")
    assert page.locator(".row").count() < 60
    page.fill("#query", "CLIP 0999")
    page.wait_for_selector("#list-count:text('10 rows')")


def test_training_shows_its_curve_and_the_rest_is_labelled_again(visit, tmp_path, monkeypatch):
    (tmp_path / "program.py").write_text(retraining_program.PROGRAM)
    monkeypatch.setattr(retraining, "_PROGRAM", (sys.executable, str(tmp_path / "program.py")))
    page = visit(review_factory.three(tmp_path))
    page.wait_for_selector("text=failed: it is damaged")
    page.keyboard.press("n")
    page.wait_for_selector("text=1 of 3 decided")
    page.keyboard.press("t")
    page.click("#train")
    page.wait_for_selector("#training-said:has-text('Done')")
    assert page.get_attribute("#curve svg", "aria-label") == "epoch 2: validation top-1 75.0 %"
    page.click("#training .close")
    page.wait_for_selector(".row:has-text('jump 70.0 %')")


def test_predicted_segments_are_accepted_changed_and_deleted_by_keyboard(visit, tmp_path):
    table = review_factory.segments(tmp_path)
    page = visit(table)
    at_frame(page, 0)
    page.wait_for_selector("#segments li.waiting >> nth=4")
    page.wait_for_selector("#segment-count:text('5 predicted')")
    assert page.locator("#timeline .segment.waiting").count() == 5
    page.keyboard.press("y")  # the one at the player, of person 0
    page.wait_for_selector("#segments li.chosen:has-text('sit 60.0 %')")
    page.keyboard.press("g")
    page.wait_for_selector("#segments li.chosen:has-text('run 80.0 %')")
    at_frame(page, 10)
    page.keyboard.press("r")
    page.keyboard.type("hop")
    page.keyboard.press("Enter")
    page.wait_for_selector("#segments li.chosen:not(.waiting):has-text('hop: frames 10 to 20')")
    page.keyboard.press("g")
    page.keyboard.press("g")
    page.wait_for_selector("#segments li.chosen:has-text('unknown (jump)')")
    page.keyboard.press("Delete")
    page.wait_for_selector("#segment-count:text('2 predicted')")
    page.keyboard.press("u")
    page.wait_for_selector("#segment-count:text('3 predicted')")
    page.click("#segments li.waiting:has-text('sit') button[title^='Change']")
    page.fill("#start", "4")
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    page.keyboard.press("Enter")
    page.wait_for_selector("#segments li:not(.waiting):has-text('sit: frames 4 to 15')")
    page.keyboard.press("Y")
    page.wait_for_selector("text=1 segments accepted; 1 more are unknown")
    page.wait_for_selector("text=1 of 1 decided")
    assert said(table) == [
        ("clips/a.mp4", "walk", "0", "10"),
        ("clips/a.mp4", "sit", "4", "15"),
        ("clips/a.mp4", "hop", "10", "20"),
        ("clips/a.mp4", "stand", "15", "30"),
    ]
    edge = page.locator("#timeline .edge[title='drag the stop']").last.bounding_box()
    page.mouse.move(edge["x"] + 4, edge["y"] + 4)
    page.mouse.down()
    page.mouse.move(edge["x"] - 60, edge["y"] + 4)
    page.mouse.up()
    page.wait_for_selector("#segments li:not(.waiting):not(:has-text('30'))")
    page.reload()
    page.wait_for_selector("#segment-count:text('1 predicted')")
    page.keyboard.press("u")
    page.keyboard.press("u")
    page.wait_for_selector("#segment-count:text('2 predicted')")
    assert [row[1] for row in said(table)] == ["walk", "sit", "hop"]


def test_the_timeline_of_a_long_video_is_zoomed_scrolls_and_follows_the_player(visit, tmp_path):
    table = review_factory.segments(tmp_path, [(0, 150, 0, "walk", 0.9, ""), (150, 152, 1, "jump", 0.8, "")])
    video_factory.write(tmp_path / "clips" / "a.mp4", 300, size=(160, 120))
    page = visit(table)
    at_frame(page, 0)
    short = page.locator("#timeline .segment:has-text('jump')")
    timeline = page.locator("#timeline")
    frame = timeline.evaluate("box => box.clientWidth") / 300

    def in_sight(selector):
        box, inner = timeline.bounding_box(), page.locator(selector).bounding_box()
        return box["x"] - 2 <= inner["x"] <= box["x"] + box["width"]

    assert short.bounding_box()["width"] == pytest.approx(2 * frame, abs=1)
    for key in "+===":
        page.keyboard.press(key)
    assert short.bounding_box()["width"] == pytest.approx(32 * frame, abs=1)
    assert not in_sight("#timeline .segment:has-text('jump')")
    page.keyboard.press("g")
    page.keyboard.press("g")
    at_frame(page, 150)
    assert in_sight("#timeline .head")
    edge = page.locator("#timeline .edge[title='drag the stop']").last.bounding_box()
    page.mouse.move(edge["x"] + 4, edge["y"] + 4)
    page.mouse.down()
    page.mouse.move(edge["x"] + 4 + 16 * frame, edge["y"] + 4)
    page.mouse.up()
    page.wait_for_selector("#segments li:has-text('jump: frames 150 to 153')")
    for key, place in [(">", 160), (">", 170), (">", 180), (">", 190), ("<", 180), ("<", 170), ("<", 160), ("<", 150)]:
        page.keyboard.press(key)
        at_frame(page, place)
        assert in_sight("#timeline .head")
    before = short.bounding_box()
    page.mouse.move(before["x"] + 1, before["y"] + 4)
    page.keyboard.down("Control")
    page.mouse.wheel(0, 400)
    page.keyboard.up("Control")
    while (after := short.bounding_box())["width"] == before["width"]:
        page.wait_for_timeout(50)
    assert after["width"] < before["width"]
    assert after["x"] == pytest.approx(before["x"], abs=4)
    page.mouse.click(after["x"] + after["width"] + 40 * frame, after["y"] + 4)
    page.wait_for_selector("#position:not([data-frame='150'])")
    assert int(page.get_attribute("#position", "data-frame")) > 153
    page.keyboard.press("0")
    assert timeline.evaluate("box => box.scrollWidth === box.clientWidth")
    page.click("#zoom-in")
    assert timeline.evaluate("box => box.scrollWidth") == pytest.approx(600 * frame, abs=2)
