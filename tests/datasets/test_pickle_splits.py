"""Which splits of a dataset pickle are learnt from and validated on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from posec3d_cli.datasets.clips import TRAINING, VALIDATION
from posec3d_cli.datasets.splits import Splits, subsets_of
from posec3d_cli.errors import BadPoseFile

PACK = Path("pack.pkl")


def parts(splits, asked=Splits()):  # noqa: B008 - a frozen value
    found = subsets_of(splits, asked, PACK)
    return "".join({TRAINING: "t", VALIDATION: "v", "": "?", None: "-"}[found.of(name)] for name in "abcd")


@pytest.mark.parametrize(
    ("splits", "expected"),
    [
        ({"train": ["a", "b"], "val": ["c"]}, "ttv-"),
        ({"train": ["a"], "test": ["b"]}, "tv--"),
        ({"train": ["a"], "val": ["b"], "test": ["c"]}, "tv--"),
        ({"Train": ("a",), "validation": {"b"}}, "tv--"),
        ({"train": ["a"], "val": [], "test": ["c"]}, "t-v-"),
        ({"train": np.array(["a", "b"]), "val": np.array(["c"])}, "ttv-"),
        ({"train": ["a"], "val": None, "test": frozenset({"c"})}, "t-v-"),
        ({"train": ["a", "b"]}, "????"),
        ({"all": ["a", "b"]}, "????"),
        ({"xsub_train": ["a"], "xsub_val": ["b"]}, "????"),
        (None, "????"),
    ],
)
def test_train_and_val_or_else_test_are_taken_where_a_dataset_pickle_has_both(splits, expected):
    assert parts(splits) == expected


SPLITS = {"train": ["a"], "val": ["b"], "test": ["c"], "s1": ["a", "d"], "s2": ["b"]}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (Splits("s1", "s2"), "tv-t"),
        (Splits(val="test"), "t-v-"),
        (Splits(train="s1"), "tv-t"),
        (Splits(train="val"), "-?--"),
    ],
)
def test_others_can_be_asked_for(asked, expected):
    splits = SPLITS if asked.train != "val" else {"val": ["b"]}
    assert parts(splits, asked) == expected


def test_without_a_split_to_learn_from_all_others_are_learnt_from():
    assert parts({"held": ["b"]}, Splits(val="held")) == "tvtt"


def test_what_was_taken_is_said():
    said = subsets_of({"train": ["a", "b"], "val": ["c"], "test": ["d"]}, Splits(), PACK).note
    assert said == (
        "pack.pkl: its split train (2 clips) is for training, its split val (1 clip) is for validation, "
        "clips that are only in test are left out"
    )
    assert "xsub_train, xsub_val" in subsets_of({"xsub_train": ["a"], "xsub_val": ["b"]}, Splits(), PACK).note
    assert subsets_of({"all": ["a"]}, Splits(), PACK).note == ""


def test_what_contradicts_itself_is_refused():
    with pytest.raises(BadPoseFile, match="1 clip in both splits, train and val, the first is 'a'"):
        subsets_of({"train": ["a"], "val": ["a"]}, Splits(), PACK)
    with pytest.raises(BadPoseFile, match="no split 'x'") as caught:
        subsets_of(SPLITS, Splits(train="x"), PACK)
    assert "train, val" in caught.value.hint
    with pytest.raises(BadPoseFile, match="a split names 1 clip, the first is 'b', and the pickle has none"):
        subsets_of({"train": ["a"], "val": ["b"]}, Splits(), PACK).lacking(["a", "c"], PACK)
    with pytest.raises(BadPoseFile, match="its split 'train' must be a list of names of clips, got 'a'"):
        subsets_of({"train": "a", "val": ["b"]}, Splits(), PACK)


def test_clips_that_a_split_names_and_the_dataset_pickle_lacks_are_said():
    said = subsets_of({"train": ["a", "x", "y"], "val": ["b"]}, Splits(), PACK).lacking(["a", "b"], PACK)
    assert said == "pack.pkl lacks 2 of the 3 clips that a split names ('x')"
    assert subsets_of({"train": ["a"], "val": ["b"]}, Splits(), PACK).lacking(["a", "b"], PACK) == ""
