"""What a file must be: whole hashes, beginnings of hashes, pins."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posec3d_cli.errors import OutputError, WeightsCorrupt
from posec3d_cli.files.digests import sha256_of
from posec3d_cli.hub.cards import WeightFile
from posec3d_cli.hub.checksums import (
    Expected,
    expected_of,
    read_recorded_checksum,
    recorded_checksum_path,
    write_recorded_checksum,
)

DIGITS = st.text("0123456789abcdef", min_size=64, max_size=64)
SOURCES = ("https://host.example/w.bin",)


def test_a_file_is_hashed_as_sha256sum_does(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_of(tmp_path / "abc") == expected


@given(sha256=DIGITS, other=DIGITS, length=st.integers(0, 64))
def test_a_content_fits_exactly_when_its_hash_begins_so(sha256, other, length):
    wanted = Expected(sha256[:length])
    assert wanted.fits(sha256)
    assert wanted.fits(other) == all(a == b for a, b in zip(sha256[:length], other, strict=False))
    assert wanted.whole == (length == 64)


@given(body=st.binary(max_size=50), length=st.integers(1, 63))
def test_the_digits_in_a_published_name_are_those_that_its_content_begins_with(body, length):
    sha256 = hashlib.sha256(body).hexdigest()
    file = WeightFile("w", sources=SOURCES, sha256_prefix=sha256[:length])
    assert expected_of(file).fits(sha256)
    wrong = f"{sha256[: length - 1]}{(int(sha256[length - 1], 16) + 1) % 16:x}"
    assert not expected_of(WeightFile("w", sources=SOURCES, sha256_prefix=wrong)).fits(sha256)


@given(sha256=DIGITS, size=st.integers(0, 2**50))
def test_a_pin_is_read_as_it_was_written(tmp_path_factory, sha256, size):
    file = tmp_path_factory.mktemp("pin") / "w.bin"
    assert read_recorded_checksum(file) is None
    write_recorded_checksum(file, sha256, size)
    assert read_recorded_checksum(file) == Expected(sha256, size, recorded_checksum_path(file))
    assert [path.name for path in file.parent.iterdir()] == ["w.bin.sha256"]


def test_a_card_that_knows_goes_before_a_pin_and_the_first_pin_before_the_second(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    write_recorded_checksum(first, "1" * 64, 1)
    write_recorded_checksum(second, "2" * 64, 2)
    known = WeightFile("w", sha256="3" * 64, size=3, sources=SOURCES)
    unknown = WeightFile("w", sources=SOURCES, sha256_prefix="ab")
    assert expected_of(known, [first]).sha256 == "3" * 64
    assert expected_of(unknown, [tmp_path / "none", first, second]).sha256 == "1" * 64
    assert expected_of(unknown, [second, first]).size == 2
    assert expected_of(unknown, [tmp_path / "none"]) == Expected("ab")


@pytest.mark.parametrize("text", ["", "abc 3\n", "A" * 64, "a" * 65, "a" * 64 + " 3\n" + "b" * 64 + " 4\n", "é"])
def test_a_damaged_pin_is_refused_with_its_name(tmp_path, text):
    recorded_checksum_path(tmp_path / "w.bin").write_text(text, encoding="utf-8")
    with pytest.raises(WeightsCorrupt, match="holds no sha256") as caught:
        read_recorded_checksum(tmp_path / "w.bin")
    assert str(tmp_path / "w.bin.sha256") in caught.value.what
    assert "delete it" in caught.value.hint


@pytest.mark.parametrize("text", ["{0}  w.bin\n", "{0} *3 w.bin\n", "{0}\n", "{0}"])
def test_what_sha256sum_writes_is_a_pin_without_a_size(tmp_path, text):
    recorded_checksum_path(tmp_path / "w.bin").write_text(text.format("a" * 64))
    assert read_recorded_checksum(tmp_path / "w.bin") == Expected("a" * 64, None, tmp_path / "w.bin.sha256")


def test_a_pin_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("no")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OutputError, match="no"):
        write_recorded_checksum(tmp_path / "w.bin", "1" * 64, 1)
    assert list(tmp_path.iterdir()) == []
