"""The page: one file, nothing from outside, everything escaped."""

from __future__ import annotations

import base64
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
import saved_run
from test_content import SAVED

from posec3d_cli.batch.saved_results import SavedResult, SavedResults, read_results
from posec3d_cli.errors import OutputExists
from posec3d_cli.reports.content import ReportContent
from posec3d_cli.reports.page import render, tiles_of, write_report

EVIL = "<img src=x onerror=alert(1)>\"'&{{ 7*7 }}</script>"


class Page(HTMLParser):
    """The tags, attributes and text of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text, self.open = [], [], "", []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, *one) for one in attributes]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        self.text += text


def images(page):
    uris = [value for tag, name, value in page.attributes if (tag, name) == ("img", "src")]
    return [
        cv2.imdecode(np.frombuffer(base64.b64decode(uri.partition(",")[2]), np.uint8), cv2.IMREAD_COLOR) for uri in uris
    ]


def page_of(table, tmp_path, truth=None, most=60, poses=None):
    content = ReportContent.of(read_results(table), truth)
    write_report(content, tiles_of(content, most, poses), tmp_path / "report.html")
    return Page((tmp_path / "report.html").read_text(encoding="utf-8"))


def test_the_page_is_well_formed_and_asks_for_nothing(tmp_path):
    table = saved_run.write(tmp_path / "labels.csv", poses=tmp_path / "poses")
    page = page_of(table, tmp_path, poses=tmp_path / "poses")
    assert page.open == []
    addresses = [value for _, name, value in page.attributes if name in ("src", "href", "action", "data", "poster")]
    assert addresses
    assert all(value.startswith("data:image/jpeg;base64,") for value in addresses)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert "url(" not in page.text
    assert "@import" not in page.text
    assert ("meta", "content", "default-src 'none'; img-src data:; style-src 'unsafe-inline'") in page.attributes


def test_clips_are_shown_with_their_skeletons_where_poses_are_known(tmp_path):
    table = saved_run.write(tmp_path / "labels.csv", poses=tmp_path / "poses")
    plain = images(page_of(table, tmp_path))
    (tmp_path / "report.html").unlink()
    drawn = images(page_of(table, tmp_path, poses=tmp_path / "poses"))
    assert [image.shape for image in plain] == [image.shape for image in drawn] == [(144, 240, 3)] * 3
    changed = [float(np.abs(a.astype(int) - b).mean()) > 1 for a, b in zip(plain, drawn, strict=True)]
    assert changed == [True, True, False]  # of the last, nobody's poses are known


def test_what_a_run_says_stands_on_the_page(tmp_path):
    page = page_of(saved_run.write(tmp_path / "labels.csv", corrected={"walk/a b.mp4": "swim"}), tmp_path)
    for text in ("one by nothing", "bug.mp4", "walk/a b.mp4", "corrected: swim", "75.0\u00a0%", "sha256 of the table"):
        assert text in page.text


def test_with_ground_truth_there_is_a_confusion_matrix(tmp_path):
    truth = tmp_path / "truth.csv"
    truth.write_text("video,label\nwalk/a b.mp4,jump\nwalk/a b.avi,run\nempty.mp4,run\n")
    page = page_of(saved_run.write(tmp_path / "labels.csv"), tmp_path, truth)
    assert "33.3\u00a0%" in page.text
    assert "Confusion matrix" in page.text
    assert page.text.count("no person") >= 1
    assert "is jump" in page.text


@pytest.mark.parametrize("where", ["name", "label", "error", "corrected"])
def test_everything_is_escaped(where):
    values = {"name": "a.mp4", "label": "run", "error": "", "corrected": ""} | {where: EVIL}
    one = SavedResult(
        values["name"], None, "ok", values["label"], ((values["label"], 0.5),), values["corrected"], values["error"]
    )
    content = ReportContent(SavedResults(Path(__file__), (one,)))
    page = Page(render(content, tiles_of(content, 9)))
    assert page.open == []
    assert EVIL in page.text
    assert "img" not in page.tags


def test_settings_and_hashes_of_the_run_are_shown(tmp_path):
    described = {
        "pipeline": "light",
        "models": [{"kind": "pose", "name": "m", "sha256": {"w": "ab" * 32}}],
        "settings": {"views": 3},
    }
    content = ReportContent(SavedResults(Path(__file__), SAVED.results, {"finger": described}))
    text = Page(render(content, [])).text
    for shown in ("finger", "light", "pose name", "pose sha256 w", "ab" * 32, "settings views"):
        assert shown in text


def test_a_clip_that_cannot_be_shown_says_why(tmp_path):
    table = saved_run.write(tmp_path / "labels.csv")
    (tmp_path / "clips/walk/a b.mp4").write_bytes(b"broken")
    (tmp_path / "clips/walk/a b.avi").unlink()
    page = page_of(table, tmp_path)
    assert len(images(page)) == 1
    assert "cannot be read as a video" in page.text


def test_an_existing_page_is_kept(tmp_path):
    content = ReportContent(SavedResults(Path(__file__), SAVED.results))
    (tmp_path / "r.html").write_text("mine")
    with pytest.raises(OutputExists):
        write_report(content, [], tmp_path / "r.html")
    assert (tmp_path / "r.html").read_text() == "mine"


def test_nothing_at_all_is_a_page_too():
    content = ReportContent(SavedResults(Path(__file__), ()))
    assert "No clip has an answer." in Page(render(content, [])).text
