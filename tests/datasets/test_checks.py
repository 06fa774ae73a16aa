"""What is wrong with clips is found before anything is learnt from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import synthetic_people as people
from hypothesis import given
from hypothesis import strategies as st

from posec3d_cli.datasets.checks import ClassClips, check_dataset, digest, find_duplicates, summarize_notes
from posec3d_cli.datasets.clips import BACKGROUND, RECORDED, TRAINING, VALIDATION
from posec3d_cli.datasets.labeled_dataset import UnreadableClip
from posec3d_cli.errors import BadDataset


def nobody(name, label="arms"):
    clip = people.labeled_clip("arms")
    return replace(clip, name=name, label=label, scores=np.zeros_like(clip.scores))


def test_good_clips_are_all_kept():
    good = people.labeled_clips(2)
    report = check_dataset(good)
    report.check()
    assert report.clips == tuple(good)
    assert report.classes == (ClassClips("arms", 2, 2, 0, 0, 0, 0, 0), ClassClips("legs", 2, 2, 0, 0, 0, 0, 0))
    assert report.left_out == {}
    assert report.notes == ()


def test_what_was_left_out_of_files_is_said_of_the_first_clips_and_counted():
    good = people.labeled_clips(2)
    noted = replace(good[0], notes=("half of it counts",))
    assert check_dataset([noted, *good[1:]]).notes == (f"{noted.name}: half of it counts",)
    said = summarize_notes([noted] * 9)
    assert (len(said), said[-1]) == (6, "and 4 more notes of this kind")


def test_clips_that_teach_nothing_are_left_out_with_the_reason():
    good = people.labeled_clips(2)
    brief = people.labeled_clip("legs", 9, frames=7)
    report = check_dataset([*good, nobody("empty"), brief], [UnreadableClip("bad", "wave", "it is no video")])
    assert report.clips == tuple(good)
    assert report.left_out == {
        "bad": "it is no video",
        "empty": "no person was found",
        brief.name: "it has 7 frames, fewer than 8",
    }
    assert report.classes == (
        ClassClips("arms", given=3, usable=2, nobody=1, unreadable=0, short=0, duplicates=0, contradicting=0),
        ClassClips("legs", given=3, usable=2, nobody=0, unreadable=0, short=1, duplicates=0, contradicting=0),
        ClassClips("wave", given=1, usable=0, nobody=0, unreadable=1, short=0, duplicates=0, contradicting=0),
    )
    assert report.notes == ("wave has no usable clip and will not be trained",)


def test_of_copies_one_is_kept():
    good = people.labeled_clips(2)
    copy = replace(good[0], name="copy", keypoints=good[0].keypoints.copy())
    report = check_dataset([*good, copy])
    assert report.clips == tuple(good)
    assert report.left_out == {"copy": f"its poses are those of {good[0].name}"}
    assert [one.duplicates for one in report.classes] == [1, 0]


def test_the_same_poses_under_two_labels_teach_neither():
    good = people.labeled_clips(2)
    twice = replace(good[0], name="twice")
    other = replace(good[0], name="other", label="legs")
    report = check_dataset([*good, twice, other])
    assert report.clips == tuple(good[1:])
    assert report.left_out == {
        good[0].name: "its poses are those of other, which is labelled legs, and it arms",
        "twice": "its poses are those of other, which is labelled legs, and it arms",
        "other": f"its poses are those of {good[0].name}, which is labelled arms, and it legs",
    }
    assert [(one.contradicting, one.duplicates) for one in report.classes] == [(2, 0), (1, 0)]


def test_clips_of_nobody_are_no_copies_of_each_other():
    report = check_dataset([nobody("a", "arms"), nobody("b", "legs")])
    assert [one.nobody for one in report.classes] == [1, 1]


def test_a_class_that_cannot_be_validated_is_named():
    arms, legs = people.labeled_clips(3)[:3], people.labeled_clips(3)[3:]
    assert check_dataset([arms[0], *legs]).notes == ("arms has one usable clip: it can be trained but not validated",)
    together = [replace(one, group="film") for one in arms]
    [finding] = check_dataset([*together, *legs]).notes
    assert finding == "the 3 usable clips of arms are of one source: it can be trained but not validated"
    recorded = [replace(one, origin=RECORDED) for one in arms]
    [finding] = check_dataset([*recorded, *legs]).notes
    assert finding == "arms has only 3D recordings: it can be trained but not validated"


def test_one_action_cannot_be_told_apart():
    report = check_dataset([people.labeled_clip("arms"), nobody("a", "legs")])
    assert [one.usable for one in report.classes] == [1, 0]
    with pytest.raises(BadDataset, match="at least two labels, got arms"):
        report.check()
    with pytest.raises(BadDataset, match="got none"):
        check_dataset([]).check()


def test_unknown_is_no_action():
    arms, other = people.labeled_clip("arms"), replace(people.labeled_clip("legs"), label=BACKGROUND)
    report = check_dataset([arms, other])
    assert report.clips == (arms, other)
    assert report.notes == ("arms has one usable clip: it can be trained but not validated",)
    with pytest.raises(BadDataset, match="got arms"):
        report.check()
    check_dataset([arms, other, people.labeled_clip("legs", 1)]).check()


def test_labels_that_are_nearly_the_same_are_named():
    clips = [replace(one, label="Arms ") for one in people.labeled_clips(4)[:2]]
    report = check_dataset(
        [*people.labeled_clips(2, source="other"), *clips, replace(people.labeled_clip("arms", 9), label="Unknown")]
    )
    assert [text for text in report.notes if "differ" in text] == [
        "the labels 'Arms ', 'arms' differ in nothing but case, blanks and marks, and are different actions here; "
        "--label-map gives them one name",
        "the labels 'Unknown', 'unknown' differ in nothing but case, blanks and marks, and are different actions here; "
        "--label-map gives them one name",
    ]


def test_settled_parts_say_what_can_be_validated():
    arms, legs = people.labeled_clips(3)[:3], people.labeled_clips(3)[3:]
    parts = [replace(one, part=TRAINING) for one in arms] + [replace(legs[0], part=VALIDATION), *legs[1:]]
    assert check_dataset(parts).notes == ("arms has no clip to validate on",)


def test_what_is_only_to_be_validated_on_is_left_out():
    clips = [replace(people.labeled_clip("arms", 9), label="wave", part=VALIDATION), *people.labeled_clips(2)]
    report = check_dataset(clips)
    assert report.left_out == {clips[0].name: "it is a validation clip, and no training clip has the label wave"}
    assert [one.validation_only for one in report.classes] == [0, 0, 1]


def test_only_poses_of_somebody_are_repeated():
    clips = [
        nobody("a", "arms"),
        nobody("b", "legs"),
        people.labeled_clip("arms"),
        replace(people.labeled_clip("arms"), name="c"),
    ]
    assert find_duplicates(clips) == {"c": ("duplicates", "its poses are those of synthetic/arms_0")}


def test_where_a_joint_that_was_not_found_lies_means_nothing():
    clip = people.labeled_clip("arms")
    scores = clip.scores.copy()
    scores[0, 3, 5] = 0
    moved = clip.keypoints.copy()
    moved[0, 3, 5] = 9
    unseen = replace(clip, scores=scores)
    assert digest(unseen) == digest(replace(unseen, keypoints=moved))
    assert digest(clip) != digest(replace(clip, keypoints=moved))
    assert digest(clip) != digest(unseen)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3),
            st.sampled_from(["arms", "legs", "wave", BACKGROUND]),
            st.sampled_from(["good", "good", "empty", "short", "bad"]),
        ),
        max_size=12,
    )
)
def test_every_clip_is_counted_once_and_no_poses_stand_twice(clips):
    labeled_clips, unreadable = [], []
    for number, (poses, label, state) in enumerate(clips):
        one = people.labeled_clip("arms", poses, frames=5 if state == "short" else 9)
        one = replace(one, name=str(number), label=label)
        if state == "bad":
            unreadable.append(UnreadableClip(one.name, label, "broken"))
        else:
            labeled_clips.append(replace(one, scores=one.scores * (state != "empty")))
    report = check_dataset(labeled_clips, unreadable)
    for one in report.classes:
        parts = vars(one)
        assert one.given == sum(parts[name] for name in parts if name not in ("label", "given"))
    assert sum(one.given for one in report.classes) == len(clips)
    assert {one.name for one in report.clips} | report.left_out.keys() == {str(n) for n in range(len(clips))}
    assert len({digest(one) for one in report.clips}) == len(report.clips)
    # Poses are left out altogether only where two labels claim them.
    good = {}
    for poses, label, state in clips:
        if state == "good":
            good.setdefault(poses, set()).add(label)
    assert len(report.clips) == sum(len(labels) == 1 for labels in good.values())
