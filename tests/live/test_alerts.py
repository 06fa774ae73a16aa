"""Alerts: one per person and action that begins, and no storms."""

from __future__ import annotations

from live_fakes import answer

from posec3d_cli.live.alerts import AlertRules


def told(rules, *answers):
    """Who begins what, in which answer, and whether it was sent."""
    return [
        (number, alert.person, alert.label, alert.sent)
        for number, one in enumerate(answers)
        for alert in rules.update(one)
    ]


def series(labels, step=1.0, who="p1", start=0.0):
    return [answer(start + step * number, **({who: label} if label else {})) for number, label in enumerate(labels)]


def test_an_action_rings_once_when_it_was_named_twice_in_a_row():
    assert told(AlertRules(("fall",)), *series(["walk", "fall", "walk", "fall", "fall", "fall", "fall"])) == [
        (4, 1, "fall", True)
    ]


def test_an_action_that_flickers_goes_on_and_one_that_ended_rings_again():
    rules = AlertRules(("fall",), cooldown=0)
    labels = ["fall", "fall", "walk", "walk", "fall", "fall", "walk", None, "walk", "fall", "fall"]
    assert [number for number, *_ in told(rules, *series(labels))] == [1, 10]


def test_what_scores_too_little_rings_nothing():
    rules = AlertRules(("fall",))
    assert told(rules, *[answer(number, min_score=0.9, p1="fall") for number in range(5)]) == []


def test_each_person_and_each_action_has_its_own_alert():
    rules = AlertRules(("fall", "walk"), cooldown=0)
    both = [answer(number, p1="fall", p2="walk") for number in range(3)]
    assert told(rules, *both) == [(1, 1, "fall", True), (1, 2, "walk", True)]


def test_a_suppressed_alert_is_counted_and_does_not_lengthen_the_cooldown():
    rules = AlertRules(("fall",), cooldown=60)
    assert told(rules, *series(["fall"] * 3)) == [(1, 1, "fall", True)]
    [second] = [one for a in series(["fall"] * 2, who="p2", start=30) for one in rules.update(a)]
    assert (second.sent, second.suppressed) == (False, 0)
    assert second.why_not == "30 of 60 seconds of cooldown have passed"
    [third] = [one for a in series(["fall"] * 2, who="p3", start=62) for one in rules.update(a)]
    assert (third.sent, third.suppressed) == (True, 1)
    [fourth] = [one for a in series(["fall"] * 2, who="p4", start=130) for one in rules.update(a)]
    assert (fourth.sent, fourth.suppressed) == (True, 0)


def test_who_stays_down_after_the_cooldown_of_another_rings_once():
    rules = AlertRules(("fall",), cooldown=60)
    told(rules, *series(["fall"] * 2))
    assert told(rules, *series(["fall"] * 60, who="p2", start=20)) == [
        (1, 2, "fall", False),
        (41, 2, "fall", True),
    ]
    capped = AlertRules(("fall",), cooldown=0, per_hour=1)
    told(capped, *series(["fall"] * 2))
    long = series(["fall"] * 50, who="p2", start=20, step=100)
    assert [sent for *_, sent in told(capped, *long)] == [False, True], "and after the cap"


def test_other_actions_do_not_wait():
    rules = AlertRules(("fall", "walk"), cooldown=60)
    told(rules, *series(["fall"] * 2))
    assert [sent for *_, sent in told(rules, *series(["walk"] * 2, who="p2", start=5))] == [True]


def test_no_more_are_sent_within_an_hour_than_the_cap():
    rules = AlertRules(("fall",), cooldown=0, per_hour=2)
    sent = []
    for person in range(4):
        sent += told(rules, *series(["fall"] * 2, who=f"p{person}", start=100.0 * person))
    assert [one[3] for one in sent] == [True, True, False, False]
    [later] = [one for a in series(["fall"] * 2, who="p9", start=3702) for one in rules.update(a)]
    assert (later.sent, later.suppressed) == (True, 2)
