"""Who may ask the server."""

from __future__ import annotations

import pytest
import review_factory
from review_factory import PORT, TOKEN

from posec3d_cli.review.server import page_files

HOST = f"127.0.0.1:{PORT}"
COOKIE = {"cookie": f"posec3d_{PORT}={TOKEN}"}


@pytest.fixture
def stranger(session, tmp_path):
    """A browser without the cookie."""
    return review_factory.stranger(session, tmp_path)


def test_without_the_token_nothing_is_answered(stranger):
    for path in ("/", "/api/review", "/media/0/original", "/truth.csv", *(f"/static/{name}" for name in page_files())):
        answer = stranger.get(path)
        assert (answer.status_code, "token" in answer.text) == (403, True), path
    for token in ("", "Secret", "secret2", "é", "secret&token=secret"):
        assert stranger.get(f"/?token={token}").status_code == 403
    for value in ("", "Secret", "secret2"):
        assert stranger.get("/", headers={"cookie": f"posec3d_{PORT}={value}"}).status_code == 403
    assert stranger.get("/", headers={"cookie": f"posec3d_1={TOKEN}"}).status_code == 403
    assert stranger.post("/api/undo", json={}).status_code == 403


def test_the_token_gives_a_cookie_and_the_address_bar_loses_it(stranger):
    answer = stranger.get("/", params={"token": TOKEN})
    assert answer.status_code == 200
    assert answer.headers["set-cookie"] == f"posec3d_{PORT}={TOKEN}; HttpOnly; SameSite=Strict; Path=/"
    assert 'content="0;url=/"' in answer.text
    page = stranger.get("/")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'; script-src 'self'" in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert stranger.get("/api/review").json()["rows"] == 3


@pytest.mark.parametrize(
    "host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1", "127.0.0.1:1", f"[::1]:{PORT}", ""]
)
def test_a_name_that_leads_to_this_machine_is_refused(stranger, host):
    answer = stranger.get("/", params={"token": TOKEN}, headers={"host": host, **COOKIE})
    assert answer.status_code == 421


def test_localhost_is_this_machine(stranger):
    assert stranger.get("/api/review", headers={"host": f"localhost:{PORT}", **COOKIE}).status_code == 200


@pytest.mark.parametrize("origin", ["null", "http://evil.example", f"https://{HOST}", "http://127.0.0.1:1"])
def test_a_foreign_page_may_not_ask(stranger, origin):
    for method in ("GET", "POST"):
        answer = stranger.request(method, "/api/undo", headers={"origin": origin, **COOKIE}, json={})
        assert (answer.status_code, "foreign" in answer.text) == (403, True)


def test_the_page_itself_may_ask(stranger):
    headers = {"origin": f"http://{HOST}", "sec-fetch-site": "same-origin", **COOKIE}
    assert stranger.post("/api/undo", json={}, headers=headers).status_code == 200
    cross = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", **COOKIE}
    assert stranger.get("/media/0/original", headers=cross).status_code == 403
    arriving = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert stranger.get("/", params={"token": TOKEN}, headers=arriving).status_code == 200


def test_changes_are_sent_as_json_only(stranger):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = stranger.post("/api/rows/0/events", content="{}", headers={"content-type": kind, **COOKIE})
        assert answer.status_code == 415
    assert stranger.get("/api/undo", headers=COOKIE).status_code == 405
    assert (
        stranger.post(
            "/api/rows/0/events", content="{", headers={"content-type": "application/json", **COOKIE}
        ).status_code
        == 400
    )
