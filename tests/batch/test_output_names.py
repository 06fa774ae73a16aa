"""Files that are made of several inputs never get one name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posec3d_cli.batch.output_names import without_suffixes


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["deadlift.mp4"], ["deadlift"]),
        (["a/clip.mp4", "b/clip.mp4"], ["a/clip", "b/clip"]),
        (["clip.mp4", "clip.avi", "other.avi"], ["clip.mp4", "clip.avi", "other"]),
        (["Clip.mp4", "clip.avi"], ["Clip.mp4", "clip.avi"]),
        (["a.mp4", "a.avi", "a.mp4.avi"], ["a.mp4", "a.avi", "a.mp4.avi"]),
        (["a.mp4", "a.mp4.avi"], ["a", "a.mp4.avi"]),
        (["clip", "clip.mp4"], ["clip", "clip.mp4"]),
        ([".hidden", "take.1", "take.2"], [".hidden", "take.1", "take.2"]),
        (["clip.mp4", "clip.mp4"], ["clip", "clip"]),
        ([], []),
    ],
)
def test_a_suffix_goes_unless_it_tells_two_apart(names, expected):
    assert without_suffixes(names) == expected


parts = st.text("abA.", min_size=1, max_size=5).filter(lambda part: set(part) != {"."})


@given(st.lists(parts, unique_by=str.casefold), st.randoms(use_true_random=False))
def test_different_names_stay_different_and_the_order_does_not_matter(names, random):
    found = without_suffixes(names)
    assert len({one.casefold() for one in found}) == len(names)
    shuffled = list(names)
    random.shuffle(shuffled)
    assert dict(zip(shuffled, without_suffixes(shuffled), strict=True)) == dict(zip(names, found, strict=True))
