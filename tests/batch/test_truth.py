"""What the labels of a run are worth, with and without answers that are unknown."""

from __future__ import annotations

import numpy as np
import pytest

from posec3d_cli.batch.truth import compare
from posec3d_cli.output import with_answers


def outcome(video, *labels, least=0.5):
    """The entry of a clip whose best actions have these probabilities."""
    best = [{"label": label, "probability": probability} for label, probability in labels]
    found = {"video": video, "status": "ok" if best else "no_person", "labels": best, "people": [], "windows": []}
    return with_answers(found, least), 1.0


ANSWERS = [
    outcome("a", ("run", 0.9), ("walk", 0.1)),
    outcome("b", ("run", 0.6), ("walk", 0.4)),
    outcome("c", ("run", 0.4), ("walk", 0.3)),
    outcome("d", ("walk", 0.45), ("run", 0.3)),
    outcome("e"),
    ({"video": "f", "status": "failed", "error": {"what": "broken"}}, 1.0),
]
TRUTH = {"a": "run", "b": "walk", "c": "run", "d": "run", "e": "walk", "f": "run"}


def test_an_unknown_is_wrong_even_if_its_best_guess_is_right():
    compared = compare(ANSWERS, TRUTH, ("run", "walk"))
    report = compared.report
    assert (compared.failed, compared.unknown, compared.named, compared.right) == (1, 2, 2, 1)
    assert report.labels == ("run", "walk", "unknown")
    assert report.confusion.tolist() == [[1, 0, 2], [1, 0, 0], [0, 0, 0]]
    assert (report.clips, report.top1, report.top5) == (5, 0.2, 4)
    assert report.mean_class == pytest.approx((1 / 3 + 0) / 2)
    assert [(one.clip, one.truth, one.label) for one in report.wrong][1:] == [
        ("c", "run", "unknown"),
        ("d", "run", "unknown"),
        ("e", "walk", ""),
    ]


def test_without_unknown_answers_there_is_no_such_column():
    compared = compare([(with_answers(entry, 0.0), seconds) for entry, seconds in ANSWERS[:2]], TRUTH, ("run", "walk"))
    assert compared.report.labels == ("run", "walk")
    assert (compared.unknown, compared.named, compared.right) == (0, 2, 1)


def test_unknown_is_right_where_the_table_says_so():
    compared = compare(ANSWERS[2:4], {"c": "unknown", "d": "walk"}, ("run", "walk"))
    assert compared.report.top1 == 0.5
    assert compared.report.top5 == 2
    assert (compared.unknown, compared.named, compared.right) == (2, 0, 0)


def test_a_class_that_is_called_unknown_is_an_action_like_others():
    answers = [outcome("a", ("unknown", 0.9), ("run", 0.1)), outcome("b", ("run", 0.4), ("unknown", 0.3))]
    compared = compare(answers, {"a": "unknown", "b": "run"}, ("run", "unknown"))
    assert np.array_equal(compared.report.confusion, [[0, 1], [0, 1]])
    assert (compared.unknown, compared.named, compared.right) == (1, 1, 1)
