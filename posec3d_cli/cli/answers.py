"""What `posec3d predict` says of each input: rows of a table, or one JSON document."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from posec3d_cli.cli.render import note, print_error, print_json, print_table
from posec3d_cli.errors import PoseC3DError, counted, together

if TYPE_CHECKING:
    from posec3d_cli.recognition.recognizer import ActionRecognizer
    from posec3d_cli.results import ClipResult, Failure, PipelineInfo
    from posec3d_cli.types import ActionScores

HEADERS = ["video", "action", "probability"]
TIMELINE_HEADERS = ["video", "start", "end", "person", "action", "probability", "repetitions"]
TOP = 5


class Answers:
    """Prints the results of inputs as they come, or as one JSON document at the end.

    Args:
        json: print the document in place of the table.
        top: labels of an answer; None: `TOP`, and none beside a timeline.
        timeline: print the timeline of short videos too.
        details: say in the table what each person does, and what is done in each window.
    """

    def __init__(self, *, json: bool, top: int | None, details: bool, timeline: bool) -> None:
        self._json, self._top, self._details, self._timeline = json, top, details, timeline
        self._headers: list[str] = []
        self._results: list[tuple[int, ClipResult]] = []
        self._warnings: list[tuple[str, str]] = []
        self._answered = self._failed = self._unwritten = 0

    def add(self, index: int, result: ClipResult) -> None:
        """Add a result; `index` is the position of its input on the command line."""
        self._results.append((index, result.without_poses()))
        if result.error is not None:
            self._failed += 1
            _print_about(result.name, result.error)
            return
        self._answered += 1
        self._warnings += [(result.name, warning) for warning in result.warnings]
        if not self._json:
            self._print(result)

    def unwritten(self, error: PoseC3DError) -> None:
        """A file that could not be made of the input that was answered last."""
        from posec3d_cli.results import Failure

        self._unwritten += 1
        index, result = self._results[-1]
        failure = Failure.of(error)
        _print_about(result.name, failure)
        self._results[-1] = index, replace(result, output_errors=(*result.output_errors, failure))

    def finish(self, used: PipelineInfo) -> bool:
        """Print the document, what makes answers less certain, and how many failed; whether all was done."""
        for line in together(self._warnings, "video"):
            note("note", line)
        if self._json:
            from posec3d_cli.output.json import document

            results = [result for _, result in sorted(self._results, key=lambda one: one[0])]
            print_json(document(results, used, top=self._top or TOP))
        inputs = self._answered + self._failed
        if self._failed and inputs > 1:
            note("error", f"{self._failed} of {counted(inputs, 'video')} could not be answered")
        if self._unwritten:
            files = counted(self._unwritten, "file")
            note("error", f"{files} could not be written; the actions above are complete")
        return not self._failed and not self._unwritten

    def interrupt(self, used: PipelineInfo, inputs: int) -> None:
        """Print what is ready when somebody does not want to wait any longer."""
        note("note", f"interrupted: {self._answered + self._failed} of {counted(inputs, 'video')} were done")
        self.finish(used)

    def _print(self, result: ClipResult) -> None:
        from posec3d_cli.results import NO_PERSON_IN_WORDS

        video, scores, least = result.name, result.scores, result.pipeline.min_score
        if self._timeline or result.is_long:
            self._print_rows(TIMELINE_HEADERS, [[video, *cells] for cells in _timeline(result)])
            if self._top is None and not self._details:
                return
        answers = [(NO_PERSON_IN_WORDS, "")] if scores is None else _rows(scores, self._top or TOP, result.guess(least))
        rows = [[video, *answer] for answer in answers]
        if self._details:
            rows += [[f"{video} {what}", *answer] for what, answer in _detailed(result, least)]
        self._print_rows(HEADERS, rows)

    def _print_rows(self, headers: list[str], rows: list[list[str]]) -> None:
        """Print a table; headers only where they are others than those above."""
        if self._headers != headers or sys.stdout.isatty():
            self._headers = headers
            print_table(headers, rows)
            return
        for row in rows:
            typer.echo("\t".join(row))


def _timeline(result: ClipResult) -> list[list[str]]:
    """Start, end, person, action, probability and repetitions of each segment."""
    from posec3d_cli.answers import person_text
    from posec3d_cli.results import NO_PERSON, NO_PERSON_IN_WORDS, unless_named

    least = result.pipeline.min_score
    rows = []
    for one in result.segments:
        label = one.answer(least)
        guess = None if one.scores is None else unless_named(one.scores, least)
        named = NO_PERSON_IN_WORDS if label == NO_PERSON else label if guess is None else f"{label} ({guess[0]})"
        edges = [f"{result.video.seconds(frame):.1f} s" for frame in (one.start, one.stop)]
        best = "" if one.scores is None else f"{100 * one.scores.top(1)[0][1]:.1f} %"
        counted = "" if one.repetitions is None else str(one.repetitions)
        rows.append([*edges, person_text(one.person), named, best, counted])
    return rows


def describe(recognizer: ActionRecognizer) -> str:
    """The clip sampling in a few words."""
    sampling = recognizer.sampling
    whom = "each person alone" if sampling.people == "each" else "everybody together"
    span = "the whole video as one" if sampling.window_seconds is None else f"windows of {sampling.window_seconds:g} s"
    views = counted(sampling.views, "view")
    mirrored = " and mirror images" if sampling.flip else ""
    model = recognizer.used.models["classifier"]
    precision = f" in {recognizer.used.precision}" if recognizer.used.precision else ""
    shares = [f"{share:.2g}" for share in recognizer.used.ensemble.values()]
    parts = f" ({' + '.join(shares)})" if shares else ""
    least = f", unknown below {recognizer.used.min_score:g}" if recognizer.used.min_score else ""
    return f"{whom}, {span}, {views}{mirrored}; {model.name}{parts} on {model.device}{precision}{least}"


def _print_about(video: str, error: Failure) -> None:
    what = error.what if video in error.what else f"{video}: {error.what}"
    print_error(PoseC3DError(what, hint=error.hint))


def _rows(scores: ActionScores, top: int, guess: tuple[str, float] | None) -> list[tuple[str, str]]:
    """The actions, best first; what an answer `unknown` would have been, the guess, stands behind it."""
    from posec3d_cli.results import UNKNOWN

    labels = scores.top(top)
    first = labels[0][0] if guess is None else f"{UNKNOWN} ({guess[0]})"
    names = [first, *(label for label, _ in labels[1:])]
    return [(name, f"{100 * probability:.1f} %") for name, (_, probability) in zip(names, labels, strict=True)]


def _detailed(result: ClipResult, min_score: float) -> list[tuple[str, tuple[str, str]]]:
    """The best action of each person, or of all together, with and without objects, and of each window of several."""
    from posec3d_cli.results import NO_PERSON_IN_WORDS, unless_named

    lines = []
    for person in result.people:
        if person.scores is not None:
            guess = unless_named(person.scores, min_score)
            lines.append((f"person {person.id}", _rows(person.scores, 1, guess)[0]))
            lines += _of_objects(result, person.id, person.scores, min_score)
    if not lines and result.scores is not None and result.scores.without_objects is not None:
        alone = result.scores.of_poses
        lines.append(("without objects", _rows(alone, 1, unless_named(alone, min_score))[0]))
    if len(result.windows) > 1:
        for window in result.windows:
            guess, scores = unless_named(window.scores, min_score), window.scores
            best = (NO_PERSON_IN_WORDS, "") if scores is None else _rows(scores, 1, guess)[0]
            start, stop = (result.video.seconds(frame) for frame in (window.start, window.stop))
            lines.append((f"{start:.1f}-{stop:.1f} s", best))
    return lines


def _of_objects(
    result: ClipResult, person: int, scores: ActionScores, min_score: float
) -> list[tuple[str, tuple[str, str]]]:
    """What a person has at hand, and the best action of the poses alone, where objects had a say."""
    from posec3d_cli.results import unless_named

    if scores.without_objects is None:
        return []
    near: dict[str, float] = {}
    for window in result.windows:
        for one in window.people:
            if one.id == person:
                near |= {name: max(score, near.get(name, 0.0)) for name, score in one.objects}
    held = ", ".join(f"{name} {score:.2f}" for name, score in sorted(near.items(), key=lambda item: -item[1]))
    alone = scores.of_poses
    return [
        (f"person {person} at hand", (held or "nothing", "")),
        (f"person {person} without objects", _rows(alone, 1, unless_named(alone, min_score))[0]),
    ]
