"""A live run: answers at a stride, states of the source, and nothing that waits in a queue."""

from __future__ import annotations

import json
import threading
import time

import fakes
import live_fakes
import pytest

from posec3d_cli.errors import StageMismatch
from posec3d_cli.live.alerts import AlertRules
from posec3d_cli.live.run import LiveRun
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.sampling.clips import ClipSampling


def run(given, *, where=lambda index: [60], alerts=None, looks=False, people="each", min_score=0.0, **options):
    """Run over frames; what was told. The classifier says "right" the further right somebody is of 100 pixels."""
    kept = live_fakes.Kept(looks)
    pipeline = fakes.pipeline(where, sampling=ClipSampling(frames=4, people=people, window_seconds=1.0))
    pipeline.recognizer.used = fakes.replace(pipeline.recognizer.used, min_score=min_score)
    capture = live_fakes.Capture(given, late=options.pop("late", 0.0))
    running = LiveRun(capture, pipeline, [kept], alerts=alerts, **options)
    running.warm_up()
    seen = len(pipeline.extractor.detector.seen)
    running.run(threading.Event())
    kept.detected, kept.counts = pipeline.extractor.detector.seen[seen:], running.counts
    return kept


def frames(count, *, step=0.1, every=1, session=0, first=0, start=None):
    begun = time.monotonic() if start is None else start
    return [live_fakes.Given(first + every * n, begun + step * n, session) for n in range(count)]


def test_an_answer_comes_every_stride_about_the_newest_window():
    kept = run(["connecting", "live", *frames(41)], stride=1.0, detect_every=5)
    assert kept.states == ["connecting", "live"]
    # The window of 1 s is half full after 0.5 s; then every second.
    assert len(kept.answers) == 4
    for answer in kept.answers:
        [doing] = answer.doings
        assert (doing.person, doing.label) == (0, "right")
        assert answer.fps == pytest.approx(10, abs=0.5)
        assert answer.window_seconds <= 1.0
    assert kept.detected == list(range(0, 41, 5))
    document = kept.answers[-1].to_dict()
    assert json.loads(json.dumps(document)) == document
    assert document["people"][0]["label"] == "right"
    assert document["counts"]["decoded"] == document["counts"]["processed"] > 30
    assert (document["counts"]["dropped"], document["counts"]["damaged"]) == (0, 0)


def test_frames_that_were_passed_over_are_counted_as_dropped():
    kept = run(frames(20, every=4), stride=0.5)
    assert (kept.counts.decoded, kept.counts.processed, kept.counts.dropped) == (77, 20, 57)
    assert kept.answers[0].counts.dropped > 0


def test_the_delay_is_from_the_arrival_of_the_newest_frame():
    kept = run(frames(12, start=time.monotonic() - 5), stride=1.0)
    assert 3 < kept.answers[0].delay < 5.5
    assert abs(time.time() - kept.answers[0].time - kept.answers[0].delay) < 5


def test_nobody_and_unknown_are_answers():
    kept = run(frames(12), where=lambda index: [])
    assert [answer.doings for answer in kept.answers] == [()]
    assert kept.answers[0].to_dict()["status"] == "no_person"
    kept = run(frames(12), min_score=0.9)
    [doing] = kept.answers[0].doings
    assert (doing.label, doing.guess[0]) == ("unknown", "right")
    assert kept.answers[0].to_dict()["people"][0]["guess"] == "right"


def test_people_who_are_read_together_have_one_answer():
    kept = run(frames(12), where=lambda index: [20, 60], people="together", looks=True)
    [doing] = kept.answers[0].doings
    assert (doing.person, doing.label) == (None, "left")


def test_a_source_that_comes_back_begins_a_new_window_and_people_keep_their_ids():
    begun = time.monotonic()
    given = ["live", *frames(10, start=begun), "lost", "live"]
    given += frames(4, session=1, first=10, start=begun + 8) + frames(8, session=1, first=14, start=begun + 8.4)
    kept = run(given, stride=0.5, detect_every=16)
    assert kept.states == ["live", "lost", "live"]
    assert [answer.doings[0].person for answer in kept.answers] == [0, 0, 0]
    assert kept.detected[0] == 0
    assert 10 in kept.detected, "the first frame after an absence"
    assert all(answer.window_seconds <= 1.0 for answer in kept.answers)


def test_too_few_frames_for_a_window_are_said_once_and_that_it_goes_on():
    begun = time.monotonic()
    given = ["live", *frames(8, step=0.6, start=begun), *frames(10, first=8, start=begun + 5)]
    kept = run(given)
    assert kept.states == ["live", "slow", "live"]
    assert len(kept.answers) == 1


def test_silence_is_said_and_its_end():
    kept = live_fakes.Kept()
    pipeline = fakes.pipeline(lambda index: [60], sampling=ClipSampling(frames=4, people="each", window_seconds=1.0))

    class Silent(live_fakes.Capture):
        """Says nothing twice after its third frame, which came long ago."""

        silences = 2

        def next(self, after, timeout):
            if after == 2 and self.silences:
                self.silences -= 1
                return None
            return super().next(after, timeout)

    given = ["live", *frames(3, start=time.monotonic() - 10), *frames(1, first=3)]
    LiveRun(Silent(given), pipeline, [kept]).run(threading.Event())
    assert kept.states == ["live", "silent", "live"]


def test_a_run_stops_when_it_is_asked_to():
    stop = threading.Event()
    stop.set()
    kept = live_fakes.Kept()
    LiveRun(live_fakes.Capture(frames(5)), fakes.pipeline(), [kept]).run(stop)
    assert kept.answers == []


def test_frames_are_drawn_only_for_who_looks():
    assert run(frames(5)).frames == []
    drawn = run(frames(12), looks=True).frames
    assert len(drawn) == 12
    assert (drawn[0][0] != 90).any()
    assert [seconds for _, seconds in drawn] == sorted(seconds for _, seconds in drawn)


def test_a_classifier_that_reads_frames_is_refused(monkeypatch):
    monkeypatch.setattr(ActionRecognizer, "needs_frames", True)
    with pytest.raises(StageMismatch, match="are not kept"):
        LiveRun(live_fakes.Capture([]), fakes.pipeline(), [])


def test_alerts_go_to_the_outputs():
    kept = run(frames(40), stride=0.5, alerts=AlertRules(("right",)))
    assert [(alert.label, alert.person, alert.sent) for alert in kept.alerts] == [("right", 0, True)]
    assert kept.alerts[0].to_dict()["type"] == "alert"
