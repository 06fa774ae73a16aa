"""Interrupted downloads resume, and never with the bytes of another version."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import web_factory
from hypothesis import given, settings
from hypothesis import strategies as st
from web_factory import Asked, Page

from posec3d_cli.errors import WeightsMissing
from posec3d_cli.hub.cards import ModelCard, WeightFile
from posec3d_cli.hub.partial import Origin, Part, staging
from posec3d_cli.hub.weights import cached_path, fetch

pytestmark = pytest.mark.usefixtures("home")
BODY = random.Random(1).randbytes(1_000_000)
OTHER = random.Random(2).randbytes(1_000_000)
HALF = 500_000
STEP = 65_536  # bytes that are written at once
KEPT = HALF - HALF % STEP
TAGGED = {"ETag": '"one"', "Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT"}


@pytest.fixture
def web():
    with web_factory.serving() as running:
        running.pages["/w.pth"] = Page(BODY, TAGGED, cut=HALF)
        yield running


def file_of(*sources: str, body: bytes = BODY) -> WeightFile:
    return WeightFile("weights", sha256=hashlib.sha256(body).hexdigest(), size=len(body), sources=sources)


def card_of(file: WeightFile) -> ModelCard:
    return ModelCard("mine", "pose", "movenet", "s", "l", "d", (file,), {}, (), Path("nowhere"), False)


def part_of(file: WeightFile) -> Part:
    """What is kept of a file."""
    target = cached_path(file)
    return Part(target.with_name(f".resume-{target.name}"))


def left_in(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "weights").iterdir())


def cut_off(file: WeightFile) -> None:
    with pytest.raises(WeightsMissing, match=r"was interrupted after \d+ bytes; the next try resumes there"):
        fetch(card_of(file))


def test_a_download_goes_on_where_it_was_cut_off(web, home):
    file = file_of(f"{web.url}/w.pth")
    cut_off(file)
    assert part_of(file).path.read_bytes() == BODY[:KEPT]
    assert part_of(file).origin == Origin(f"{web.url}/w.pth", TAGGED["ETag"], TAGGED["Last-Modified"], len(BODY))
    web.pages["/w.pth"] = Page(BODY, TAGGED)
    seen = []
    path = fetch(card_of(file), progress=lambda *step: seen.append(step))["weights"]
    assert path.read_bytes() == BODY
    assert web.asked == [Asked("/w.pth", None, None), Asked("/w.pth", f"bytes={KEPT}-", '"one"')]
    assert seen[:2] == [("w.pth", 0, len(BODY)), ("w.pth", KEPT, len(BODY))]
    assert left_in(home) == [path.name]


def test_a_download_may_be_cut_off_again_and_again(web):
    file = file_of(f"{web.url}/w.pth")
    web.pages["/w.pth"] = Page(BODY, TAGGED, cut=4 * STEP)
    for _ in range(3):
        cut_off(file)
    assert fetch(card_of(file))["weights"].read_bytes() == BODY
    assert [asked.range for asked in web.asked] == [None, *(f"bytes={n * 4 * STEP}-" for n in (1, 2, 3))]


@settings(max_examples=20, deadline=None)
@given(size=st.integers(1, 400_000), cuts=st.lists(st.integers(0, 400_000), max_size=4), seed=st.integers(0, 9))
def test_however_often_and_wherever_it_is_cut_off_the_file_is_whole_in_the_end(tmp_path_factory, size, cuts, seed):
    body = random.Random(seed).randbytes(size)
    home = tmp_path_factory.mktemp("home")
    with web_factory.serving() as web:
        file = file_of(f"{web.url}/w.pth", body=body)
        for cut in cuts:
            web.pages["/w.pth"] = Page(body, TAGGED, cut=cut)
            try:
                fetch(card_of(file), home=home)
            except WeightsMissing:
                assert not cached_path(file, home).exists()
        web.pages["/w.pth"] = Page(body, TAGGED)
        assert fetch(card_of(file), home=home)["weights"].read_bytes() == body
    assert [path.name for path in (home / "weights").iterdir()] == [cached_path(file, home).name]


def test_after_ctrl_c_the_same_command_goes_on(web):
    file = file_of(f"{web.url}/w.pth")
    web.pages["/w.pth"] = Page(BODY, TAGGED)

    def interrupt(name: str, done: int, total: int) -> None:
        if done > HALF:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(card_of(file), progress=interrupt)
    assert fetch(card_of(file))["weights"].read_bytes() == BODY
    assert web.asked[1].range == f"bytes={KEPT + STEP}-"


@pytest.mark.skipif(sys.platform == "win32", reason="there, nobody can tell that a process is gone")
def test_after_a_kill_the_same_command_goes_on(web, home):
    file = file_of(f"{web.url}/w.pth")
    web.pages["/w.pth"] = Page(BODY, TAGGED, cut=HALF, stop=True)
    code = (
        "from pathlib import Path\n"
        "from posec3d_cli.hub.cards import ModelCard, WeightFile\n"
        "from posec3d_cli.hub.weights import fetch\n"
        f"fetch(ModelCard('mine', 'pose', 'movenet', 's', 'l', 'd', ({file!r},), {{}}, (), Path('nowhere'), False))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 20
    while not any(path.stat().st_size == KEPT for path in home.glob("weights/.part-*/*.web/bytes")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    web.pages["/w.pth"] = Page(BODY, TAGGED)
    path = fetch(card_of(file))["weights"]
    assert path.read_bytes() == BODY
    assert web.asked[1].range == f"bytes={KEPT}-"
    assert left_in(home) == [path.name]


def test_a_server_that_ignores_ranges_is_read_from_the_start(web):
    file = file_of(f"{web.url}/w.pth")
    cut_off(file)
    web.pages["/w.pth"] = Page(BODY, TAGGED, ranges=False)
    assert fetch(card_of(file))["weights"].read_bytes() == BODY
    assert len(web.asked) == 2


@pytest.mark.parametrize(
    "headers",
    [{**TAGGED, "ETag": '"two"'}, {**TAGGED, "Last-Modified": "Thu, 22 Oct 2015 07:28:00 GMT"}, {}],
    ids=["etag", "modified", "neither"],
)
@pytest.mark.parametrize("heeds", [True, False], ids=["If-Range heeded", "If-Range ignored"])
def test_a_part_of_another_version_is_not_gone_on_with(web, headers, heeds, monkeypatch):
    old, new = file_of(f"{web.url}/w.pth", body=OTHER), file_of(f"{web.url}/w.pth")
    web.pages["/w.pth"] = Page(OTHER, TAGGED, cut=HALF)
    cut_off(old)
    part_of(old).folder.rename(part_of(new).folder)
    if not heeds:
        monkeypatch.setattr(web_factory._Handler, "_same", lambda self, page: True)
    web.pages["/w.pth"] = Page(BODY, headers)
    assert fetch(card_of(new))["weights"].read_bytes() == BODY
    assert web.asked[1].range == f"bytes={KEPT}-"


def test_a_part_of_a_file_of_another_length_is_not_gone_on_with(web):
    longer = BODY + b"more"
    file = file_of(f"{web.url}/w.pth", body=longer)
    cut_off(file)
    web.pages["/w.pth"] = Page(longer, TAGGED)
    assert fetch(card_of(file))["weights"].read_bytes() == longer
    assert [asked.range for asked in web.asked] == [None, f"bytes={KEPT}-", None]


def test_a_part_that_is_longer_than_the_file_by_now_is_thrown_away(web):
    shorter = BODY[:1000]
    file = WeightFile("weights", sources=(f"{web.url}/w.pth",), sha256_prefix=hashlib.sha256(shorter).hexdigest()[:8])
    cut_off(file)
    web.pages["/w.pth"] = Page(shorter, TAGGED)
    assert fetch(card_of(file))["weights"].read_bytes() == shorter
    assert [asked.range for asked in web.asked] == [None, f"bytes={KEPT}-", None]


def test_a_part_that_was_spoilt_costs_a_second_download_and_no_more(web):
    file = file_of(f"{web.url}/w.pth")
    cut_off(file)
    part_of(file).path.write_bytes(OTHER[:KEPT])
    web.pages["/w.pth"] = Page(BODY, TAGGED)
    assert fetch(card_of(file))["weights"].read_bytes() == BODY
    assert [asked.range for asked in web.asked] == [None, f"bytes={KEPT}-", None]


@pytest.mark.parametrize("damage", [lambda part: part.forget(), lambda part: (part.folder / "origin").write_text("{")])
def test_a_part_of_unknown_origin_is_not_used(web, damage):
    file = file_of(f"{web.url}/w.pth")
    cut_off(file)
    damage(part_of(file))
    web.pages["/w.pth"] = Page(BODY, TAGGED)
    assert fetch(card_of(file))["weights"].read_bytes() == BODY
    assert web.asked[1].range is None


def test_a_part_that_is_whole_is_not_asked_for_again(web, home):
    file = file_of(f"{web.url}/w.pth")
    cut_off(file)
    part_of(file).path.write_bytes(BODY)
    assert fetch(card_of(file))["weights"].read_bytes() == BODY
    assert len(web.asked) == 1


def test_what_one_source_began_another_does_not_go_on_with(web, home):
    web.pages["/mirror/w.pth"] = Page(BODY, TAGGED)
    file = file_of(f"{web.url}/w.pth", f"{web.url}/mirror/w.pth")
    path = fetch(card_of(file))["weights"]
    assert path.read_bytes() == BODY
    assert web.asked == [Asked("/w.pth", None, None), Asked("/mirror/w.pth", None, None)]
    assert left_in(home) == [path.name]


def test_a_source_that_does_not_even_answer_leaves_the_part_alone(web):
    file = file_of(f"{web.url}/w.pth")
    cut_off(file)
    web.pages["/w.pth"] = Page(status=503)
    with pytest.raises(WeightsMissing, match="answered 503"):
        fetch(card_of(file))
    assert part_of(file).size == KEPT


@pytest.mark.parametrize(("headers", "goes_on"), [(TAGGED, True), ({"ETag": 'W/"weak"'}, True), ({}, False)])
def test_a_file_that_no_hash_vouches_for_goes_on_only_where_the_server_tells_versions_apart(web, headers, goes_on):
    file = WeightFile("weights", sources=(f"{web.url}/w.pth",))
    web.pages["/w.pth"] = Page(BODY, headers, cut=HALF)
    cut_off(file)
    web.pages["/w.pth"] = Page(BODY, headers)
    assert fetch(card_of(file))["weights"].read_bytes() == BODY
    assert web.asked[1].range == (f"bytes={KEPT}-" if goes_on else None)


def test_a_file_that_nothing_is_known_of_must_at_least_have_a_length(web):
    web.pages["/w.pth"] = Page(BODY, length=False)
    with pytest.raises(WeightsMissing, match="the server states no length"):
        fetch(card_of(WeightFile("weights", sources=(f"{web.url}/w.pth",))))
    assert fetch(card_of(file_of(f"{web.url}/w.pth")))["weights"].read_bytes() == BODY


def test_of_many_at_once_one_takes_the_part_and_all_get_the_file(web, home):
    file = file_of(f"{web.url}/w.pth")
    cut_off(file)
    web.pages["/w.pth"] = Page(BODY, TAGGED)
    results: list[bytes] = []
    threads = [threading.Thread(target=lambda: results.append(fetch(card_of(file))["weights"].read_bytes()))
               for _ in range(6)]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [BODY] * 6
    assert sum(asked.range is not None for asked in web.asked) <= 1
    assert left_in(home) == [cached_path(file).name]


def test_the_longer_of_two_parts_is_kept(tmp_path):
    origin = Origin("https://host.example/w")
    for sizes in ((3, 5), (5, 3)):
        for size in sizes:
            with staging(tmp_path) as folder:
                part = Part(folder / "w.web")
                part.folder.mkdir()
                part.path.write_bytes(b"x" * size)
                part.begin(origin)
        assert Part(tmp_path / ".resume-w").size == 5
        assert [path.name for path in tmp_path.iterdir()] == [".resume-w"]


def test_parts_that_nobody_needs_any_more_are_removed(tmp_path):
    for name in ("finished", "old", "young"):
        part = Part(tmp_path / f".resume-{name}")
        part.folder.mkdir()
        part.path.write_bytes(b"x")
        part.begin(Origin("https://host.example/w"))
    (tmp_path / "finished").write_bytes(b"xyz")
    long_ago = time.time() - 15 * 86_400
    os.utime(tmp_path / ".resume-old" / "bytes", (long_ago, long_ago))
    with staging(tmp_path):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == [".resume-young", "finished"]
