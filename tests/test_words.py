"""Numbers in messages."""

from __future__ import annotations

from posec3d_cli.words import are, counted


def test_one_is_singular_and_all_others_are_plural():
    assert [counted(number, "clip") for number in (0, 1, 2)] == ["0 clips", "1 clip", "2 clips"]
    assert (counted(1, "class", "classes"), counted(2, "class", "classes")) == ("1 class", "2 classes")
    assert [are(number) for number in (0, 1, 2)] == ["are", "is", "are"]
