"""Segments of windows: what is one segment, and where windows overlap."""

from __future__ import annotations

from posec3d_cli.annotations.predicted import predicted_segments
from posec3d_cli.batch.saved_results import SavedAnswer, SavedResult


def result(*answers, **more):
    return SavedResult("a.mp4", None, "ok", answers=tuple(SavedAnswer(*one) for one in answers), **more)


def spans(*answers, frames=100, **more):
    return [
        (one.label, one.start, one.stop, one.person) for one in predicted_segments(result(*answers), frames, **more)
    ]


def test_windows_of_one_answer_are_one_segment_with_their_mean_score():
    (one,) = predicted_segments(result((0, 50, "run", 0.5), (25, 75, "run", 1.0)), 100)
    assert (one.start, one.stop, one.score, one.reviewed) == (0, 75, 0.75, False)


def test_where_two_answers_overlap_the_border_is_in_the_middle():
    assert spans((0, 50, "run", 0.9), (25, 75, "jump", 0.9), (50, 100, "run", 0.9)) == [
        ("run", 0, 37, ""), ("jump", 37, 62, ""), ("run", 62, 100, ""),
    ]  # fmt: skip


def test_windows_apart_stay_apart_and_people_have_segments_of_their_own():
    answers = (0, 10, "run", 0.9, "1"), (20, 30, "run", 0.9, "1"), (0, 30, "run", 0.9, "2")
    assert spans(*answers) == [("run", 0, 10, "1"), ("run", 0, 30, "2"), ("run", 20, 30, "1")]


def test_no_segment_goes_beyond_the_video():
    assert spans((0, 50, "run", 0.9), frames=40) == [("run", 0, 40, "")]


def test_what_scores_too_little_is_unknown():
    assert spans((0, 10, "run", 0.4), (10, 20, "run", 0.9), min_score=0.5) == [
        ("unknown", 0, 10, ""),
        ("run", 10, 20, ""),
    ]


def test_without_windows_the_answer_is_about_the_whole_video():
    (one,) = predicted_segments(SavedResult("a.mp4", None, "ok", "run", (("run", 0.7),)), 30)
    assert (one.label, one.start, one.stop, one.score) == ("run", 0, 30, 0.7)


def test_a_correction_is_ground_truth_about_the_whole_video():
    (one,) = predicted_segments(result((0, 10, "run", 0.4), corrected="jump"), 30)
    assert (one.label, one.start, one.stop, one.score, one.reviewed) == ("jump", 0, 30, None, True)


def test_nobody_has_no_segment():
    assert predicted_segments(SavedResult("a.mp4", None, "no_person"), 30) == []
