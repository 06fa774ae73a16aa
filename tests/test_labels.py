"""Labels that look alike are one label, and those that are nearly alike are told."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posec3d_cli.labels import clean_label, near_labels


@pytest.mark.parametrize(
    "written", ["run\nfast", "run  fast", "run\u00a0fast", "ru\u200bn fast", "run\t\ufefffa\u00adst"]
)
def test_a_label_is_one_line_with_single_blanks_and_nothing_unseen(written):
    assert clean_label(written) == "run fast"


def test_marks_that_join_letters_stay_between_them():
    assert clean_label("\u200cمی\u200cخواهم\u200d") == "می\u200cخواهم"


@pytest.mark.parametrize(
    "written", ["squat", " squat", "squat ", "squat\t", "\u00a0squat", "\ufeffsquat", "squat\u200b "]
)
def test_blanks_and_invisible_marks_around_a_label_are_no_part_of_it(written):
    assert clean_label(written) == "squat"


def test_the_two_spellings_of_an_accent_are_one():
    parted = unicodedata.normalize("NFD", "développé")
    assert parted != "développé"
    assert clean_label(parted) == "développé"


@given(st.text())
def test_what_is_clean_stays_as_it_is(text):
    assert clean_label(clean_label(text)) == clean_label(text)


def test_labels_that_differ_in_case_blanks_and_marks_are_together():
    labels = ["jumping_jacks", "Jumping jacks", "jumping-jacks", "squat", "squats", "Über", "über"]
    assert near_labels(labels) == [("Jumping jacks", "jumping-jacks", "jumping_jacks"), ("Über", "über")]
    assert near_labels(["squat", "squat"]) == []
    assert near_labels(["-", "_"]) == []
