"""The page of a live run, asked as a browser does."""

from __future__ import annotations

import http.client
import json
import time

import live_fakes
import numpy as np
import pytest

from posec3d_cli.live import page as page_module
from posec3d_cli.live.answers import Alert, SourceStatus
from posec3d_cli.live.page import Page, make_app
from posec3d_cli.runtime.local_server import listen, serving

TOKEN = "secret"


@pytest.fixture
def served():
    """A page that is served, and its port."""
    page = Page("rtsp://camera/1")
    sock = listen(0)
    port = sock.getsockname()[1]
    with serving(make_app(page, TOKEN, port), sock):
        yield page, port
        page.end()


def ask(port, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers=headers)
    return connection, connection.getresponse()


def entered(port):
    connection, response = ask(port, f"/?token={TOKEN}")
    cookie = response.headers["set-cookie"].partition(";")[0]
    connection.close()
    return {"Cookie": cookie}


def picture(level=120):
    return np.full((40, 60, 3), level, np.uint8)


def until(reached):
    begun = time.monotonic()
    while not reached():
        assert time.monotonic() - begun < 10
        time.sleep(0.01)


def read_part(response):
    """The next JPEG of a stream."""
    assert response.readline() == b"--frame\r\n"
    assert response.readline() == b"Content-Type: image/jpeg\r\n"
    length = int(response.readline().split(b":")[1])
    assert response.readline() == b"\r\n"
    content = response.read(length)
    assert response.readline() == b"\r\n"
    return content


def test_only_who_knows_the_token_sees_anything(served):
    _, port = served
    for path in ("/", "/stream", "/state", "/page.js", "/?token=wrong"):
        connection, response = ask(port, path)
        assert response.status == 403
        connection.close()
    for headers, status in (({"Host": "evil.example"}, 421), ({"Origin": "http://evil.example"}, 403)):
        connection, response = ask(port, "/stream", **{**entered(port), **headers})
        assert response.status == status
        connection.close()


def test_the_page_and_its_parts_are_served(served):
    _, port = served
    for path, part in (("/", b"/page.js"), ("/page.css", b"body"), ("/page.js", b"/state")):
        connection, response = ask(port, path, **entered(port))
        assert (response.status, part in response.read()) == (200, True)
        connection.close()


def test_the_state_holds_what_was_told_last(served):
    page, port = served
    page.status(SourceStatus(1.7e9, "live", "gives frames"))
    page.answer(live_fakes.answer(1.7e9, p1="fall"))
    for number in range(30):
        page.alert(Alert(1.7e9 + number, "fall", number, 0.9, True, "", 0))
    connection, response = ask(port, "/state", **entered(port))
    state = json.loads(response.read())
    connection.close()
    assert (state["source"], state["status"]["state"]) == ("rtsp://camera/1", "live")
    assert state["answer"]["people"][0]["label"] == "fall"
    assert [alert["person"] for alert in state["alerts"]] == list(range(29, 9, -1))


def test_frames_are_streamed_to_who_looks_and_only_the_newest(served):
    page, port = served
    assert not page.wants_frames
    connection, response = ask(port, "/stream", **entered(port))
    assert response.headers["content-type"] == "multipart/x-mixed-replace; boundary=frame"
    until(lambda: page.wants_frames)
    page.frame(picture(), 0.0)
    assert read_part(response)[:2] == b"\xff\xd8"
    for number in range(5):
        page.frame(picture(number), 0.0)
        time.sleep(0.06)
        assert read_part(response)[:2] == b"\xff\xd8"
    connection.close()
    page.frame(picture(), 0.0)
    until(lambda: not page.wants_frames or page.frame(picture(), 0.0))


def test_there_is_room_for_a_few_browsers_only(served, monkeypatch):
    page, port = served
    monkeypatch.setattr(page_module, "MOST_WATCHERS", 1)
    first, _ = ask(port, "/stream", **entered(port))
    until(lambda: page.wants_frames)
    second, response = ask(port, "/stream", **entered(port))
    assert response.status == 503
    first.close()
    second.close()


def test_a_browser_that_takes_nothing_is_dropped(served, monkeypatch):
    page, port = served
    monkeypatch.setattr(page_module, "SEND_SECONDS", 0.3)
    connection, _ = ask(port, "/stream", **entered(port))
    until(lambda: page.wants_frames)
    noise = np.random.default_rng(0).integers(0, 256, (720, 1280, 3), np.uint8)
    begun = time.monotonic()
    while page.wants_frames:
        page.frame(noise, 0.0)
        time.sleep(0.03)
        assert time.monotonic() - begun < 30
    connection.close()
