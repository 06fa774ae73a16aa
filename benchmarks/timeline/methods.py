"""Compare methods that make segments of window scores, on composed videos of validation clips.

    python benchmarks/timeline/methods.py TABLE.csv... [--videos N] [--seconds S] [--seed N] [--stride S]
        [--classifier A+B]

TABLE has the columns video and label; the videos are pose files of clips that the classifier never saw. Clips of labels
that it does not have are background. Prints F1 at IoU 0.1, 0.25 and 0.5, edit score, frame accuracy with and without
background and mAP for: each window alone, a mean over windows, hysteresis, and Viterbi with several switch costs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from compose import NONE, RATE, Truth, as_video, compose, read_clips
from msgspec import structs

from posec3d_cli.answers import NO_PERSON, UNKNOWN, WindowScores
from posec3d_cli.config import PipelineConfig
from posec3d_cli.evaluation.segment_metrics import Detection, Pair, SegmentReport, measure_segments
from posec3d_cli.recognition.recognizer import ActionRecognizer
from posec3d_cli.timeline.build import action_segments
from posec3d_cli.timeline.presence import GAP, Presence, Span
from posec3d_cli.types import ActionScores

Named = tuple[str, int, int, float]
"""Label, first frame, frame after the last, score."""
BACKGROUND = (NONE,)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="+", type=Path, metavar="TABLE.csv")
    parser.add_argument("--videos", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stride", type=float)
    parser.add_argument("--classifier", default="posec3d-daily+posec3d-daily-bone+posec3d-daily-lightning")
    given = parser.parse_args()
    classifiers = tuple(given.classifier.split("+"))
    recognizer = ActionRecognizer.from_config(PipelineConfig(classifiers=classifiers, device="cpu", offline=True))
    if given.stride:
        recognizer.sampling = structs.replace(recognizer.sampling, stride_seconds=given.stride)
    clips = read_clips(given.tables, recognizer.labels)
    rng = np.random.default_rng(given.seed)
    videos = []
    for number in range(given.videos):
        people = [compose(clips, seconds=given.seconds / (1 + number % 3), rng=rng) for _ in range(1 + number % 3)]
        poses = as_video([chosen for chosen, _ in people], f"composed {number}")
        frames = poses.video.frame_count
        result = recognizer.recognize(poses)
        presence = Presence(round(GAP * RATE))
        presence.add(poses.frame_indices, poses.track_ids)
        truths = [cut(truth, frames) for _, truth in people]
        videos.append((result.windows, presence.spans(frames), frames, truths))
    counted = sum(len(truths) for *_, truths in videos)
    minutes = sum(one[2] for one in videos) / float(RATE) / 60
    print(f"{len(videos)} videos of {counted} people, {minutes:.1f} minutes of film")
    print(f"{'method':42} F1@10 F1@25 F1@50  edit   acc acc-a   mAP segments")
    least = recognizer.used.min_score
    for name, method in methods(least).items():
        report = measured(videos, method)
        print(
            f"{name:42} {100 * report.f1[0.1]:5.1f} {100 * report.f1[0.25]:5.1f} {100 * report.f1[0.5]:5.1f} "
            f"{100 * report.edit:5.1f} {100 * (report.accuracy or 0):5.1f} "
            f"{100 * (report.accuracy_without_background or 0):5.1f} {100 * report.average_map:5.1f} "
            f"{report.predicted} of {report.segments}",
            flush=True,
        )


def cut(truth: Truth, frames: int) -> Truth:
    """The truth of the first frames."""
    return [(label, start, min(stop, frames)) for label, start, stop in truth if start < frames]


Spans = dict[int | None, list[Span]]
Method = Callable[[Sequence[WindowScores], Spans, int], Iterator[tuple[int | None, Named]]]
"""Gives the segments of all people, of windows, presence and number of frames."""


def methods(least: float) -> dict[str, Method]:
    """The methods by name."""
    found: dict[str, Method] = {"each window alone": viterbi(0.0, 0.0, least)}
    for on, off in ((0.6, 0.3), (0.5, 0.2), (0.8, 0.4)):
        found[f"hysteresis on {on} off {off}, shortest 1 s"] = hysteresis(on, off)
    for shortest in (1.0, 1.5, 2.0):
        found[f"best of each window, shortest {shortest:g} s"] = viterbi(0.0, shortest, least)
        for number in (3, 5):
            found[f"mean of {number} windows, shortest {shortest:g} s"] = viterbi(0.0, shortest, least, mean=number)
        for cost in (0.25, 0.5, 1.0, 2.0, 4.0):
            found[f"Viterbi cost {cost:g}, shortest {shortest:g} s"] = viterbi(cost, shortest, least)
    return found


def viterbi(cost: float, shortest: float, least: float, mean: int = 1) -> Method:
    """The product's method with these settings, perhaps on a moving mean of the scores."""

    def segments(windows: Sequence[WindowScores], spans: Spans, frames: int) -> Iterator[tuple[int | None, Named]]:
        made = action_segments(
            averaged(windows, mean),
            spans,
            frame_count=frames,
            fps=RATE,
            min_score=least,
            switch_cost=cost,
            shortest=shortest,
        )
        for one in made:
            label = one.answer(least)
            if label not in (UNKNOWN, NO_PERSON) and one.scores is not None:
                yield one.person, (label, one.start, one.stop, one.scores.top(1)[0][1])

    return segments


def averaged(windows: Sequence[WindowScores], number: int) -> list[WindowScores]:
    """The windows with the scores of each person averaged over `number` windows around."""
    if number == 1:
        return list(windows)
    made = []
    for place, window in enumerate(windows):
        around = windows[max(0, place - number // 2) : place + number // 2 + 1]
        people = []
        for person in window.people:
            values = [one.scores.probabilities for w in around for one in w.people if one.id == person.id]
            mean = np.mean(values, axis=0, dtype=np.float64).astype(np.float32)
            people.append(replace(person, scores=ActionScores(mean, person.scores.labels)))
        made.append(replace(window, people=tuple(people)))
    return made


def hysteresis(on: float, off: float) -> Method:
    """An action begins where it reaches `on` and ends where it falls below `off` or another one begins."""

    def segments(windows: Sequence[WindowScores], spans: Spans, frames: int) -> Iterator[tuple[int | None, Named]]:
        for person in {one.id for window in windows for one in window.people}:
            current, begin, end, scores = "", 0, 0, []
            for window in windows:
                middle = (window.start + window.stop) / 2
                half = float(RATE) / 2
                one = next((p.scores for p in window.people if p.id == person), None)
                known = {} if one is None else dict(zip(one.labels, one.probabilities.tolist(), strict=True))
                known.pop(UNKNOWN, None)
                best = max(known, key=lambda label: known[label]) if known else ""
                if current and (known.get(current, 0) < off or (best != current and known.get(best, 0) >= on)):
                    if end - begin >= RATE:
                        yield person, (current, begin, end, float(np.mean(scores)))
                    current = ""
                if not current and known and known[best] >= on:
                    current, begin, scores = best, max(0, round(middle - half)), []
                if current:
                    end = min(frames, round(middle + half))
                    scores.append(known[current])
            if current and end - begin >= RATE:
                yield person, (current, begin, end, float(np.mean(scores)))

    return segments


def measured(videos: Sequence[tuple], method: Method) -> SegmentReport:
    """The metrics of a method over all people of all videos."""
    pairs: dict[str, Pair] = {}
    detections = []
    for number, (windows, spans, frames, truths) in enumerate(videos):
        found = list(method(windows, spans, frames))
        for person, truth in enumerate(truths):
            name = f"{number} person {person}"
            true = [label for label, start, stop in truth for _ in range(start, stop)]
            predicted = [NONE] * frames
            for whom, (label, start, stop, score) in found:
                if whom == person:
                    predicted[start:stop] = [label] * (stop - start)
                    detections.append(Detection(name, label, start, stop, score))
            pairs[name] = (predicted, true)
    return measure_segments(pairs, detections, BACKGROUND)


if __name__ == "__main__":
    main()
