"""Local copies of addresses, of standard input and of what other file systems hold."""

from __future__ import annotations

import io
import os
import sys
import time
import zipfile
from fractions import Fraction

import picture_factory
import pytest
import web_factory

from posec3d_cli.errors import InputError, OutputError, StageUnavailable
from posec3d_cli.sources.cache import SourceCache
from posec3d_cli.sources.kinds import file_name, kind_of, shown
from posec3d_cli.sources.local_copies import LocalCopies, stem_of

FILM = bytes(range(256)) * 40


@pytest.fixture
def cache(tmp_path):
    return SourceCache(tmp_path / "sources")


@pytest.fixture
def copies(cache):
    return LocalCopies(cache)


@pytest.fixture
def web():
    with web_factory.serving() as server:
        server.pages["/a/film.mp4"] = web_factory.Page(FILM, {"ETag": '"1"', "Last-Modified": "yesterday"})
        yield server


def test_another_version_is_noticed_without_fetching_it(copies, web):
    url = f"{web.url}/a/film.mp4"
    assert copies.has_changed(url), "there is no copy, and the server has one"
    assert not copies.has_changed(f"{web.url}/gone.mp4")
    assert not copies.has_changed("http://127.0.0.1:1/a.mp4"), "nobody answers"
    path = copies.fetch(url)
    assert not copies.has_changed(url)
    web.pages["/a/film.mp4"] = web_factory.Page(FILM + b"2", {"ETag": '"2"'})
    assert copies.has_changed(url)
    assert not LocalCopies(copies.cache, offline=True).has_changed(url)
    assert path.read_bytes() == FILM
    copies.fetch(url)
    assert not copies.has_changed(url)
    web.pages["/a/film.mp4"].status = 500
    assert not copies.has_changed(url)


def test_another_version_in_an_archive_is_noticed(copies, tmp_path):
    archive = tmp_path / "b.zip"
    for content in (b"one", b"three"):
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("a.mp4", content)
        address = f"zip://a.mp4::{archive}"
        assert copies.has_changed(address)
        copies.fetch(address)
        assert not copies.has_changed(address)
    assert not copies.has_changed(f"zip://b.mp4::{archive}")


def test_who_waits_hears_that_content_comes(copies, web):
    heard = []
    copies.fetch(f"{web.url}/a/film.mp4", lambda: heard.append(1))
    assert heard


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("a.mp4", "path"),
        ("c:/a.mp4", "path"),
        ("-", "stdin"),
        ("https://example.org/a.mp4?x=1//2", "web"),
        ("HTTP://example.org/a::b", "web"),
        ("http://[::1]:80/a.mp4", "web"),
        ("rtsp://camera/1", "live"),
        ("udp://127.0.0.1:9000", "live"),
        ("s3://bucket/a.mp4", "remote"),
        ("zip://a.mp4::b.zip", "remote"),
        ("simplecache::https://example.org/a.mp4", "remote"),
        ("file:///tmp/a.mp4", "path"),
    ],
)
def test_kinds_are_told_apart_by_what_was_typed(text, kind):
    assert kind_of(text) == kind


def test_a_file_that_is_called_like_an_address_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.makedirs("http:")
    (tmp_path / "http:" / "a.mp4").touch()
    assert kind_of("http://a.mp4") == "path"


def test_passwords_are_not_shown_and_odd_names_are_tamed():
    assert shown("https://me:secret@host/a.mp4") == "https://host/a.mp4"
    assert shown("zip://a.mp4::ftp://me:x@host/b.zip") == "zip://a.mp4::ftp://host/b.zip"
    assert file_name("https://host/x/my%20film%2Fa.mp4?token=1#t") == "a.mp4"
    assert file_name("https://me:x@host/") == "host"
    assert file_name("https://host/..%2f") == "video"
    assert file_name("https://host/.mp4") == "mp4"
    assert file_name("zip://in/a b.mp4::https://host/c.zip") == "a_b.mp4"
    assert len(file_name(f"https://host/{'x' * 300}.mp4")) == 80
    assert stem_of("https://me:x@host/a.mp4") == stem_of("https://host/a.mp4") != stem_of("https://other/a.mp4")


def test_an_address_is_fetched_once(copies, web):
    address = f"{web.url}/a/film.mp4"
    path = copies.fetch(address)
    assert (path.name, path.read_bytes()) == ("film.mp4", FILM)
    assert path == copies.place_of(address)
    said = []
    again = LocalCopies(copies.cache, progress=lambda name, size: said.append((name, size)))
    assert again.fetch(address) == path
    assert (said, len(web.asked)) == ([], 2)


def test_a_new_version_takes_the_place_of_the_old_one(copies, web):
    address = f"{web.url}/a/film.mp4"
    path = copies.fetch(address)
    web.pages["/a/film.mp4"] = web_factory.Page(b"new", {"ETag": '"2"'})
    said = []
    again = LocalCopies(copies.cache, progress=lambda name, size: said.append((name, size)))
    assert again.fetch(address) == path
    assert path.read_bytes() == b"new"
    assert said == [(address, 3)]


def test_a_server_without_versions_is_asked_for_the_content_each_time(copies, web):
    web.pages["/x.mp4"] = web_factory.Page(b"1")
    copies.fetch(f"{web.url}/x.mp4")
    web.pages["/x.mp4"] = web_factory.Page(b"2")
    assert copies.fetch(f"{web.url}/x.mp4").read_bytes() == b"2"


def test_a_copy_that_was_cut_short_is_fetched_again(copies, web):
    path = copies.fetch(f"{web.url}/a/film.mp4")
    path.write_bytes(FILM[:10])
    assert copies.fetch(f"{web.url}/a/film.mp4").read_bytes() == FILM


def test_offline_the_copy_of_the_last_time_is_read(copies, web):
    address = f"{web.url}/a/film.mp4"
    offline = LocalCopies(copies.cache, offline=True)
    with pytest.raises(InputError, match="was not fetched before") as info:
        offline.fetch(address)
    assert "without --offline" in info.value.hint
    copies.fetch(address)
    asked = len(web.asked)
    assert offline.fetch(address).read_bytes() == FILM
    assert len(web.asked) == asked


@pytest.mark.parametrize(
    ("page", "said", "hint"),
    [
        (web_factory.Page(status=404), "the server answered 404 Not Found", "check the address"),
        (web_factory.Page(status=503), "the server answered 503", "try again later"),
        (web_factory.Page(b""), "answered with 0 bytes", "check the address"),
        (web_factory.Page(b"\n <!DOCTYPE html><p>"), "is a web page, not a video", "the media file itself"),
        (web_factory.Page(b"<!-- x --><html>"), "is a web page, not a video", "the media file itself"),
        (web_factory.Page(FILM), "is larger than 1e-05 GB (0.00 GB)", "--max-download"),
        (web_factory.Page(FILM, length=False), "is larger than 1e-05 GB", "--max-download"),
        (web_factory.Page(FILM[:5000], cut=100), "the download was interrupted", "try again later"),
        (
            web_factory.Page(b"--f", {"Content-Type": "multipart/x-mixed-replace; boundary=f"}),
            "is a live stream",
            "posec3d live",
        ),
    ],
)
def test_what_a_server_does_not_deliver_is_said_in_one_line(cache, web, page, said, hint):
    web.pages["/x.mp4"] = page
    with pytest.raises(InputError) as info:
        LocalCopies(cache, 10_000).fetch(f"{web.url.replace('//', '//me:pw@')}/x.mp4")
    assert info.value.what.startswith(f"{web.url}/x.mp4")
    assert said in info.value.what
    assert hint in info.value.hint
    assert [path.name for path in cache.folder.rglob("*") if path.is_file() and path.name != ".lock"] == []


def test_a_server_that_is_gone_is_named_and_an_old_copy_offered(copies, web):
    address = f"{web.url}/a/film.mp4"
    copies.fetch(address)
    web.shutdown()
    web.server_close()
    with pytest.raises(InputError, match="cannot be reached") as info:
        copies.fetch(address)
    assert "--offline" in info.value.hint
    with pytest.raises(InputError, match="cannot be reached") as info:
        copies.fetch(f"{web.url}/other.mp4")
    assert info.value.hint == "try again later"


@pytest.mark.parametrize("address", ["http://", "http://[::1/a.mp4", "http://host:port/a.mp4"])
def test_an_address_that_is_none_is_refused(copies, address):
    with pytest.raises(InputError):
        copies.fetch(address)


def test_a_live_source_is_no_file(copies):
    with pytest.raises(InputError, match="rtsp://camera/1 is a live source"):
        copies.fetch("rtsp://me:secret@camera/1")


class Stdin:
    """Standard input that holds these bytes."""

    def __init__(self, content, terminal=False):
        self.buffer = io.BytesIO(content)
        self.buffer.isatty = lambda: terminal


def test_standard_input_is_stored_by_its_content(copies, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Stdin(FILM))
    path = copies.fetch("-")
    assert path.read_bytes() == FILM
    monkeypatch.setattr(sys, "stdin", Stdin(FILM))
    assert copies.fetch("-") == path
    monkeypatch.setattr(sys, "stdin", Stdin(b"other"))
    assert copies.fetch("-") != path
    assert path.exists()


@pytest.mark.parametrize(
    ("stdin", "limit", "said"),
    [
        (Stdin(b""), 100, "nothing came through it"),
        (Stdin(b"", terminal=True), 100, "nothing is piped into it"),
        (Stdin(FILM), 100, "- is larger than"),
    ],
)
def test_standard_input_that_holds_no_video_is_refused(cache, monkeypatch, stdin, limit, said):
    monkeypatch.setattr(sys, "stdin", stdin)
    with pytest.raises(InputError, match=said):
        LocalCopies(cache, limit).fetch("-")


@pytest.fixture
def archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "clips.zip", "w") as file:
        file.writestr("in/film.mp4", FILM)
        file.writestr("empty.mp4", b"")
    return tmp_path / "clips.zip"


def test_a_file_in_an_archive_is_fetched_once_also_offline(copies, archive):
    said = []
    offline = LocalCopies(copies.cache, offline=True, progress=lambda name, size: said.append(size))
    address = f"zip://in/film.mp4::{archive}"
    path = offline.fetch(address)
    assert (path.name, path.read_bytes()) == ("film.mp4", FILM)
    assert offline.fetch(address) == path
    assert said == [len(FILM)]


def test_what_an_archive_does_not_hold_is_said_in_one_line(cache, archive):
    wrong = {
        f"zip://gone.mp4::{archive}": "there is no such file",
        f"zip://a.mp4::{archive}.no": "there is no such file",
        f"zip://in::{archive}": "is a folder",
        f"zip://empty.mp4::{archive}": "is empty",
        f"zip://{archive}/in/film.mp4": "cannot be read",
        "nosuch://a.mp4": "of a kind that is not known",
    }
    for address, said in wrong.items():
        with pytest.raises(InputError) as info:
            LocalCopies(cache).fetch(address)
        assert said in info.value.what, address
        assert "\n" not in info.value.what
    with pytest.raises(InputError, match="is larger than"):
        LocalCopies(cache, 100).fetch(f"zip://in/film.mp4::{archive}")


def test_a_bucket_needs_a_package_and_offline_a_copy(copies, monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(StageUnavailable, match="needs a package that is not installed") as info:
        copies.fetch("s3://bucket/a.mp4")
    assert "posec3d-cli[remote]" in info.value.hint
    with pytest.raises(InputError, match="was not fetched before"):
        LocalCopies(copies.cache, offline=True).fetch("s3://bucket/a.mp4")
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(StageUnavailable, match=r"needs a package that is not installed: .*fsspec"):
        copies.fetch("s3://bucket/a.mp4")


def test_the_list_of_pictures_lies_at_one_place_and_follows_their_content(copies, tmp_path):
    folder = picture_factory.write(tmp_path / "frames", range(3))
    path = copies.list_pictures(folder, Fraction(25))
    before = path.stat().st_mtime_ns, path.read_bytes()
    assert copies.list_pictures(folder, Fraction(25)) == path
    assert (path.stat().st_mtime_ns, path.read_bytes()) == before
    assert copies.list_pictures(folder, Fraction(30)) != path
    picture_factory.write(folder, [3])
    assert copies.list_pictures(folder, Fraction(25)) == path
    assert path.read_bytes() != before[1]


def test_old_copies_make_room_and_recent_ones_stay(tmp_path, web):
    cache = SourceCache(tmp_path / "small", limit=len(FILM))
    copies = LocalCopies(cache)
    web.pages["/b.mp4"] = web_factory.Page(FILM)
    first, second = copies.fetch(f"{web.url}/a/film.mp4"), copies.fetch(f"{web.url}/b.mp4")
    assert first.exists()
    assert second.exists()
    yesterday = time.time() - 90_000
    os.utime(first.parent / "origin.json", (yesterday, yesterday))
    copies.fetch(f"{web.url}/b.mp4")
    assert not first.exists()
    assert second.exists()
    assert (len(cache.files()), cache.clear(), cache.files()) == (1, 1, [])


def test_a_cache_that_cannot_be_written_is_named(tmp_path, web):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        LocalCopies(SourceCache(tmp_path / "file")).fetch(f"{web.url}/a/film.mp4")
