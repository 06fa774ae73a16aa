"""How well scores tell clips of other actions from clips of known ones."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posec3d_cli.evaluation.metrics import area_under_roc, count_below, wilson
from posec3d_cli.evaluation.open_set import OpenSetReport
from posec3d_cli.evaluation.predictions import ClipPrediction

SCORES = st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.7, 1.0]) | st.floats(0, 1), min_size=1, max_size=30)


def prediction(clip, ground_truth, *best):
    return ClipPrediction(clip, ground_truth, best, unknown=dict(best).get("unknown", 0.0))


KNOWN = (
    prediction("a", "sit", ("sit", 0.9), ("run", 0.1)),
    prediction("b", "sit", ("run", 0.8), ("sit", 0.2)),  # wrong: it can lose no correct answer
    prediction("c", "run", ("run", 0.5), ("sit", 0.3)),
    prediction("d", "run"),
)
OTHERS = (
    prediction("e", "dance", ("sit", 0.6), ("run", 0.4)),
    prediction("f", "dance", ("run", 0.4), ("sit", 0.3)),
    prediction("g", "swim"),
)


def test_the_area_under_the_curve_of_a_case_done_by_hand():
    # Of the six pairs, 0.9 is above both, 0.5 above one and equal to the other, 0.3 above none.
    assert area_under_roc([0.9, 0.5, 0.3], [0.5, 0.4]) == pytest.approx((2 + 1.5 + 0) / 6)
    assert area_under_roc([0.5], [0.5, 0.5]) == 0.5
    assert area_under_roc([1.0], [0.0]) == 1
    assert area_under_roc([0.0], [1.0]) == 0


@settings(deadline=None)  # the first example waits for the import of scipy
@given(SCORES, SCORES)
def test_the_area_is_the_share_of_pairs_in_order(positives, negatives):
    pairs = [(one > other) + (one == other) / 2 for one in positives for other in negatives]
    assert area_under_roc(positives, negatives) == pytest.approx(sum(pairs) / len(pairs))
    assert area_under_roc(negatives, positives) == pytest.approx(1 - sum(pairs) / len(pairs))


@pytest.mark.parametrize("lists", [([], [0.5]), ([0.5], []), ([[0.5]], [0.5])])
def test_an_area_needs_scores_of_both(lists):
    with pytest.raises(ValueError, match="both must be lists with at least one score"):
        area_under_roc(*lists)


@given(SCORES | st.just([]), st.lists(st.floats(0, 1), max_size=5))
def test_scores_below_a_threshold_are_counted(scores, thresholds):
    assert count_below(scores, thresholds) == [sum(one < least for one in scores) for least in thresholds]


def test_a_case_done_by_hand():
    report = OpenSetReport.of(KNOWN, OTHERS, 0.55)
    # The scores are 0.9, 0.8, 0.5 and 0 against 0.6, 0.4 and 0: of 12 pairs, 3 + 3 + 2 + half a pair.
    assert report.auroc == pytest.approx(8.5 / 12)
    assert report.no_person == ("g",)
    here = report.at(0.55)
    assert (here.unknown, here.others, here.lost, here.correct) == (2, 3, 1, 2)
    assert here.unknown_share == (2 / 3, wilson(2, 3))
    assert here.lost_share == (0.5, wilson(1, 2))
    assert [(report.at(least).unknown, report.at(least).lost) for least in (0, 0.4, 0.41, 0.6, 0.61, 1)] == [
        *((1, 0), (1, 0), (2, 0), (2, 1), (3, 1), (3, 2)),
    ]


def test_a_label_unknown_of_the_classifier_makes_answers_unknown_at_every_threshold():
    known = prediction("a", "sit", ("unknown", 0.5), ("sit", 0.4), ("run", 0.1))
    other = prediction("b", "dance", ("unknown", 0.6), ("run", 0.3), ("sit", 0.1))
    report = OpenSetReport.of([known], [other], 0.0)
    assert report.auroc == 1  # 4/9 against 3/9
    assert (report.at(0).unknown, report.at(0).lost, report.at(0).correct) == (1, 1, 1)


def test_what_is_likely_unknown_scores_less_than_a_less_probable_action_that_is_not():
    known = prediction("a", "sit", ("sit", 0.4), ("run", 0.35), ("unknown", 0.1))
    other = prediction("b", "dance", ("run", 0.5), ("unknown", 0.45))
    assert (known.score, other.score) == (pytest.approx(0.8), pytest.approx(0.5 / 0.95))
    assert OpenSetReport.of([known], [other], 0.0).auroc == 1


def test_clips_with_the_label_unknown_are_no_known_actions():
    background = prediction("a", "unknown", ("unknown", 0.9), ("sit", 0.1))
    assert OpenSetReport.of([background, *KNOWN], OTHERS, 0.0).known == KNOWN
    nothing = OpenSetReport.of([background], OTHERS, 0.0)
    assert (nothing.auroc, nothing.at(0.5).lost_share) == (None, None)
    assert nothing.figures()["lost"] is None


def test_json_has_the_curve_with_intervals():
    found = json.loads(json.dumps(OpenSetReport.of(KNOWN, OTHERS, 0.55).figures(), allow_nan=False))
    assert (found["clips"], found["known_clips"], found["no_person"], found["auroc"]) == (3, 4, ["g"], 0.7083)
    assert (found["min_score"], found["unknown"], found["lost"]) == (0.55, 0.6667, 0.5)
    assert found["unknown_interval"] == [round(edge, 4) for edge in wilson(2, 3)]
    assert [one["min_score"] for one in found["curve"]] == [round(step / 100, 2) for step in range(101)]
    assert found["curve"][55] == {name: found[name] for name in found["curve"][55]}


@settings(deadline=None)
@given(SCORES, SCORES)
def test_a_larger_threshold_never_answers_more(known, others):
    report = OpenSetReport.of(
        [prediction(f"k{n}", "sit", ("sit", score)) for n, score in enumerate(known)],
        [prediction(f"o{n}", "dance", ("sit", score)) for n, score in enumerate(others)],
        0.0,
    )
    steps = report._at([0, 0.2, 0.5, 0.9, 1])
    for counts in ([one.unknown for one in steps], [one.lost for one in steps]):
        assert counts == sorted(counts)
    assert (steps[0].unknown, steps[0].lost) == (0, 0)
    assert steps[2].unknown == sum(round(score, 6) < 0.5 for score in others)
    assert not math.isnan(report.auroc)
