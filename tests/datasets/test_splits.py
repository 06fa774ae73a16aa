"""Parting labelled clips, and naming what they have in common."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posec3d_cli.datasets.clips import (
    ANNOTATED,
    ESTIMATED,
    RECORDED,
    TRAINING,
    VALIDATION,
    LabeledClip,
    apply_label_map,
)
from posec3d_cli.datasets.splits import group_of, split
from posec3d_cli.errors import BadDataset

NOTHING = np.zeros((1, 1, 17, 2), np.float32), np.zeros((1, 1, 17), np.float32)


def clip(name, label, group, origin=ESTIMATED):
    return LabeledClip(name, label, group, origin, *NOTHING, 30.0)


@st.composite
def clips(draw):
    kinds = st.tuples(st.sampled_from("abcd"), st.integers(0, 6), st.sampled_from([ESTIMATED, ANNOTATED, RECORDED]))
    drawn = draw(st.lists(kinds, min_size=1, max_size=40))
    return [clip(str(number), label, f"g{group}", origin) for number, (label, group, origin) in enumerate(drawn)]


@settings(deadline=None, max_examples=60)
@given(clips(), st.floats(0, 1), st.integers(0, 5))
def test_parting_keeps_its_promises(labeled_clips, share, seed):
    training, validation = split(labeled_clips, share, seed)
    assert sorted(one.name for one in (*training, *validation)) == sorted(one.name for one in labeled_clips)
    assert all(one.origin != RECORDED for one in validation)
    learned = {one.group for one in training if one.origin != RECORDED}
    assert learned.isdisjoint(one.group for one in validation)
    filmed = Counter(one.label for one in labeled_clips if one.origin != RECORDED)
    for label, held in Counter(one.label for one in validation).items():
        assert held <= round(share * filmed[label])
    assert {one.label for one in training} == {one.label for one in labeled_clips}
    again = split(labeled_clips, share, seed)
    assert [[one.name for one in part] for part in again] == [
        [one.name for one in part] for part in (training, validation)
    ]


def test_every_label_is_validated_where_its_groups_allow_it():
    labeled_clips = [clip(f"{label}{n}", label, f"{label}{n // 2}") for label in "abc" for n in range(20)]
    _, validation = split(labeled_clips, 0.2, 0)
    assert Counter(one.label for one in validation) == {"a": 4, "b": 4, "c": 4}


def test_another_seed_parts_otherwise():
    labeled_clips = [clip(f"{label}{n}", label, f"{label}{n}") for label in "abc" for n in range(20)]
    parts = {tuple(one.name for one in split(labeled_clips, 0.2, seed)[1]) for seed in range(5)}
    assert len(parts) == 5


def test_a_source_with_the_only_clip_of_another_label_is_never_held_out():
    labeled_clips = [clip(f"a{n}", "a", f"a{n}") for n in range(10)] + [clip("b", "b", "a3")]
    training, validation = split(labeled_clips, 0.9, 0)
    assert sorted(one.name for one in training) == ["a3", "b"]
    assert len(validation) == 9


def test_labels_get_their_joint_names_and_an_empty_name_leaves_out():
    labeled_clips = [clip("1", "stroll", "g"), clip("2", "rest", "g"), clip("3", "run", "g")]
    actions = {("here", "stroll"): "walk", ("here", "rest"): "", ("there", "run"): "sprint"}
    assert [(one.name, one.label) for one in apply_label_map(labeled_clips, actions, "here")] == [
        ("1", "walk"),
        ("3", "run"),
    ]


@pytest.mark.parametrize(
    ("name", "label", "pattern", "group"),
    [
        ("walk/My_Film_walk_f_cm_np1_3.avi", "walk", None, "My_Film"),
        ("walk/clip 1.mp4", "walk", None, "walk/clip 1.mp4"),
        ("run/clip 1.mp4", "run", None, "run/clip 1.mp4"),
        ("walk/s03_a2.mp4", "walk", r"s\d+", "s03"),
        ("walk/s03_a2.mp4", "walk", r"s(\d+)_", "03"),
        ("s1/s03_a2.mp4", "walk", r"s(\d+)", "03"),
    ],
)
def test_the_source_of_a_clip_is_found_in_its_name(name, label, pattern, group):
    assert group_of(name, label, pattern) == group


@pytest.mark.parametrize("pattern", [r"x(\d)", r"clip(x)?", "("])
def test_a_pattern_that_finds_nothing_is_refused(pattern):
    with pytest.raises(BadDataset, match="grouping pattern"):
        group_of("walk/clip.mp4", "walk", pattern)


def test_clips_whose_part_is_settled_are_in_it_and_the_others_are_drawn():
    settled = [replace(clip(f"t{n}", "walk", f"t{n}"), part=TRAINING) for n in range(3)]
    settled += [replace(clip(f"v{n}", "walk", f"v{n}"), part=VALIDATION) for n in range(2)]
    free = [clip(str(n), "walk", str(n)) for n in range(10)]
    learned, held = split([*settled, *free], 0.3, 0)
    names = {one.name for one in held}
    assert {"v0", "v1"} <= names
    assert names.isdisjoint({"t0", "t1", "t2"})
    assert (len(held), len(learned)) == (5, 10)
    assert [one.name for one in split(settled, 0.9, 0)[1]] == ["v0", "v1"]


def test_what_shares_a_source_with_a_clip_to_learn_from_is_not_drawn():
    learned = [replace(clip("t", "walk", "film"), part=TRAINING)]
    free = [clip(str(n), "walk", "film") for n in range(4)]
    assert split([*learned, *free], 0.5, 0)[1] == []


def test_a_star_renames_the_label_of_every_source_that_is_not_named_itself():
    table = {("*", "golf"): "golf_swing", ("one", "golf"): "swing"}
    labeled_clips = [clip("a", "golf", "a")]
    assert [one.label for one in apply_label_map(labeled_clips, table, "one")] == ["swing"]
    assert [one.label for one in apply_label_map(labeled_clips, table, "two")] == ["golf_swing"]
