"""Measure how people who are read alone and in pairs become one answer, on clips that show one action each.

    python benchmarks/timeline/pairs.py MODEL CLIPS.csv

MODEL is the folder of a classifier with interactions, CLIPS.csv has the columns video and label and names pose files
that MODEL did not learn from. Prints, for each rule, how many windows of interactions are answered with the right one,
and how many windows of other actions, of those with a pair, are answered with an interaction; then the segments.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from posec3d_cli.answers import PairInWindow, WindowScores
from posec3d_cli.config import PipelineConfig
from posec3d_cli.files.csv_tables import read_csv
from posec3d_cli.pose_files import read_pose_file
from posec3d_cli.recognition.aggregate import aggregate_window
from posec3d_cli.recognition.pairs import joined_readings
from posec3d_cli.recognition.recognizer import ActionRecognizer

Rule = Callable[[WindowScores, PairInWindow, frozenset[str]], str]


def as_the_program(window: WindowScores, pair: PairInWindow, interactions: frozenset[str]) -> str:
    """The best interaction, if it is more probable than what both do alone."""
    joined = joined_readings(window, interactions)
    named = [one for one in joined.pairs if one.people == pair.people and one.together]
    return best_of(named[0], interactions)[0] if named else ""


def best_label(window: WindowScores, pair: PairInWindow, interactions: frozenset[str]) -> str:
    """The best label of the reading of the pair, if it is an interaction."""
    label = pair.scores.top(1)[0][0]
    return label if label in interactions else ""


def more_than_half(window: WindowScores, pair: PairInWindow, interactions: frozenset[str]) -> str:
    """The best interaction, if all interactions together have more than half of the reading of the pair."""
    together = sum(p for label, p in pair.scores.top(len(pair.scores.labels)) if label in interactions)
    return best_of(pair, interactions)[0] if together > 0.5 else ""


def surer_than_people(window: WindowScores, pair: PairInWindow, interactions: frozenset[str]) -> str:
    """The best interaction, if it is more probable than the best action of both people in their own readings."""
    own = [one.scores.top(1)[0][1] for one in window.people if one.id in pair.people]
    label, probability = best_of(pair, interactions)
    return label if probability > max(own) else ""


RULES: dict[str, Rule] = {
    "more probable than what both do alone (the program)": as_the_program,
    "the best label of the pair is an interaction": best_label,
    "interactions have more than half": more_than_half,
    "surer than either person alone": surer_than_people,
}


def best_of(pair: PairInWindow, interactions: frozenset[str]) -> tuple[str, float]:
    """The best interaction with its probability."""
    return next(one for one in pair.scores.top(len(pair.scores.labels)) if one[0] in interactions)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="MODEL")
    parser.add_argument("clips", type=Path, metavar="CLIPS.csv")
    given = parser.parse_args()
    recognizer = ActionRecognizer.from_config(PipelineConfig(classifiers=(given.model,), device="cpu"))
    sampling = recognizer.sampling
    interactions = frozenset(recognizer.interactions(sampling))
    windows: Counter[str] = Counter()
    right: Counter[str] = Counter()
    false: Counter[str] = Counter()
    clips: Counter[str] = Counter()
    for row in read_csv(given.clips, ("video", "label")).rows:
        [poses] = read_pose_file(given.clips.parent / row["video"])
        result = recognizer.recognize_file(poses)
        named = [(one.person, one.answer(0)) for one in result.segments]
        together = [label for person, label in named if isinstance(person, tuple)]
        if row["label"] in interactions:
            clips[f"interactions: {'right' if row['label'] in together else 'wrong' if together else 'no pair'}"] += 1
        else:
            clips[f"other actions: {'an interaction' if together else 'no interaction'}"] += 1
        print(row["label"], Path(row["video"]).stem, *(f"{person}:{label}" for person, label in named), sep="\t")
        plans = recognizer.plans(sampling, poses.video.frame_count, poses.video.fps)
        scored, _, _ = recognizer.classify_windows(poses, plans, sampling)
        for number, window in enumerate(plans[0]):
            raw = aggregate_window(number, window, scored[0])
            kind = "interactions" if row["label"] in interactions else "others"
            windows[kind] += bool(raw.people)
            windows[f"{kind} with a pair"] += bool(raw.pairs)
            for rule, decide in RULES.items():
                answers = {decide(raw, pair, interactions) for pair in raw.pairs} - {""}
                right[rule] += row["label"] in answers
                false[rule] += bool(answers) and kind == "others"
    print(dict(clips))
    print(dict(windows))
    for rule in RULES:
        print(
            f"{rule}: {right[rule]} of {windows['interactions']} windows of interactions right, "
            f"{false[rule]} of {windows['others with a pair']} windows of others with a pair wrong"
        )


if __name__ == "__main__":
    main()
