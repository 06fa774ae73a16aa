"""McNemar's exact test, against values worked out by hand and by the binomial sum."""

from __future__ import annotations

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posec3d_cli.evaluation.comparison import ComparedClassifier, PairedTest
from posec3d_cli.evaluation.predictions import ClipPrediction
from posec3d_cli.evaluation.report import EvaluationReport


def report(rights, prefix="clip"):
    """A report on as many clips, each right or not."""
    answers = [
        ClipPrediction(f"{prefix}{number}", "run", ((("run" if right else "jump"), 0.9),))
        for number, right in enumerate(rights)
    ]
    return EvaluationReport(("run", "jump"), tuple(answers))


def paired(only_first, only_other, both=0, neither=0):
    first = [True] * only_first + [False] * only_other + [True] * both + [False] * neither
    other = [False] * only_first + [True] * only_other + [True] * both + [False] * neither
    return PairedTest.of(report(first), report(other))


def test_clips_that_both_get_right_or_wrong_do_not_count():
    assert paired(5, 1) == paired(5, 1, both=100, neither=20)


@pytest.mark.parametrize(
    ("only_first", "only_other", "p"),
    [(0, 0, 1.0), (1, 0, 1.0), (5, 5, 1.0), (6, 0, 2 / 64), (0, 6, 2 / 64), (8, 1, 2 * 10 / 512), (3, 2, 1.0)],
)
def test_the_probability_is_the_exact_one(only_first, only_other, p):
    found = paired(only_first, only_other, both=3)
    assert (found.only_first, found.only_other) == (only_first, only_other)
    assert found.p == pytest.approx(p)


@given(st.integers(0, 40), st.integers(0, 40))
def test_it_is_twice_the_tail_of_the_binomial_distribution(only_first, only_other):
    total = only_first + only_other
    tail = sum(comb(total, k) for k in range(min(only_first, only_other) + 1)) / 2**total
    assert paired(only_first, only_other, neither=1).p == pytest.approx(min(1.0, 2 * tail))


def test_a_clip_without_a_person_is_a_mistake():
    nobody = EvaluationReport(("run", "jump"), (ClipPrediction("clip0", "run", ()),))
    assert PairedTest.of(report([True]), nobody).only_first == 1


@pytest.mark.parametrize("other", [report([True]), report([True, False], prefix="x")])
def test_reports_on_other_clips_are_refused(other):
    with pytest.raises(ValueError, match=r"the same clips|shorter"):
        PairedTest.of(report([True, False]), other)


def test_figures_have_the_test_of_all_but_the_first():
    first, other = report([True, False, True]), report([True, True, True])
    assert "mcnemar" not in ComparedClassifier("a", first).figures()
    figures = ComparedClassifier("b", other, PairedTest.of(first, other)).figures()
    assert (figures["classifier"], figures["top1"]) == ("b", 1.0)
    assert figures["mcnemar"] == {"only_first": 0, "only_this": 1, "p": 1.0}
