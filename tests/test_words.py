"""Numbers in messages."""

from __future__ import annotations

from posec3d_cli.errors import are, counted, listed, together


def test_one_is_singular_and_all_others_are_plural():
    assert [counted(number, "clip") for number in (0, 1, 2)] == ["0 clips", "1 clip", "2 clips"]
    assert (counted(1, "class", "classes"), counted(2, "class", "classes")) == ("1 class", "2 classes")
    assert [are(number) for number in (0, 1, 2)] == ["are", "is", "are"]


def test_long_lists_are_cut_off_and_say_so():
    assert listed(["a", "b"]) == "a, b"
    assert listed(list("abcdefg")) == "a, b, c, d, e and 2 more"


def test_what_is_said_of_several_in_one_way_is_one_line():
    lost = [("a.mp4", "3 of 16 frames"), ("b.mp4", "12 of 16 frames"), ("c 4.mp4", "the mean is 0.25"), ("d.mp4", "x")]
    assert together(lost, "video") == [
        "2 videos: 3 to 12 of 16 frames: a.mp4, b.mp4",
        "c 4.mp4: the mean is 0.25",
        "d.mp4: x",
    ]
    assert together([("a.mp4", "1 frame"), ("a.mp4", "2 frame")], "video") == ["a.mp4: 1 frame", "a.mp4: 2 frame"]
    assert together([], "video") == []
