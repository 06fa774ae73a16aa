"""Measure how people who are read alone and in pairs become one answer, on clips that show one action each.

    python benchmarks/timeline/pairs.py MODEL=CLIPS.csv...

MODEL is the folder of a classifier with interactions, CLIPS.csv has the columns video and label and names pose files
that MODEL did not learn from; `pair_sets.py` makes such tables. Prints the segments of each clip; then what becomes of
clips of interactions, and of those of other actions in which two people are near each other; and, for each rule, how
many windows and clips of interactions are answered with the right one (a clip with what most of its windows say), and
how many of other actions with an interaction (a clip where any window says so), of those in which people are near.
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
    """Print the segments and the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="+", metavar="MODEL=CLIPS.csv")
    given = parser.parse_args()
    counts: Counter[str] = Counter()
    answers: dict[str, Counter[str]] = {rule: Counter() for rule in RULES}
    for part in given.parts:
        model, _, table = part.partition("=")
        if not table:
            parser.error(f"name a model and its clips as MODEL=CLIPS.csv, got {part!r}")
        measure(Path(model), Path(table), counts, answers)
    for name in sorted(counts):
        print(f"{name}: {counts[name]}")
    for rule, found in answers.items():
        print(
            f"{rule}: {found['windows right']} of {counts['windows of interactions']} windows and "
            f"{found['clips right']} of {counts['clips of interactions']} clips of interactions right, "
            f"{found['windows false']} of {counts['windows of others, people near']} windows and "
            f"{found['clips false']} of {counts['clips of others, people near']} clips of others false"
        )


def measure(model: Path, table: Path, counts: Counter[str], answers: dict[str, Counter[str]]) -> None:
    """Count what becomes of the clips of a table, and what each rule answers."""
    recognizer = ActionRecognizer.from_config(PipelineConfig(classifiers=(model,), device="cpu", offline=True))
    sampling = recognizer.sampling
    interactions = frozenset(recognizer.interactions(sampling))
    for row in read_csv(table, ("video", "label")).rows:
        [poses] = read_pose_file(table.parent / row["video"])
        plans = recognizer.plans(sampling, poses.video.frame_count, poses.video.fps)
        scored, _, _ = recognizer.classify_windows(poses, plans, sampling)
        windows = [aggregate_window(number, window, scored[0]) for number, window in enumerate(plans[0])]
        near = [window for window in windows if window.pairs]
        label = row["label"]
        together = label in interactions
        kind = "interactions" if together else "others"
        counts[f"clips of {kind}"] += 1
        counts[f"clips of {kind}, people near"] += bool(near)
        counts[f"windows of {kind}"] += len(windows)
        counts[f"windows of {kind}, people near"] += len(near)
        result = recognizer.recognize_file(poses)
        named = [(one.person, one.answer(recognizer.used.min_score)) for one in result.segments]
        print(label, Path(row["video"]).stem, *(f"{person}:{answer}" for person, answer in named), sep="\t")
        pairs = {answer for person, answer in named if isinstance(person, tuple)}
        if together:
            became = "the right one" if label in pairs else "another" if pairs else "none"
            counts[f"segments: clips of interactions with {became}"] += 1
        elif near:
            counts[f"segments: clips of others, people near, with {'one' if pairs else 'none'}"] += 1
        for rule, decide in RULES.items():
            said = [{decide(window, pair, interactions) for pair in window.pairs} - {""} for window in near]
            if together:
                votes = Counter(one for window in said for one in sorted(window))
                answers[rule]["windows right"] += sum(label in window for window in said)
                answers[rule]["clips right"] += bool(votes) and votes.most_common(1)[0][0] == label
            else:
                answers[rule]["windows false"] += sum(bool(window) for window in said)
                answers[rule]["clips false"] += any(said)


if __name__ == "__main__":
    main()
